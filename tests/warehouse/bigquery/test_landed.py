"""A landed file that BigQuery does not load, or not whole, is named. Answers are replayed as documented, not seen."""

from __future__ import annotations

import pytest

from lakehouse.bronze.footer import SourceColumn
from lakehouse.exceptions import (
    CommitConflict,
    ConfigurationError,
    ContractViolation,
    CorruptLanding,
    LakehouseError,
    StorageUnavailable,
)
from lakehouse.warehouse.bigquery import landed
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.store import LandedFile
from tests.bronze.places import landing_of
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.doing import PLACE, one_line
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Replay
from tests.warehouse.bigquery.replayed_jobs import Outcome, failing

URI = "gs://b/green/2024-01/1.parquet"
COLUMN = SourceColumn("lpep_pickup_datetime", "datetime", "timestamp[us]")
FILE = LandedFile(landing_of(b"content").model_copy(update={"rows": 7}), URI, (COLUMN,))


@pytest.fixture
def tables(jobs: Jobs) -> Tables:
    return Tables(jobs.client, PLACE, of_samples=False)


def told(tables: Tables, jobs: Jobs, kind: type[LakehouseError]) -> str:
    with pytest.raises(LakehouseError) as raised:
        landed.loaded(FILE, tables, jobs)
    assert type(raised.value) is kind
    return one_line(raised.value)


def test_a_file_is_loaded_once(replay: Replay, tables: Tables, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(written=7))
    query = landed.loaded(FILE, tables, jobs)
    assert landed.loaded(FILE, tables, jobs) == query
    assert len(replay.jobs) == 1
    ((name, table),) = replay.tables.items()
    assert name.startswith("bronze.green__")
    assert table["labels"] == {"managed-by": "lakehouse", "complete": "true"}
    assert URI in table["description"]


def test_a_time_that_bigquery_does_not_have_is_named_with_its_file(replay: Replay, tables: Tables, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.OUT_OF_RANGE, problems.OUT_OF_RANGE))
    line = told(tables, jobs, ContractViolation)
    assert URI in line
    assert "'lpep_pickup_datetime'" in line
    assert "Invalid datetime value -62135596900000000" in line
    assert "nothing was changed" in line
    assert len(replay.jobs) == 1
    assert not replay.tables


def test_a_file_that_is_read_in_part_is_no_table(replay: Replay, tables: Tables, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(written=6))
    assert told(tables, jobs, CorruptLanding).endswith(f"({URI}): 6 of its 7 records can be read")
    assert not replay.tables


def test_a_load_that_bigquery_failed_to_do_is_done_anew(replay: Replay, tables: Tables, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.BACKEND), Outcome(written=7))
    landed.loaded(FILE, tables, jobs)
    assert len(replay.jobs) == 2


@pytest.mark.parametrize(
    ("problem", "kind", "says"),
    [
        (problems.DENIED_FILE, ConfigurationError, "roles/storage.objectUser on the bucket"),
        (problems.NO_FILE, ConfigurationError, "land the file again"),
        (problems.ELSEWHERE, ConfigurationError, "datasets and bucket must be in LAKEHOUSE_LOCATION"),
        (problems.QUOTA, StorageUnavailable, "a quota of the project is used up"),
    ],
    ids=["denied", "gone", "elsewhere", "quota"],
)
def test_what_is_no_fault_of_the_file_is_not_told_as_one(
    replay: Replay, tables: Tables, jobs: Jobs, problem: Problem, kind: type[LakehouseError], says: str
) -> None:
    replay.jobs_end(failing(problem))
    assert says in told(tables, jobs, kind)
    assert len(replay.jobs) == 1
    assert not replay.tables


def test_two_runs_that_load_a_file_at_once_are_told(replay: Replay, tables: Tables, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(written=7))
    replay.before("patch", lambda: next(iter(replay.tables.values())).update(etag="another"))
    assert "another run made or changed it meanwhile" in told(tables, jobs, CommitConflict)
    assert replay.statuses("patch") == [412]
