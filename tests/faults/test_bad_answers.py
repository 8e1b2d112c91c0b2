"""Whatever a source answers, a run says it in one line, what was loaded answers, and the next good answer heals it.

What a fetch alone does with all of the ways is in ``tests/dlt_sources/test_misbehaving.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dlt_sources.remote_file import HttpPolicy
from lakehouse.exceptions import NotPublished
from tests import soak
from tests.commands import dagster_in_memory, lakehouse
from tests.misbehaving import JANUARY, LARGEST, PATIENT, TRIPS, WAYS
from tests.parquet_files import bytes_of
from tests.project import Project
from tests.raw_source import Answer, RawSource, answer, saying
from tests.reference_files import user, zones_csv


@dataclass(frozen=True)
class Loaded:
    """What is run of a source, two good answers, and the query that tells which of them is loaded."""

    command: tuple[str, ...]
    query: str
    path: bytes
    answers: tuple[bytes, bytes]


def users(count: int, **changes: object) -> bytes:
    return json.dumps([{**user(number), **changes} for number in range(1, count + 1)]).encode()


OF = {
    "trips": Loaded(
        ("--from", str(JANUARY), "--to", str(JANUARY), "--select", "green_bronze,green_silver"),
        "SELECT COUNT(*) AS n FROM silver.green_trips",
        b"/green_tripdata_2024-01.parquet",
        (bytes_of(TRIPS.slice(0, 30)), bytes_of(TRIPS)),
    ),
    "zones": Loaded(
        ("--select", "+zones_silver"),
        "SELECT COUNTIF(zone = 'Zone 1') AS n FROM silver.zones",
        b"/taxi_zone_lookup.csv",
        (zones_csv().encode(), zones_csv().replace('Zone 1"', 'Renamed"').encode()),
    ),
    "users": Loaded(
        ("--select", "+users_gold"), "SELECT COUNT(*) AS n FROM silver.users", b"/users", (users(19), users(20))
    ),
}


class House:
    """A project of which one source is a server that says what it is told to."""

    def __init__(self, folder: Path, server: RawSource, of: str) -> None:
        self.project = Project(folder)
        self.server = server
        self.loaded = OF[of]
        if of == "users":
            self.project.users_url = f"{server.url}/users"
        else:
            self.project.tlc_url = server.url

    def run(self, given: Answer, policy: HttpPolicy = PATIENT) -> tuple[int, list[str]]:
        """The exit code of a run while the source answers so, and the lines of what failed."""
        self.server.answers(given)
        self.project.environment = {
            "LAKEHOUSE_HTTP_ATTEMPTS": str(policy.attempts),
            "LAKEHOUSE_HTTP_TIMEOUT": str(policy.timeout_seconds),
            "LAKEHOUSE_HTTP_TOTAL": str(policy.total_seconds),
            "LAKEHOUSE_LARGEST_FILE": f"{LARGEST // 1_000_000}MB",
        }
        result = lakehouse(self.project, "run", *self.loaded.command)
        return result.exit_code, [line for line in result.errors if line.startswith(" ")]

    def answer(self) -> int:
        return int(self.project.rows(self.loaded.query)[0]["n"])


def of(source: str) -> list[str]:
    """Ways of a source: all of them where there is time, else some that are drawn."""
    ways = [what for what, way in WAYS.items() if way.of == source]
    return ways if soak.is_long() else sorted(soak.drawn(f"ways of {source}", 0).sample(ways, 3))


@pytest.mark.parametrize("source", OF)
def test_after_every_bad_answer_what_was_loaded_answers_and_the_next_good_one_heals_it(
    source: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with dagster_in_memory(), RawSource() as server:
        house = House(tmp_path, server, source)
        for number, what in enumerate(of(source)):
            way, (there, next_one) = WAYS[what], house.loaded.answers[:: 1 if number % 2 else -1]
            assert (what, house.run(saying(answer(there)))) == (what, (0, []))  # the next good answer
            before = house.answer()
            exit_code, lines = house.run(way.answer, way.policy)
            is_withdrawn = way.error is NotPublished
            assert (what, exit_code, len(lines)) == (what, 0 if is_withdrawn else 1, 0 if is_withdrawn else 1), lines
            assert all(way.words in line for line in lines), (what, lines)
            assert any(house.loaded.path in request for request in server.requests), what
            assert house.answer() == before
            assert (what, house.run(saying(answer(next_one)))) == (what, (0, []))
            assert house.answer() != before
    record_property("soak bad answers, each healed", len(of(source)))


def test_users_that_silver_refuses_under_the_etag_of_the_good_ones_are_healed_by_the_next(tmp_path: Path) -> None:
    etag = {"ETag": '"same"'}
    with dagster_in_memory(), RawSource() as server:
        house = House(tmp_path, server, "users")
        assert house.run(saying(answer(users(2), headers=etag))) == (0, [])
        exit_code, lines = house.run(saying(answer(users(3, id=1), headers=etag)))
        assert (exit_code, len(lines)) == (1, 1)
        assert "users_silver: blocking check failed" in lines[0]
        assert house.answer() == 2
        assert house.run(saying(answer(users(4), headers=etag))) == (0, [])
        (request,) = server.requests
        assert b"if-none-match" not in request.lower()  # what silver refused has this ETag, too
        assert house.answer() == 4
