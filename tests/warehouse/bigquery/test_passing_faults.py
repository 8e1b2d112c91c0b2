"""What may pass: where a job failed it is done by a new one, where a request did the same is asked for again.

Replayed as documented, not seen.
"""

from __future__ import annotations

import pytest

from lakehouse.exceptions import CommitConflict, StorageUnavailable
from lakehouse.warehouse.bigquery import jobs as module
from lakehouse.warehouse.bigquery.jobs import Jobs
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.doing import DOING, REPEATED, SCRIPT, SQL, Doing, load_file, one_line
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Fault, Replay, refused
from tests.warehouse.bigquery.replayed_jobs import Outcome, failing

ALL = 4
"""As many jobs are made of one."""

FAILED = {
    problem.reason: problem
    for problem in (
        problems.RATE,
        problems.JOB_RATE,
        problems.BACKEND,
        problems.INTERNAL,
        problems.JOB_BACKEND,
        problems.JOB_INTERNAL,
        problems.UNAVAILABLE_TABLE,
    )
} | {"rate in a script": problems.RATE_IN_SCRIPT, "conflict": problems.NOT_SERIALIZED}


@pytest.mark.parametrize("running", [0, 1], ids=["at once", "while waited for"])
@pytest.mark.parametrize("problem", FAILED.values(), ids=FAILED)
def test_a_job_that_bigquery_failed_to_do_is_done_by_new_ones(
    replay: Replay, jobs: Jobs, problem: Problem, running: int
) -> None:
    replay.jobs_end(failing(problem, running=running), times=2)
    replay.jobs_end(Outcome(rows=(7,)))
    assert [row["n"] for row in jobs.rows(SQL)] == [7]
    assert len(replay.jobs) == len(set(replay.names("insert"))) == 3
    assert replay.statuses("insert") == [200, 200, 200]
    assert [done.id for done in jobs.done] == [list(replay.jobs)[-1]]


@pytest.mark.parametrize("doing", REPEATED.values(), ids=REPEATED)
def test_a_job_is_not_done_anew_without_end(replay: Replay, jobs: Jobs, doing: Doing) -> None:
    replay.jobs_end(failing(problems.JOB_BACKEND), times=9)
    with pytest.raises(StorageUnavailable) as raised:
        doing.do(jobs)
    assert one_line(raised.value) == (
        "silver.trips 2024-01: BigQuery refuses to answer for now (Error encountered during execution. Retrying may "
        "solve the problem.): run it again later"
    )
    assert len(replay.jobs) == ALL
    assert jobs.done == []


def test_a_script_that_bigquery_failed_to_do_is_for_who_gave_it_its_id(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.JOB_BACKEND))
    with pytest.raises(StorageUnavailable):
        jobs.script(SCRIPT, "lakehouse_s")
    assert list(replay.jobs) == ["lakehouse_s"]


def test_a_statement_that_others_keep_overtaking_is_a_conflict(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.NOT_SERIALIZED), times=9)
    with pytest.raises(CommitConflict) as raised:
        jobs.affected("UPDATE t SET n = 1 WHERE TRUE", {})
    assert one_line(raised.value).startswith("silver.trips 2024-01: other writers kept changing what it writes (Could")
    assert len(replay.jobs) == ALL


REFUSED = {
    "rate": refused(problems.RATE),
    "rate of the gateway": refused(problems.RATE_OF_GATEWAY),
    "backend": refused(problems.BACKEND),
    "internal": refused(problems.INTERNAL),
    "page of a 503": Fault(503, problems.HTML),
    "bare 504": Fault(504, b""),
    "bare 429": Fault(429, b""),
    "reset": Fault(200, b'{"kind": "bigquery#job"}', breaks_off=True),
}


@pytest.mark.parametrize("doing", ["query", "script", "load"])
@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED)
def test_what_was_not_taken_is_asked_for_again_by_the_same_id(
    replay: Replay, jobs: Jobs, fault: Fault, doing: str
) -> None:
    replay.answer("insert", fault, times=2)
    DOING[doing].do(jobs)
    status = 0 if fault.breaks_off else fault.status
    assert replay.statuses("insert") == [status, status, 200]
    assert len(set(replay.names("insert"))) == 1


@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED)
def test_what_is_never_taken_is_not_asked_for_by_another_id(replay: Replay, jobs: Jobs, fault: Fault) -> None:
    replay.answer("insert", fault, times=1000)
    with pytest.raises(StorageUnavailable) as raised:
        jobs.affected("INSERT INTO t SELECT 1", {})
    line = one_line(raised.value)
    assert ("cannot be reached (ChunkedEncodingError)" if fault.breaks_off else "refuses to answer for now (") in line
    assert 2 < len(replay.statuses("insert")) < 60
    assert len(set(replay.names("insert"))) == 1
    assert not replay.jobs


@pytest.mark.parametrize("problem", [problems.JOB_RATE, problems.JOB_BACKEND, problems.UNAVAILABLE_TABLE])
def test_a_job_that_failed_as_it_was_made_is_made_anew(replay: Replay, jobs: Jobs, problem: Problem) -> None:
    replay.answer("insert", refused(problem), times=2)
    assert list(jobs.rows(SQL)) == []
    assert replay.statuses("insert") == [400, 400, 200]
    assert len(set(replay.names("insert"))) == 3


LOST = {
    "503": Fault(503, problems.HTML, is_late=True),
    "504": Fault(504, b"", is_late=True),
    "backend": refused(problems.BACKEND, is_late=True),
    "reset": Fault(200, b'{"kind": "bigquery#job"}', is_late=True, breaks_off=True),
    "silence": Fault(is_late=True, is_silent=True),
}


@pytest.mark.parametrize("name", ["query", "statement", "script", "load"])
@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_job_that_is_there_though_its_answer_was_lost_is_taken(
    replay: Replay, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, fault: Fault, name: str
) -> None:
    if fault.is_silent:
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    replay.jobs_end(Outcome(rows=(7,)) if name == "query" else Outcome(written=7))
    replay.answer("insert", fault)
    replay.answer("get", refused(Problem(404, "notFound", "Not found: Job p:US.lakehouse_1")))
    done = DOING[name].do(jobs)
    lost = 0 if fault.is_silent or fault.breaks_off else fault.status
    assert replay.statuses("insert") == [lost, 409]
    assert replay.statuses("get")[:2] == [404, 200]
    assert len(replay.jobs) == len(jobs.done) == 1
    if name in {"statement", "load"}:
        assert done == 7


@pytest.mark.parametrize("fault", [LOST["503"], LOST["reset"]], ids=["503", "reset"])
def test_a_file_whose_sending_was_not_answered_is_loaded_once(replay: Replay, jobs: Jobs, fault: Fault) -> None:
    replay.jobs_end(Outcome(written=2))
    replay.answer("send", fault)
    assert load_file(jobs) == 2
    assert replay.statuses("send")[1:] == [409]
    assert len(replay.jobs) == len(jobs.done) == 1


def test_a_job_that_is_there_and_failed_is_done_anew(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.JOB_INTERNAL), Outcome(written=7))
    replay.answer("insert", Fault(503, problems.HTML, is_late=True))
    assert jobs.affected("INSERT INTO t SELECT 1", {}) == 7
    assert replay.statuses("insert") == [503, 409, 200]
    assert len(replay.jobs) == 2


@pytest.mark.parametrize("operation", ["get", "results"])
@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED)
def test_a_job_that_cannot_be_looked_at_for_now_is_no_other_job(
    replay: Replay, jobs: Jobs, operation: str, fault: Fault
) -> None:
    replay.jobs_end(Outcome(rows=(7,), running=3))
    replay.answer(operation, fault, times=3)
    assert [row["n"] for row in jobs.rows(SQL)] == [7]
    assert len(replay.statuses(operation)) > 3
    assert replay.statuses("insert") == [200]


@pytest.mark.parametrize("operation", ["get", "results"])
def test_a_job_that_can_never_be_looked_at_is_no_other_job(replay: Replay, jobs: Jobs, operation: str) -> None:
    replay.jobs_end(Outcome(written=7, running=3))
    replay.answer(operation, refused(problems.BACKEND), times=1000)
    with pytest.raises(StorageUnavailable) as raised:
        jobs.affected("INSERT INTO t SELECT 1", {})
    assert "refuses to answer for now (Error encountered" in one_line(raised.value)
    assert replay.statuses("insert") == [200]


def test_a_page_that_is_refused_is_told_as_the_query_is(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(rows=(7, 8)), times=2)
    replay.page_rows = 1
    for read in (list, lambda rows: rows.to_arrow()):
        rows = jobs.rows(SQL)
        replay.answer("results", refused(problems.BACKEND), times=1000)
        with pytest.raises(StorageUnavailable) as raised:
            read(rows)
        assert "BigQuery refuses to answer for now (" in one_line(raised.value)
        replay.forgive()


def test_a_page_that_breaks_off_is_asked_for_again(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(Outcome(rows=(7, 8)))
    replay.page_rows = 1
    rows = jobs.rows(SQL)
    replay.answer("results", REFUSED["reset"], times=2)
    assert [row["n"] for row in rows] == [7, 8]
    assert replay.statuses("results")[-3:] == [0, 0, 200]
