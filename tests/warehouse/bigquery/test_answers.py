"""Whatever BigQuery refuses is one line of the right error. Its answers are replayed as documented, not seen."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from google.auth.credentials import Credentials
from google.cloud.bigquery import Client

from lakehouse.exceptions import (
    ConfigurationError,
    LakehouseError,
    StatementFailed,
    StatementFault,
    StorageUnavailable,
)
from lakehouse.warehouse.bigquery.answers import JobStopped, ReadsTooMuch, is_conflict
from lakehouse.warehouse.bigquery.jobs import Jobs
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.doing import one_line, refusal
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import PROJECT, Fault, Replay, refused
from tests.warehouse.bigquery.replayed_jobs import failing
from tests.warehouse.cloud import bigquery_client

SQL = "SELECT\n  pickup_at,\n  COUNT(*) AS trips\nFROM silver.trips"


@dataclass(frozen=True)
class Lasting:
    """What asking again does not help, the error that it is, and what a line of it says."""

    problem: Problem
    kind: type[LakehouseError]
    says: str
    fault: StatementFault | None = None


def statement(problem: Problem, says: str, fault: StatementFault) -> Lasting:
    return Lasting(problem, StatementFailed, says, fault)


ROLES = r": grant the account roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project$"
API_OFF = r"the BigQuery API is off .*\(BigQuery API has not been used.*\): say gcloud services enable bigquery\."
LASTING = {
    "over the cap": Lasting(
        problems.OVER_CAP,
        ReadsTooMuch,
        r"^silver.trips 2024-01: reads 45\.2 GiB, more than LAKEHOUSE_BYTES_CAP \(20\.0 GiB\) lets one statement: ask "
        r"for less, or raise it\. The statement: SELECT pickup_at, COUNT\(\*\) AS trips FROM silver\.trips$",
    ),
    "quota": Lasting(
        problems.QUOTA,
        StorageUnavailable,
        r"a quota of the project is used up \(Quota exceeded: Your project exceeded quota for imports\.\): run it "
        r"again when it is renewed, or have it raised",
    ),
    "blocked": Lasting(problems.BLOCKED, StorageUnavailable, r"for now \(The operation is blocked for now\.\)"),
    "denied": Lasting(problems.DENIED, ConfigurationError, r"refuses it \(Access Denied: Table p:silver.*\)" + ROLES),
    "may make no jobs": Lasting(problems.MAY_MAKE_NO_JOBS, ConfigurationError, r"bigquery.jobs.create .*\)" + ROLES),
    "file denied": Lasting(
        problems.DENIED_FILE, ConfigurationError, r"gs://b/.*\): grant the account roles/storage.objectUser on the b"
    ),
    "API off": Lasting(problems.SWITCHED_OFF, ConfigurationError, API_OFF),
    "API off, by ErrorInfo": Lasting(problems.SWITCHED_OFF_BY_INFO, ConfigurationError, API_OFF),
    "no billing": Lasting(
        problems.NO_BILLING, ConfigurationError, r"no billing account \(Billing has not .* project\.\): link one to it$"
    ),
    "no table": Lasting(
        problems.NO_TABLE, ConfigurationError, r"not found \(Not found: Table .*\): materialize infrastructure, or "
    ),
    "staged rows are gone": Lasting(problems.NO_STAGED, ConfigurationError, r"staging\..*: it was .* run it again$"),
    "loaded records are gone": Lasting(problems.NO_LOADED, ConfigurationError, r"bronze\..*: it was .* run it again$"),
    "no dataset": Lasting(
        problems.NO_DATASET,
        ConfigurationError,
        r"not found \(Not found: Dataset .* US\): .*correct LAKEHOUSE_PROJECT",
    ),
    "no file": Lasting(problems.NO_FILE, ConfigurationError, r"\(Not found: URI gs://b/.*\): land the file again$"),
    "in two places": Lasting(
        problems.ELSEWHERE,
        ConfigurationError,
        r"source: EU, destination: US\): datasets and bucket must be in ",
    ),
    "resources": statement(problems.RESOURCES, r"^it needs more than .* \(Resources exceeded", StatementFault.DATA),
    "tier": statement(problems.TIER, r"^it needs more than BigQuery gives .* \(Query exceeded", StatementFault.DATA),
    "too large": statement(problems.TOO_LARGE, r"^its result is too large \(Response.*\): ask", StatementFault.DATA),
    "timeout": statement(problems.TIMED_OUT, r"^Operation timed out after 1\.0 seconds", StatementFault.TIME),
    "syntax": statement(problems.SYNTAX, r'^Syntax error: Unexpected identifier "SELEKT" at', StatementFault.STATEMENT),
}


def refuse_at_once(replay: Replay, problem: Problem) -> None:
    replay.answer("insert", refused(problem))


def fail_at_once(replay: Replay, problem: Problem) -> None:
    replay.jobs_end(failing(problem))


def fail_while_waited_for(replay: Replay, problem: Problem) -> None:
    replay.jobs_end(failing(problem, running=1))


WAYS = {"at insert": refuse_at_once, "in the job": fail_at_once, "in its results": fail_while_waited_for}


@pytest.mark.parametrize(
    ("lasting", "way"),
    [
        pytest.param(lasting, way, id=f"{name}, {way}")
        for name, lasting in LASTING.items()
        for way in (
            WAYS if lasting.problem.reason else ["at insert"]
        )  # an ErrorInfo is part of an answer, not of a job
    ],
)
def test_what_lasts_is_told_at_once(replay: Replay, jobs: Jobs, lasting: Lasting, way: str) -> None:
    WAYS[way](replay, lasting.problem)
    replay.dry_run_finds = lasting.problem
    error = refusal(lambda: jobs.rows(SQL), lasting.kind)
    assert re.search(lasting.says, one_line(error))
    assert error.is_lasting == issubclass(lasting.kind, ConfigurationError)
    if isinstance(error, StatementFailed):
        assert error.fault is lasting.fault
    assert len(replay.jobs) == (way != "at insert")
    dry_runs = lasting.fault is StatementFault.STATEMENT
    assert len(replay.statuses("insert")) == 1 + dry_runs
    assert jobs.done == []


def test_a_cap_is_told_where_a_script_meets_it(replay: Replay, jobs: Jobs) -> None:
    in_script = Problem(400, "invalidQuery", f"Query error: {problems.OVER_CAP.message} at [3:1]")
    replay.jobs_end(failing(in_script))
    error = refusal(lambda: jobs.script("BEGIN TRANSACTION;\nCOMMIT TRANSACTION;", "lakehouse_1"), ReadsTooMuch)
    assert "reads 45.2 GiB" in one_line(error).replace("lakehouse_1", "")
    assert len(replay.jobs) == 1


def test_of_a_long_statement_the_beginning_is_told(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.OVER_CAP))
    error = refusal(lambda: jobs.rows(f"SELECT\n{'a,  ' * 500}b FROM t"), ReadsTooMuch)
    _, _, told = one_line(error).partition("The statement: ")
    assert told.startswith("SELECT a, a, a")
    assert told.endswith(" …")
    assert len(told) <= 202


def test_a_cap_below_a_gib_is_told_too(replay: Replay) -> None:
    small = Problem(
        400,
        "bytesBilledLimitExceeded",
        "Query exceeded limit for bytes billed: 10485760. 164626432 or higher required.",
    )
    replay.jobs_end(failing(small))
    error = refusal(lambda: Jobs(replay.client(), "query", {}, 10 << 20).rows(SQL), ReadsTooMuch)
    assert "reads 0.153 GiB, more than LAKEHOUSE_BYTES_CAP (0.010 GiB)" in one_line(error)


def test_a_long_message_of_many_lines_is_cut(replay: Replay, jobs: Jobs) -> None:
    long = Problem(400, "invalidQuery", f"\nNo matching signature {'for x ' * 400}\n  Signature: F(INT64)\n  at line 3")
    replay.answer("insert", refused(long))
    replay.dry_run_finds = long
    line = one_line(refusal(lambda: jobs.rows(SQL), StatementFailed))
    assert line.startswith("No matching signature for x")
    assert line.endswith(" …")
    assert len(line) <= 302


def test_an_answer_without_an_error_object_is_told_by_its_status(replay: Replay, jobs: Jobs) -> None:
    replay.answer("insert", Fault(403, problems.HTML))
    line = one_line(refusal(lambda: jobs.rows(SQL), ConfigurationError))
    assert "refuses it (403 Forbidden)" in line
    replay.answer("insert", Fault(418, b""))
    line = one_line(refusal(lambda: jobs.rows(SQL), StorageUnavailable))
    assert "an answer that means nothing here (418 I'm a Teapot)" in line


def test_a_page_of_somebody_between_is_no_answer(replay: Replay, jobs: Jobs) -> None:
    replay.answer("insert", Fault(200, problems.HTML))
    line = one_line(refusal(lambda: jobs.rows(SQL), StorageUnavailable))
    assert line == (
        "silver.trips 2024-01: BigQuery cannot be reached (JSONDecodeError): is there a network? Run it again later"
    )


def test_a_job_that_is_elsewhere_is_told_by_its_location(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.SYNTAX, running=5))
    replay.before("get", lambda: setattr(jobs.client, "_location", "EU"))
    replay.answer("get", refused(Problem(404, "notFound", "Not found: Job p:US.job_1")), times=9)
    line = one_line(refusal(lambda: jobs.rows(SQL), ConfigurationError))
    assert line.endswith("(Not found: Job p:US.job_1): is LAKEHOUSE_LOCATION the location of the datasets?")
    assert len(replay.jobs) == 1


def test_a_load_that_failed_is_told_by_what_was_wrong_with_the_file(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.TOO_MANY_ERRORS, problems.BAD_FIELD))
    error = refusal(lambda: jobs.load_uri("gs://b/zones/1.csv", "p.bronze.zones", [], lambda _: None), StatementFailed)
    assert one_line(error) == problems.BAD_FIELD.message
    assert len(replay.jobs) == 1


def test_credentials_that_are_new_and_still_not_accepted_are_named(replay: Replay) -> None:
    class Renewed(Credentials):
        def refresh(self, _: object) -> None:
            self.token = "new"  # noqa: S105

    replay.answer("insert", refused(problems.UNAUTHORIZED), times=9)
    options = {"api_endpoint": replay.address}
    renewed = Client(PROJECT, Renewed(), client_options=options, location="US")  # type: ignore[no-untyped-call]
    try:
        line = one_line(refusal(lambda: Jobs(renewed, "query", {}, 1).rows(SQL), ConfigurationError))
    finally:
        renewed.close()  # type: ignore[no-untyped-call]
    assert re.search(r"does not accept the credentials \(Request had invalid .*\): say gcloud auth", line)
    assert set(replay.statuses("insert")) == {401}
    assert len(replay.statuses("insert")) <= 3


def test_credentials_that_cannot_be_renewed_are_named(replay: Replay, jobs: Jobs) -> None:
    replay.answer("insert", refused(problems.UNAUTHORIZED))
    line = one_line(refusal(lambda: jobs.rows(SQL), ConfigurationError))
    assert "does not accept the credentials (Anonymous credentials cannot be refreshed.)" in line
    assert replay.statuses("insert") == [401]


@pytest.fixture
def nobody(_short_waits: None) -> Iterator[Client]:
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        client = bigquery_client(f"http://127.0.0.1:{taken.getsockname()[1]}", PROJECT)
        yield client
        client.close()  # type: ignore[no-untyped-call]


def test_nobody_who_answers_is_named(nobody: Client) -> None:
    line = one_line(refusal(lambda: Jobs(nobody, "query", {}, 1).rows(SQL), StorageUnavailable))
    assert line == "query: BigQuery cannot be reached (ConnectionError): is there a network? Run it again later"


def test_somebody_who_stopped_a_job_is_no_fault_of_the_statement(replay: Replay, jobs: Jobs) -> None:
    replay.jobs_end(failing(problems.CANCELLED, running=2))
    error = refusal(lambda: jobs.rows(SQL), JobStopped)
    assert one_line(error) == (
        "silver.trips 2024-01: somebody stopped its job (Job execution was cancelled: User requested cancellation): "
        "run it again"
    )
    assert not error.is_lasting
    assert len(replay.jobs) == 1


@pytest.mark.parametrize("problem", [problems.OVERTAKEN, problems.NOT_SERIALIZED], ids=["transaction", "statement"])
def test_what_another_writer_did_is_a_conflict(replay: Replay, jobs: Jobs, problem: Problem) -> None:
    assert is_conflict(problem.message)
    replay.jobs_end(failing(problem, running=1))
    error = refusal(lambda: jobs.script("BEGIN TRANSACTION;", "lakehouse_1"), StatementFailed)
    assert is_conflict(one_line(error))
    assert len(replay.jobs) == 1


@pytest.mark.parametrize(
    "message",
    ["Syntax error at [1:1]", problems.DIVISION.message, problems.NO_TABLE.message, "Query error: overtaken at [3:1]"],
)
def test_other_faults_are_no_conflict(message: str) -> None:
    assert not is_conflict(message)
