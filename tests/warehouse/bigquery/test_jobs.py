"""Jobs of BigQuery by Google's own client: what they are told, end in and took. Replayed as documented, not seen."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from time import monotonic

import pytest
from google.cloud.bigquery import LoadJobConfig

from lakehouse.exceptions import StatementFailed, StatementFault
from lakehouse.warehouse.bigquery import jobs as module
from lakehouse.warehouse.bigquery.answers import ReadsTooMuch
from lakehouse.warehouse.bigquery.done_job import DoneJob
from lakehouse.warehouse.bigquery.jobs import Jobs
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.conftest import CAP, LABELS
from tests.warehouse.bigquery.doing import DOING, SCHEMA, SCRIPT, SQL, TABLE, Doing, load_file, load_uri, one_line
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Fault, Replay, refused
from tests.warehouse.bigquery.replayed_jobs import Outcome, failing


@pytest.mark.parametrize("doing", DOING.values(), ids=DOING)
def test_every_job_has_an_id_of_ours_a_location_and_labels(replay: Replay, jobs: Jobs, doing: Doing) -> None:
    doing.do(jobs)
    ((name, job),) = replay.jobs.items()
    assert name.startswith("lakehouse_")
    assert job.asked["jobReference"] == {"projectId": "p", "jobId": name, "location": "US"}
    assert job.asked["configuration"]["labels"] == LABELS
    assert [done.id for done in jobs.done] == [name]


@pytest.mark.parametrize("name", ["query", "statement", "script"])
def test_every_statement_has_a_cap(replay: Replay, jobs: Jobs, name: str) -> None:
    DOING[name].do(jobs)
    (configuration,) = replay.configurations
    assert configuration["query"]["maximumBytesBilled"] == str(CAP)
    assert configuration["query"]["useLegacySql"] is False
    assert "jobTimeoutMs" not in configuration


def test_a_load_bills_nothing_and_replaces(replay: Replay, jobs: Jobs) -> None:
    def configure(config: LoadJobConfig) -> None:
        config.skip_leading_rows = 1

    jobs.load_uri("gs://b/zones/1.csv", TABLE, SCHEMA, configure)
    load_file(jobs)
    first, second = replay.configurations
    assert first["load"]["sourceUris"] == ["gs://b/zones/1.csv"]
    assert first["load"]["skipLeadingRows"] == "1"
    for each in (first, second):
        assert "maximumBytesBilled" not in str(each)
        assert each["load"]["writeDisposition"] == "WRITE_TRUNCATE"
        assert each["load"]["schema"] == {"fields": [SCHEMA[0].to_api_repr()]}
        assert each["load"]["destinationTable"] == {"projectId": "p", "datasetId": "bronze", "tableId": "green"}


def test_parameters_have_the_types_of_their_values(replay: Replay, jobs: Jobs) -> None:
    values = {"t": datetime(2024, 1, 2, 3), "d": date(2024, 1, 2), "b": True, "i": 7, "s": "x"}
    jobs.rows(SQL, values)
    (configuration,) = replay.configurations
    found = {
        each["name"]: (each["parameterType"]["type"], each["parameterValue"]["value"])
        for each in configuration["query"]["queryParameters"]
    }
    assert found == {
        "t": ("DATETIME", "2024-01-02T03:00:00.000000"),
        "d": ("DATE", "2024-01-02"),
        "b": ("BOOL", "true"),
        "i": ("INT64", "7"),
        "s": ("STRING", "x"),
    }


def test_rows_come_page_by_page(replay: Replay, jobs: Jobs) -> None:
    replay.page_rows = 2
    replay.jobs_end(Outcome(rows=(1, 2, 3, 4, 5)), times=2)
    assert [row["n"] for row in jobs.rows(SQL)] == [1, 2, 3, 4, 5]
    found = jobs.rows(SQL).to_arrow()
    assert found.to_pydict() == {"n": [1, 2, 3, 4, 5]}
    assert len(replay.jobs) == 2


def test_few_rows_come_with_the_answer_that_they_are_there(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(rows=(1, 2, 3)), times=2)
    assert [row["n"] for row in jobs.rows(SQL)] == [1, 2, 3]
    assert jobs.rows(SQL).to_arrow().to_pydict() == {"n": [1, 2, 3]}
    assert replay.statuses("results") == [200, 200]


def test_rows_that_come_too_late_are_not_waited_for(replay: Replay, jobs: Jobs) -> None:
    replay.page_rows, replay.page_seconds = 1, 0.3
    replay.jobs_end(Outcome(rows=tuple(range(1000))))
    begun = monotonic()
    with pytest.raises(StatementFailed) as raised:
        jobs.rows(SQL, seconds=1).to_arrow()
    assert raised.value.fault is StatementFault.TIME
    assert 1 <= monotonic() - begun < 5
    assert 2 < len(replay.statuses("results")) < 20


def test_a_job_that_is_running_is_waited_for(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(rows=(7,), running=9), Outcome(written=3, running=1))
    assert [row["n"] for row in jobs.rows(SQL)] == [7]
    assert load_uri(jobs) == 3
    assert len(replay.statuses("insert")) == len(replay.jobs) == 2


@pytest.mark.parametrize("do", [load_uri, load_file], ids=["load", "file"])
def test_a_load_tells_how_many_rows_it_read(replay: Replay, jobs: Jobs, do: Callable[[Jobs], int]) -> None:
    replay.jobs_end(Outcome(written=41))
    assert do(jobs) == 41


def test_a_statement_tells_how_many_rows_it_changed(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(written=12, statement_type="DELETE"))
    assert jobs.affected("DELETE FROM t WHERE TRUE", {}) == 12


@pytest.mark.parametrize("running", [0, 2])
def test_what_a_job_took_is_known(replay: Replay, jobs: Jobs, running: int) -> None:
    took = Outcome(running=running, bytes_billed=3 << 30, bytes_processed=(3 << 30) - 5, slot_ms=987_654_321)
    replay.jobs_end(replace(took, rows=(1,)), replace(took, written=9, statement_type="SCRIPT"))
    jobs.rows(SQL)
    jobs.script(SCRIPT, "lakehouse_s")
    query, script = replay.jobs
    figures = (3 << 30, (3 << 30) - 5, 987_654_321)
    assert jobs.done == [DoneJob(query, "query", *figures), DoneJob(script, "publish", *figures)]
    assert script == "lakehouse_s"


@pytest.mark.parametrize("running", [0, 1])
@pytest.mark.parametrize("problem", [problems.DIVISION, problems.OVERFLOW, problems.BAD_CAST], ids=lambda p: p.message)
def test_what_a_dry_run_does_not_find_is_a_value(replay: Replay, jobs: Jobs, problem: Problem, running: int) -> None:
    replay.jobs_end(failing(problem, running=running))
    with pytest.raises(StatementFailed) as raised:
        jobs.rows(SQL, {"i": 7})
    assert raised.value.fault is StatementFault.VALUE
    assert one_line(raised.value) == problem.message
    real, dry = (each.body for each in replay.asked if each.operation == "insert")
    assert dry["configuration"].pop("dryRun") is True
    assert dry["configuration"] == real["configuration"]
    assert dry["jobReference"]["jobId"] != real["jobReference"]["jobId"]


def test_what_a_dry_run_finds_is_the_statement(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.SYNTAX))
    replay.dry_run_finds = problems.SYNTAX
    with pytest.raises(StatementFailed) as raised:
        jobs.affected("SELEKT 1", {})
    assert raised.value.fault is StatementFault.STATEMENT
    assert len(replay.jobs) == 1


@pytest.mark.parametrize("problem", [problems.RESOURCES, problems.TIMED_OUT, problems.OVER_CAP], ids=lambda p: p.reason)
def test_other_faults_are_not_looked_for_in_the_statement(replay: Replay, jobs: Jobs, problem: Problem) -> None:
    replay.jobs_end(failing(problem))
    with pytest.raises((StatementFailed, ReadsTooMuch)):
        jobs.rows(SQL)
    assert replay.statuses("insert") == [200]


@pytest.mark.parametrize("problem", [problems.TIMED_OUT, problems.STOPPED_IN_TIME], ids=["timeout", "stopped"])
def test_a_query_that_takes_longer_than_it_may_is_ended_there(replay: Replay, jobs: Jobs, problem: Problem) -> None:
    replay.jobs_end(failing(problem, running=2))
    with pytest.raises(StatementFailed) as raised:
        jobs.rows(SQL, seconds=1.5)
    assert raised.value.fault is StatementFault.TIME
    assert "timed out after 1" in one_line(raised.value)
    (configuration,) = replay.configurations
    assert 1000 < int(configuration["jobTimeoutMs"]) <= 1500


def test_a_query_that_was_stopped_when_its_time_was_over_took_too_long(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.CANCELLED, running=5))
    with pytest.raises(StatementFailed) as raised:
        jobs.rows(SQL, seconds=0.001)
    assert raised.value.fault is StatementFault.TIME
    assert len(replay.jobs) == 1


def test_a_query_that_is_not_ended_there_is_cancelled_from_here(
    replay: Replay, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LATE_SECONDS", 0.05)
    replay.jobs_end(Outcome(running=100_000))
    with pytest.raises(StatementFailed) as raised:
        jobs.rows(SQL, seconds=0.05)
    assert raised.value.fault is StatementFault.TIME
    ((name, job),) = replay.jobs.items()
    assert replay.names("cancel") == [name]
    assert job.is_cancelled


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.parametrize("doing", DOING.values(), ids=DOING)
def test_a_job_whose_waiter_is_told_to_stop_is_stopped_too(replay: Replay, jobs: Jobs, doing: Doing) -> None:
    replay.jobs_end(Outcome(running=100_000))
    replay.before("get", interrupt)
    with pytest.raises(KeyboardInterrupt):
        doing.do(jobs)
    ((name, job),) = replay.jobs.items()
    assert replay.names("cancel") == [name]
    assert job.is_cancelled
    assert jobs.done == []


def test_a_job_that_is_interrupted_while_it_is_asked_for_is_stopped_too(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(running=100_000))
    replay.before("insert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        jobs.rows(SQL)
    assert [job.is_cancelled for job in replay.jobs.values()] == [True]


@pytest.mark.parametrize(
    "fault", [refused(problems.BACKEND), refused(problems.DENIED), Fault(is_silent=True), Fault(200, problems.HTML)]
)
def test_who_is_told_to_stop_stops_though_the_job_cannot_be(replay: Replay, jobs: Jobs, fault: Fault) -> None:
    replay.jobs_end(Outcome(running=100_000))
    replay.before("get", interrupt)
    replay.answer("cancel", fault, times=1000)
    with pytest.raises(KeyboardInterrupt):
        jobs.rows(SQL)
    assert replay.statuses("cancel")
