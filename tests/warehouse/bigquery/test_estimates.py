"""What a run would bill, held against the statements that the run then sends; emulators tell no bytes, so these are 0.

Sizes are held against rows that are counted; what dry runs tell is REPLAYED, NOT SEEN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlglot import exp

from lakehouse.exceptions import QueryError, StatementFailed
from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.schema import Column
from lakehouse.warehouse.bigquery import placing
from lakehouse.warehouse.bigquery.dry_runs import dry_run
from lakehouse.warehouse.bigquery.estimates import BigQueryEstimates
from lakehouse.warehouse.bigquery.foreseen import Foreseen, Rows
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.sizes import billed, widths
from lakehouse.warehouse.costs import Estimate
from tests.emulators.emulator import Cloud
from tests.googlesql.sent import NotingClient, Sent
from tests.green_files import trips
from tests.loading import CONTRACTS
from tests.warehouse.bigquery.conftest import CAP, LABELS
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Replay
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House, house_in

MONTH = Month(2024, 1)
MIB = 1 << 20
MODELS = ("zones_silver", "green_silver", "green_gold")


@dataclass(frozen=True)
class Foreseeing:
    """A house on emulators whose client notes what it is sent."""

    house: House
    implementation: CloudImplementation
    sent: list[Sent]

    def estimates(self, month: Month, keys: Iterable[str] = MODELS) -> dict[str, Estimate]:
        """By asset; made sure that nothing but what is published was read, and nothing was made."""
        house, implementation, before, tables = self.house, self.implementation, len(self.sent), self._tables()
        estimates = BigQueryEstimates(
            *(implementation.store, implementation.client, implementation.place, house.models, CONTRACTS),
            implementation.bronze,
        )
        found = {each.asset: each for each in estimates.of((house.models[key], month) for key in keys)}
        run = [each for each in self.sent[before:] if not each.is_dry_run]
        assert all("FROM meta.publications" in each.text and "INSERT" not in each.text for each in run)
        assert self._tables() == tables
        return found

    def replaced(self, key: str, partition: Partition) -> int:
        """How many statements a run has sent."""
        before = len(self.sent)
        self.house.replace(key, partition)
        return len(self.sent) - before

    def _tables(self) -> set[str]:
        client = self.implementation.client
        return {table.full_table_id for each in client.list_datasets() for table in client.list_tables(each.dataset_id)}


@pytest.fixture
def foreseeing(tmp_path: Path, cloud: Cloud) -> Iterator[Foreseeing]:
    clients = list[NotingClient]()

    def noting(address: str, project: str) -> NotingClient:
        clients.append(NotingClient(address, project))
        return clients[-1]

    implementation = CloudImplementation(tmp_path, cloud, client=noting)
    with house_in(tmp_path, implementation) as house:
        yield Foreseeing(house, implementation, clients[0].sent)


def test_an_estimate_tells_of_the_statements_that_the_run_then_sends(foreseeing: Foreseeing) -> None:
    house = foreseeing.house
    house.publish_zones()
    house.land(MONTH, trips(MONTH, 40))
    new = foreseeing.estimates(MONTH)
    sent = {key: foreseeing.replaced(key, MONTH) for key in ("green_silver", "green_gold")}
    assert {key: new[key].statements for key in sent} == sent
    assert (new["green_silver"].note, new["green_silver"].known_by) == ("its file is not loaded", "sizes")

    held = foreseeing.estimates(MONTH)
    again = {key: foreseeing.replaced(key, WHOLE if key == "zones_silver" else MONTH) for key in MODELS}
    assert {key: held[key].statements for key in MODELS} == again
    assert {each.known_by for each in held.values()} == {"dry run"}
    assert {each.note for each in held.values()} == {"is published: only its checks are read"}
    assert all(each.bytes_billed >= 10 * MIB * each.statements for each in held.values())

    house.land(MONTH, trips(MONTH, 41))  # restated: what is loaded is another file
    restated = foreseeing.estimates(MONTH)
    assert restated["green_silver"].note == "its file is not loaded"
    assert restated["green_gold"].note == ""
    assert restated["green_silver"].known_by == restated["green_gold"].known_by == "dry run and sizes"


def test_a_month_that_is_not_landed_is_taken_to_be_as_the_newest_that_is(foreseeing: Foreseeing) -> None:
    foreseeing.house.publish_zones()
    nothing = foreseeing.estimates(MONTH)
    usual = nothing["green_silver"]
    assert usual.note.startswith("nothing of green was ever landed: taken to have 57,000 records")
    assert usual.known_by == "sizes"
    assert usual.bytes_billed > 57_000 * 3 * 200  # read from the file, checked and published: 200 bytes a row at least
    assert nothing["green_gold"].bytes_billed > 0
    unknown = foreseeing.estimates(MONTH, ["users_silver"])["users_silver"]
    assert (unknown.bytes_billed, unknown.note) == (0, "nothing of users was ever landed: its size is not known")
    foreseeing.house.land(MONTH, trips(MONTH, 40))
    own, other = (foreseeing.estimates(month) for month in (MONTH, MONTH.next()))
    assert other["green_silver"].note == f"is not landed: taken to be as large as {MONTH}"
    for key in ("green_silver", "green_gold"):
        assert other[key].statements == own[key].statements
        assert other[key].bytes_billed == own[key].bytes_billed > 0


# What is told by sizes, and by dry runs


def query(text: str) -> exp.Query:
    return dialect.parse(text, "query", QueryError)


COLUMNS = (Column("at", "DATETIME", "When"), Column("amount", "NUMERIC(18,2)", "Money"), Column("ok", "BOOL", "?"))
SIZES = widths((*COLUMNS, Column("bronze_sha256", "STRING", "File"), Column("code", "STRING", "Code")), 16)
MANY = 10_000_000


def test_sizes_are_the_documented_ones() -> None:
    assert SIZES == {"at": 8, "amount": 16, "ok": 1, "bronze_sha256": 18, "code": 10}


@pytest.mark.parametrize(
    ("text", "bytes_a_row"),
    [
        ("SELECT amount FROM silver.t", 16 + 8),  # its month is picked by the column at
        ("SELECT ok, COUNT(*) AS n FROM silver.t GROUP BY ok", 1 + 8),
        ("SELECT * FROM silver.t", 53),
        ("SELECT ok FROM named", 16 + 1 + 8),  # named reads amount and ok
        ("SELECT a.ok, b.amount FROM silver.t AS a JOIN silver.t AS b USING (at)", 8 + 16 + 1),  # once
    ],
)
def test_what_is_not_there_is_told_by_the_columns_that_are_read(jobs: Jobs, text: str, bytes_a_row: int) -> None:
    foreseen = Foreseen(jobs)
    foreseen.relate("silver.t", Rows(None, MANY, SIZES, frozenset({"at"})))
    foreseen.relate("named", query("SELECT amount, ok FROM silver.t"))
    foreseen.add_query(query(text), {})
    assert foreseen.bytes_billed == billed(MANY * bytes_a_row, 1)
    assert (foreseen.statements, foreseen.known_by) == (1, {"sizes"})


def test_what_is_there_is_told_by_a_dry_run_that_is_labelled_and_runs_nothing(jobs: Jobs, replay: Replay) -> None:
    replay.dry_run_bytes, replay.dry_run_tables = 123_456_789, ("silver.t", "silver.zones")
    foreseen = Foreseen(jobs)
    foreseen.relate("silver.t", Rows(placing.table("dev_silver.t"), 0, SIZES))
    foreseen.add_query(query("SELECT amount FROM silver.t WHERE at < @partition_end"), {"partition_end": MONTH.end})
    assert (foreseen.bytes_billed, foreseen.known_by) == (118 * MIB, {"dry run"})
    assert not replay.jobs
    (asked,) = (each.body["configuration"] for each in replay.asked)
    assert (asked["dryRun"], asked["query"]["useQueryCache"], asked["labels"]) == (True, False, LABELS)
    assert asked["query"]["maximumBytesBilled"] == str(CAP)
    assert "FROM `dev_silver`.`t`" in asked["query"]["query"]


def test_the_least_is_billed_for_each_table(jobs: Jobs, replay: Replay) -> None:
    replay.dry_run_bytes, replay.dry_run_tables = 5, ("silver.a", "silver.b", "silver.c")
    foreseen = Foreseen(jobs)
    foreseen.relate("silver.a", Rows(placing.table("silver.a"), 0, SIZES))
    foreseen.add_query(query("SELECT amount FROM silver.a"), {})
    assert foreseen.bytes_billed == 30 * MIB
    foreseen.least(2, tables=2)
    assert (foreseen.bytes_billed, foreseen.statements) == (70 * MIB, 3)


def test_a_statement_that_cannot_be_run_is_no_estimate(jobs: Jobs, replay: Replay) -> None:
    replay.dry_run_finds = Problem(400, "invalidQuery", "Unrecognized name: amounts at [1:8]")
    with pytest.raises(StatementFailed, match="Unrecognized name: amounts"):
        dry_run(jobs, "SELECT amounts FROM silver.t", {})
