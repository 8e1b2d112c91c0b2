"""``lakehouse costs``, asked of a server that replays an answer: REPLAYED, NOT SEEN, as no emulator has JOBS_BY_USER.

That the statement adds up the right jobs is tested on Google's own engine, in ``tests/googlesql/test_costs.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import Command, lakehouse
from tests.gcp.keys import Google, write_key
from tests.project import Project
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Replay
from tests.warehouse.bigquery.replayed_jobs import Outcome, failing

COLUMNS = (("of_label", "STRING"), ("jobs", "INTEGER"), ("bytes_billed", "INTEGER"), ("slot_ms", "INTEGER"))
ROWS = (("green_silver", 12, 3 << 30, 61_234), ("green_gold", 7, 70 << 20, 900), ("", 1, 10 << 20, 5))

Says = Callable[..., Command]


@pytest.fixture
def replay() -> Iterator[Replay]:
    with Replay(location="EU") as server:
        yield server


@pytest.fixture
def says(tmp_path: Path, replay: Replay, google: Google) -> Says:
    project = Project(tmp_path / "project")
    key = str(write_key(tmp_path, google.token_uri))

    def said(*arguments: str, **environment: str) -> Command:
        cloud = {
            "LAKEHOUSE_PROFILE": "gcp",
            "LAKEHOUSE_PROJECT": "my-project",
            "LAKEHOUSE_BUCKET": "my-bucket",
            "LAKEHOUSE_LOCATION": "EU",
            "LAKEHOUSE_CREDENTIALS": key,
            "BIGQUERY_EMULATOR_HOST": replay.address,
        }
        return lakehouse(project, *arguments, **{**cloud, **environment})

    return said


def test_what_jobs_billed_is_shown_with_its_price_and_a_total(replay: Replay, says: Says) -> None:
    replay.jobs_end(Outcome(columns=COLUMNS, rows=ROWS))
    said = says("costs", "--days", "7")
    assert said.exit_code == 0, said
    lines = [line.split() for line in said.output.splitlines() if line.strip()]
    assert lines[0] == ["asset", "jobs", "bytes_billed", "slot_ms", "price_usd"]
    assert lines[2:] == [
        ["green_silver", "12", "3,221,225,472", "61,234", "0.018"],
        ["green_gold", "7", "73,400,320", "900", "0.00042"],
        ["-", "1", "10,485,760", "5", "0.00006"],
        ["total", "20", "3,305,111,552", "62,139", "0.019"],
    ]


def test_it_asks_once_with_bound_values_and_is_itself_labelled_and_capped(replay: Replay, says: Says) -> None:
    said = says("costs", "--by", "run", "--days", "3", LAKEHOUSE_PREFIX="dev", LAKEHOUSE_BYTES_CAP="1GiB")
    assert said.exit_code == 0, said
    (configuration,) = replay.configurations
    bound = {each["name"]: each["parameterValue"]["value"] for each in configuration["query"]["queryParameters"]}
    assert bound == {"by": "run", "days": "3", "managed_by": "lakehouse", "prefix": "dev"}
    assert "FROM `region-eu`.INFORMATION_SCHEMA.JOBS_BY_USER" in configuration["query"]["query"]
    assert configuration["labels"] == {"managed-by": "lakehouse", "prefix": "dev"}
    assert configuration["query"]["maximumBytesBilled"] == str(1 << 30)


def test_a_program_gets_numbers_and_the_price_of_the_setting(replay: Replay, says: Says) -> None:
    replay.jobs_end(Outcome(columns=COLUMNS, rows=ROWS), times=2)
    told = json.loads(says("costs", "--format", "json", LAKEHOUSE_PRICE_PER_TIB="1024").output)
    assert told[0] == {
        **{"asset": "green_silver", "jobs": 12, "bytes_billed": 3 << 30, "slot_ms": 61_234},
        "price_usd": 3.0,
    }
    written = says("costs", "--by", "month", "--format", "csv").output.splitlines()
    assert written[0] == '"month","jobs","bytes_billed","slot_ms","price_usd"'
    assert len(written) == 1 + len(ROWS)


def test_of_no_jobs_there_is_nothing(replay: Replay, says: Says) -> None:
    replay.jobs_end(Outcome(columns=COLUMNS))
    said = says("costs")
    assert (said.exit_code, "total" in said.output) == (0, False), said


def test_who_may_not_list_jobs_is_told_in_one_line(replay: Replay, says: Says) -> None:
    words = "Access Denied: Table my-project:region-eu.INFORMATION_SCHEMA.JOBS_BY_USER: User does not have permission"
    replay.jobs_end(failing(Problem(403, "accessDenied", words)))
    said = says("costs")
    assert said.exit_code == 2
    (line,) = said.errors
    assert line == f"Error: costs: BigQuery refuses it ({words}): grant the account roles/bigquery.user on the project"


def test_on_this_machine_it_says_in_one_line_that_it_is_of_another_profile(tmp_path: Path) -> None:
    said = lakehouse(Project(tmp_path / "project"), "costs")
    assert said.exit_code == 2
    (line,) = said.errors
    assert line.endswith("billed by nobody: this command is for LAKEHOUSE_PROFILE=gcp")
