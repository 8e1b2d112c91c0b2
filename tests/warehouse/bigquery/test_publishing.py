"""A publication that other writers overtake is tried again by a new job, within bounds. Replayed, not seen."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lakehouse.exceptions import CommitConflict, StorageUnavailable
from lakehouse.partition import Month
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.literals import text_literal
from lakehouse.warehouse.bigquery.publishing import Publishing, StagedTable
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.store import StagedPartition, Work
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.doing import PLACE, one_line
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Fault, Replay
from tests.warehouse.bigquery.replayed_jobs import Outcome, failing
from tests.warehouse.cloud import bigquery_client

TRIPS = TableSpec("silver.trips", (Column("pickup_at", "DATETIME", "When"),), "Trips", partition="pickup_at")
STAGED = StagedTable(TRIPS, 5, "c1", 100, "staging.silver__trips__1")
BY_GUARD = Problem(400, "invalidQuery", "Query error: overtaken by another run at [3:8]")
DONE = Outcome()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before each time but the first: by nobody."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def publishing(jobs: Jobs) -> Publishing:
    tables = Tables(jobs.client, PLACE, of_samples=False)
    wanted = StagedPartition((STAGED,), "f1", (), {}, None, None, None)
    work = Work("silver.trips", Month(2024, 1), "r1")
    seen = BigQueryRecords(tables, jobs)
    assert not seen.partitions(TRIPS)
    return Publishing(tables, jobs, work, seen, lambda: BigQueryRecords(tables, jobs), wanted)


def transactions(replay: Replay) -> dict[str, str]:
    """Scripts by the ids of their jobs."""
    texts = {name: str(job.asked["configuration"]["query"]["query"]) for name, job in replay.jobs.items()}
    return {name: text for name, text in texts.items() if text.startswith("BEGIN TRANSACTION")}


@pytest.mark.parametrize(
    "problem", [problems.OVERTAKEN, problems.NOT_SERIALIZED, BY_GUARD], ids=["cancelled", "not serialized", "guard"]
)
def test_what_is_overtaken_is_published_by_another_job(
    replay: Replay, publishing: Publishing, waits: list[float], problem: Problem
) -> None:
    replay.jobs_end(*[DONE, failing(problem, running=1)] * 2)  # what is published is looked at each time
    commit = publishing.run(lambda: True)
    scripts = transactions(replay)
    assert len(scripts) == 3
    assert commit.is_new
    assert commit.version == list(scripts)[-1]
    assert len(waits) == 2
    for name, text in scripts.items():
        assert "UPDATE meta.turn" in text
        assert f'"{name}"' in text


def test_what_is_overtaken_each_time_is_given_up(replay: Replay, publishing: Publishing, waits: list[float]) -> None:
    replay.jobs_end(*[DONE, failing(problems.OVERTAKEN)] * 999)
    with pytest.raises(CommitConflict) as raised:
        publishing.run(lambda: True)
    line = one_line(raised.value)
    assert line.startswith("silver.trips 2024-01: other writers kept changing its tables (Query error: Tr")
    assert line.endswith("; run it again")
    assert len(transactions(replay)) == len(waits) + 1
    assert 300 <= sum(waits) < 310  # seconds: of many writers of one table each has its turn within these
    assert all(0 <= wait <= min(0.2 * 2 ** (number + 1), 10) for number, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)  # so that those who met do not meet again


def test_a_publication_whose_answer_was_lost_is_made_once(
    replay: Replay, publishing: Publishing, waits: list[float]
) -> None:
    replay.answer("insert", Fault(503, problems.HTML, is_late=True), after=1)
    commit = publishing.run(lambda: True)
    assert list(transactions(replay)) == [commit.version]
    assert replay.statuses("insert")[-2:] == [503, 409]
    assert waits == []


def test_a_publication_that_bigquery_failed_to_make_is_made_by_another_job(
    replay: Replay, publishing: Publishing, waits: list[float]
) -> None:
    replay.jobs_end(DONE, failing(problems.INTERNAL), DONE)
    assert publishing.run(lambda: True).is_new
    assert len(transactions(replay)) == 2
    assert len(waits) == 1


def test_a_publication_that_bigquery_always_fails_to_make_is_told(
    replay: Replay, publishing: Publishing, waits: list[float]
) -> None:
    replay.jobs_end(*[each for _ in range(8) for each in (DONE, failing(problems.INTERNAL))])
    with pytest.raises(StorageUnavailable):
        publishing.run(lambda: True)
    assert len(transactions(replay)) == 8
    assert len(waits) == 7


@pytest.mark.parametrize("text", ["it's", 'a "b" \\ c', "two\nlines\ttab", "Żółć", "\N{TAXI}", "`x`", ""])
def test_a_text_is_written_as_a_constant_that_bigquery_reads_as_it_is(cloud: Cloud, text: str) -> None:
    client = bigquery_client(cloud.bigquery, "p")
    (row,) = client.query(f"SELECT {text_literal(text)} AS t").result()
    assert row["t"] == text
    client.close()  # type: ignore[no-untyped-call]
