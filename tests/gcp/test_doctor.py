"""``lakehouse doctor`` under ``gcp``: what was planted is found with what mends it, and nothing else is.

On the emulators of BigQuery and Cloud Storage; what these do not give (roles, other projects, billing, APIs that are
off, estimates, another clock) is REPLAYED as Google documents it, NOT SEEN. Every request is looked at: none changes
anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from lakehouse.findings.finding import Finding, State
from lakehouse.gcp.findings import clock_finding, look_at_clock
from lakehouse.home import PROFILE_MARKER
from tests.bronze.between import Answer, Between
from tests.bronze.clients import client_of
from tests.bronze.test_gcs_bucket import API_OFF, MAY_NOT_LOOK
from tests.bronze.test_gcs_bucket import NO_BILLING as NO_BILLING_OF_STORAGE
from tests.cli.test_doctor import ROOM, files, not_ok, require_one
from tests.commands import Command, free_port, lakehouse
from tests.emulators.emulator import Cloud
from tests.gcp.keys import Google, write_key
from tests.project import Project
from tests.warehouse.bigquery.problems import DENIED, MAY_MAKE_NO_JOBS, NO_BILLING, SWITCHED_OFF, UNAUTHORIZED, Problem
from tests.warehouse.cloud import bigquery_client

NO_PROJECT = Problem(404, "notFound", "Not found: Project my-projct")
MAY_NOT_SEE = Problem(
    403,
    "accessDenied",
    "Access Denied: Dataset p:silver: Permission bigquery.datasets.get denied on dataset (or it may not exist).",
)
JSON = {"Content-Type": "application/json"}

Replayed = Callable[[str, str, bytes], Answer | None]
"""The answer to a request, by method, path and content; None where the emulator is to answer."""


class Watched(Between):
    """Notes what would change anything, and replays."""

    def __init__(self, emulator: str) -> None:
        super().__init__(emulator)
        self.replayed: Replayed | None = None
        self.times = 0
        """How often something was replayed."""
        self.changes: list[str] = []

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method != "GET" and not _is_dry_run(method, path, body):
            self.changes.append(f"{method} {path}")
        answer = self.replayed(method, path, body) if self.replayed is not None else None
        if answer is not None:
            self.times += 1
            return answer
        return super()._forwarded(method, path, headers, body)


def _is_dry_run(method: str, path: str, body: bytes) -> bool:
    return method == "POST" and "/jobs" in path and json.loads(body)["configuration"].get("dryRun") is True


@dataclass
class Placed:
    """A project of the cloud, looked at by way of servers that note what is asked."""

    project: Project
    name: str
    bigquery: Watched
    storage: Watched
    tokens: Watched
    environment: dict[str, str]
    cloud: Cloud

    def says(self, *arguments: str, **environment: str) -> Command:
        return lakehouse(self.project, *arguments, **{**ROOM, **self.environment, **environment})

    def prepare(self, **environment: str) -> None:
        """Make datasets and bucket, as a person does."""
        done = self.says("run", "--select", "infrastructure", **environment)
        assert done.exit_code == 0, done

    def examined(self, code: int, **environment: str) -> list[Finding]:
        """What is found, with the exit code that is expected; nothing is changed, here or there."""
        before = files(self.project.folder)
        watched = (self.bigquery, self.storage)
        for each in watched:
            each.changes.clear()
        done = self.says("doctor", "--format", "json", **environment)
        assert files(self.project.folder) == before
        assert [each.changes for each in watched] == [[], []]
        assert done.exit_code == code, done
        return [Finding(**{**each, "state": State(each["state"])}) for each in json.loads(done.output)]


@pytest.fixture
def placed(tmp_path: Path, cloud: Cloud, google: Google) -> Iterator[Placed]:
    name = f"doctor-{uuid4().hex[:12]}"
    with ExitStack() as stack:
        bigquery, storage, tokens = (
            stack.enter_context(Watched(each)) for each in (cloud.bigquery, cloud.storage, google.url)
        )
        environment = {
            "LAKEHOUSE_PROFILE": "gcp",
            "LAKEHOUSE_PROJECT": name,
            "LAKEHOUSE_BUCKET": name,
            "LAKEHOUSE_CREDENTIALS": str(write_key(tmp_path, f"{tokens.address}/token")),
            "BIGQUERY_EMULATOR_HOST": bigquery.address,
            "STORAGE_EMULATOR_HOST": storage.address,
        }
        project = Project(tmp_path / "project")
        yield Placed(project, name, bigquery, storage, tokens, environment, cloud)


def test_nothing_is_wrong_before_anything_is_made_and_nothing_is_made(placed: Placed) -> None:
    findings = placed.examined(0)
    assert {each.what: each.found for each in not_ok(findings)} == {
        "BigQuery, right to write": "not looked at: there is no meta.turn yet; materializing infrastructure makes it",
        "bucket: location, project, access, contents, rights": "not looked at: there is no bucket yet",
    }
    assert not placed.project.home.exists()
    found = {each.what: each.found for each in findings}
    assert found["dataset silver"] == found["dataset meta"] == "is not made yet; materializing infrastructure makes it"
    assert found["credentials"].startswith("the service account lakehouse@my-project.iam.gserviceaccount.com (")


def test_nothing_is_wrong_with_what_infrastructure_made(placed: Placed) -> None:
    placed.prepare()
    findings = placed.examined(0)
    assert not_ok(findings) == []
    found = {each.what: each.found for each in findings}
    assert found["home"] == (
        f"LAKEHOUSE_HOME={placed.project.home}: of gcp: project {placed.name}, bucket {placed.name}, no prefix"
    )
    assert found["dataset silver"] == "in US, ours, for real data"
    assert found["BigQuery, right to write"] == "the account may change meta.turn"
    assert found["bucket, project"] == placed.name
    assert found["bucket, access"] == "uniform, and never public"
    assert found["cap"].startswith("LAKEHOUSE_BYTES_CAP lets a statement bill 20.0 GiB; to read meta.publications ")


def test_nothing_is_wrong_with_samples(placed: Placed) -> None:
    samples = {"LAKEHOUSE_SAMPLE": "true", "LAKEHOUSE_PREFIX": "dev"}
    done = lakehouse(
        placed.project, "--sample", "run", "--select", "infrastructure", **{**placed.environment, **samples}
    )
    assert done.exit_code == 0, done
    findings = placed.examined(0, **samples)
    assert not_ok(findings) == []
    assert ("dataset dev_sample_gold", "in US, ours, for generated samples") in {(f.what, f.found) for f in findings}


# What the emulators and this machine give


@dataclass(frozen=True)
class Plant:
    """Something wrong: what is done to a sound set-up, or in the environment, and what is to be said of it."""

    what: str
    found: str
    mend: str
    do: Callable[[Placed], None] = lambda _: None
    environment: Mapping[str, str] = field(default_factory=dict)
    state: State = State.FAULT

    @property
    def finding(self) -> Finding:
        return Finding(self.what, self.state, self.found, self.mend)


def _foreign_table(placed: Placed) -> None:
    client = bigquery_client(placed.cloud.bigquery, placed.name)
    client.delete_dataset("silver", delete_contents=True)
    client.create_dataset("silver")
    client.query("CREATE TABLE silver.theirs (n INT64)").result()
    client.close()  # type: ignore[no-untyped-call]


def _dataset_gone(placed: Placed) -> None:
    client = bigquery_client(placed.cloud.bigquery, placed.name)
    client.delete_dataset("gold", delete_contents=True)
    client.close()  # type: ignore[no-untyped-call]


def _tables_go(placed: Placed) -> None:
    client = bigquery_client(placed.cloud.bigquery, placed.name)
    dataset = client.get_dataset("silver")
    dataset.default_table_expiration_ms = 86_400_000
    client.update_dataset(dataset, ["default_table_expiration_ms"])
    client.close()  # type: ignore[no-untyped-call]


def _bucket_open(placed: Placed) -> None:
    client = client_of(placed.cloud.storage)
    bucket = client.get_bucket(placed.name)
    bucket.iam_configuration.public_access_prevention = "inherited"
    bucket.patch()
    client.close()


def _samples_landed(placed: Placed) -> None:
    client = client_of(placed.cloud.storage)
    client.bucket(placed.name).blob("bronze/_kind").upload_from_string("Generated sample data.")
    client.close()


def _home_of_another_place(placed: Placed) -> None:
    (placed.project.home / PROFILE_MARKER).write_text("gcp: project other, bucket other, no prefix\n")


MADE = {
    "a dataset with others' tables": Plant(
        "dataset silver", "holds tables that this project did not make (theirs)", "set LAKEHOUSE_PREFIX", _foreign_table
    ),
    "a dataset that is gone": Plant(
        "dataset gold", "is not there, and others are", "materialize infrastructure", _dataset_gone, state=State.WARNING
    ),
    "tables that go by themselves": Plant(
        "dataset silver", "to be set: tables stay", "materialize infrastructure", _tables_go, state=State.WARNING
    ),
    "a bucket that may be made public": Plant(
        "bucket, access",
        "it may be made public",
        "--public-access-prevention",
        _bucket_open,
        state=State.WARNING,
    ),
    "samples where real data should be": Plant(
        "bucket, contents", "holds generated sample data", "choose another bucket or prefix", _samples_landed
    ),
    "a home of another place": Plant(
        "home", "belongs to gcp: project other", "choose another LAKEHOUSE_HOME", _home_of_another_place
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_planted_in_the_emulators_is_found_alone(placed: Placed, name: str) -> None:
    placed.prepare()
    MADE[name].do(placed)
    require_one(placed.examined(int(MADE[name].state is State.FAULT)), MADE[name].finding)


# REPLAYED, NOT SEEN


def _of(answer: Answer, method: str, *parts: str) -> Replayed:
    """The answer to requests whose path or content has all these parts."""

    def replayed(asked: str, path: str, body: bytes) -> Answer | None:
        return answer if asked == method and all(each in f"{path} {body.decode()}" for each in parts) else None

    return replayed


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status, JSON, problem.answer())


OF_BIGQUERY = {
    "a project that is not there": (
        _of(_refusal(NO_PROJECT), "POST", "/jobs"),
        Plant("project", "there is no such project (Not found: Project my-projct)", "correct it to the project's id"),
        ["billing", "BigQuery, rights", "datasets", "BigQuery, right to write, cap"],
    ),
    "an API that is off": (
        _of(_refusal(SWITCHED_OFF), "POST", "/jobs"),
        Plant("BigQuery", "the BigQuery API is off in this project", "gcloud services enable bigquery.googleapis.com"),
        ["project", "billing", "BigQuery, rights", "datasets", "BigQuery, right to write, cap"],
    ),
    "a project without billing": (
        _of(_refusal(NO_BILLING), "POST", "/jobs"),
        Plant("billing", "the project has no billing account", "link one to it"),
        ["BigQuery, rights", "BigQuery, right to write, cap"],
    ),
    "an account that may run no jobs": (
        _of(_refusal(MAY_MAKE_NO_JOBS), "POST", "/jobs"),
        Plant("BigQuery, rights", "bigquery.jobs.create", "roles/bigquery.jobUser on the project"),
        ["BigQuery, right to write, cap"],
    ),
    "an account that nobody knows": (
        _of(_refusal(UNAUTHORIZED), "POST", "/jobs"),
        Plant("BigQuery", "Google does not accept the credentials", "say gcloud auth application-default login"),
        ["project", "billing", "BigQuery, rights", "datasets", "BigQuery, right to write, cap"],
    ),
    "a dataset that may not be looked at": (
        _of(_refusal(MAY_NOT_SEE), "GET", "/datasets/silver"),
        Plant("dataset silver", "bigquery.datasets.get denied", "roles/bigquery.dataEditor on the datasets"),
        [],
    ),
    "an account that may not write": (
        _of(_refusal(DENIED), "POST", "/jobs", "UPDATE meta.turn"),
        Plant("BigQuery, right to write", "does not have permission", "roles/bigquery.dataEditor on the datasets"),
        [],
    ),
}


@pytest.mark.parametrize("name", OF_BIGQUERY)
def test_what_bigquery_is_replayed_to_say_is_found_alone_and_hides_what_it_must(placed: Placed, name: str) -> None:
    placed.prepare()
    replayed, plant, hidden = OF_BIGQUERY[name]
    placed.bigquery.replayed = replayed
    _require_hiding(placed, placed.bigquery, plant, hidden)


ALL_BUT_DELETE = [f"storage.objects.{each}" for each in ("create", "get", "list")]

OF_STORAGE = {
    "an API that is off": (
        _of(Answer(403, JSON, API_OFF.body), "GET", "/b/"),
        Plant("Cloud Storage", "API is off in this project", "say gcloud services enable storage.googleapis.com"),
        ["bucket: location, project, access, contents, rights"],
    ),
    "a project without billing": (
        _of(Answer(403, JSON, NO_BILLING_OF_STORAGE.body), "GET", "/b/"),
        Plant("Cloud Storage", "the project has no billing account", "link one to it"),
        ["bucket: location, project, access, contents, rights"],
    ),
    "a bucket that may not be looked at": (
        lambda method, path, _: (
            Answer(403, JSON, MAY_NOT_LOOK.body) if method == "GET" and "/iam/" not in path else None
        ),
        Plant("bucket", "may not be looked at", "grant the account roles/storage.legacyBucketReader"),
        ["bucket: location, project, access, contents"],
    ),
    "a bucket of another project": (
        _of(Answer(200, JSON, b'{"kind": "storage#buckets", "items": []}'), "GET", "/b?"),
        Plant("bucket, project", "belongs to another project", "set LAKEHOUSE_BUCKET to another name"),
        [],
    ),
    "an account that may not delete": (
        _of(
            Answer(
                200,
                JSON,
                json.dumps({"permissions": [f"storage.objects.{each}" for each in ("create", "get", "list")]}).encode(),
            ),
            "GET",
            "/iam/testPermissions",
        ),
        Plant("bucket, rights", "the account lacks storage.objects.delete", "grant it roles/storage.objectUser"),
        [],
    ),
}


@pytest.mark.parametrize("name", OF_STORAGE)
def test_what_storage_is_replayed_to_say_is_found_alone_and_hides_what_it_must(placed: Placed, name: str) -> None:
    placed.prepare()
    replayed, plant, hidden = OF_STORAGE[name]
    placed.storage.replayed = replayed
    _require_hiding(placed, placed.storage, plant, hidden)


def _require_hiding(placed: Placed, watched: Watched, plant: Plant, hidden: list[str]) -> None:
    findings = placed.examined(1)
    assert watched.times > 0
    require_one([each for each in findings if each.state is not State.UNSEEN], plant.finding)
    assert [each.what for each in findings if each.state is State.UNSEEN] == hidden


@pytest.mark.parametrize("thing", ["dataset silver", "bucket, location"])
def test_what_is_elsewhere_is_found(placed: Placed, thing: str) -> None:
    placed.prepare()
    watched, path = (
        (placed.bigquery, "/datasets/silver?") if "dataset" in thing else (placed.storage, f"/b/{placed.name}?")
    )

    def moved(method: str, asked: str, _: bytes) -> Answer | None:
        if method != "GET" or path not in asked:
            return None
        told = json.loads(Between._forwarded(watched, method, asked, {}, b"").body)
        return Answer(200, JSON, json.dumps({**told, "location": "asia-east1"}).encode())

    watched.replayed = moved
    findings = placed.examined(1)
    assert watched.times > 0
    require_one(findings, Finding(thing, State.FAULT, "for good", "set it to "))


def test_a_cap_that_is_too_low_is_found(placed: Placed) -> None:
    placed.prepare()

    def estimated(method: str, _: str, body: bytes) -> Answer | None:
        if method != "POST" or b"SELECT * FROM meta.publications" not in body:
            return None
        job = json.loads(body)
        statistics = {"totalBytesProcessed": str(21 << 30), "query": {"totalBytesProcessed": str(21 << 30)}}
        return Answer(200, JSON, json.dumps({**job, "status": {"state": "DONE"}, "statistics": statistics}).encode())

    placed.bigquery.replayed = estimated
    findings = placed.examined(1)
    assert placed.bigquery.times == 1
    require_one(findings, Finding("cap", State.FAULT, "to read meta.publications takes 21.0 GiB", "raise LAKEHOUSE"))


def test_credentials_that_google_does_not_take_are_found(placed: Placed) -> None:
    said = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    placed.tokens.replayed = _of(Answer(400, JSON, json.dumps(said).encode()), "POST", "/token")
    findings = placed.examined(1)
    assert placed.tokens.times > 0
    plant = Plant("credentials", "gives no token for them (invalid_grant: Invalid JWT Signature.)", "say gcloud auth")
    require_one([each for each in findings if each.state is not State.UNSEEN], plant.finding)
    assert [each.what for each in findings if each.state is State.UNSEEN] == ["BigQuery, Cloud Storage"]


# Settings, which need no answer


def test_a_place_that_settings_do_not_name_hides_no_credentials(placed: Placed) -> None:
    findings = placed.examined(1, LAKEHOUSE_PROJECT="", LAKEHOUSE_BUCKET="")
    faults = [each for each in findings if each.state is State.FAULT]
    assert [each.what for each in faults] == ["place", "place"]
    assert "set LAKEHOUSE_PROJECT to its id" in str(faults[0].mend)
    assert "set LAKEHOUSE_BUCKET to its name" in str(faults[1].mend)
    states = {each.what: each.state for each in findings}
    assert (states["credentials"], states["clock"], states["home"]) == (State.OK, State.OK, State.UNSEEN)
    assert states["BigQuery, Cloud Storage"] is State.UNSEEN


@pytest.mark.parametrize("content", [None, "{", '{"type": "authorized_user"}'])
def test_a_key_file_that_is_none_is_found(placed: Placed, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content)
    findings = placed.examined(1, LAKEHOUSE_CREDENTIALS=str(file))
    plant = Plant("credentials", f"LAKEHOUSE_CREDENTIALS={file}: ", "")
    require_one([each for each in findings if each.state is not State.UNSEEN], plant.finding)


def test_a_home_of_this_machine_is_found(placed: Placed) -> None:
    (placed.project.home / "bronze").mkdir(parents=True)
    plant = Plant("home", "holds the tables of this machine", "choose another LAKEHOUSE_HOME")
    require_one([each for each in placed.examined(1) if each.state is not State.UNSEEN], plant.finding)


def test_a_service_that_cannot_be_reached_hides_no_other(placed: Placed, monkeypatch: pytest.MonkeyPatch) -> None:
    placed.prepare()
    monkeypatch.setattr("lakehouse.warehouse.bigquery.findings._BRIEF_SECONDS", 0.5)
    findings = placed.examined(1, BIGQUERY_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}")
    plant = Plant("BigQuery", "cannot be reached", "is there a network?")
    require_one([each for each in findings if each.state is not State.UNSEEN], plant.finding)
    assert "bucket, rights" in {each.what for each in findings if each.state is State.OK}


@pytest.mark.parametrize(
    ("off", "state", "said"),
    [
        (timedelta(seconds=59), State.OK, "is within 59 s of Google's"),
        (timedelta(minutes=6), State.FAULT, "is 360 s ahead of Google's"),
        (-timedelta(minutes=6), State.FAULT, "is 360 s behind Google's"),
    ],
)
def test_a_clock_is_held_against_googles(off: timedelta, state: State, said: str) -> None:
    now = datetime.now(UTC)
    finding = clock_finding(now + off, now)
    assert (finding.state, said in finding.found) == (state, True)


@pytest.mark.parametrize(("is_time", "state"), [(True, State.FAULT), (False, State.WARNING)])
def test_the_time_is_that_of_any_answer(is_time: bool, state: State) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True) if is_time else "soon"

    class Late(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
            return date

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        finding = look_at_clock(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
    assert finding.state is state
    assert finding.mend
    nobody = look_at_clock(f"http://127.0.0.1:{free_port()}")
    assert (nobody.what, nobody.state) == ("clock", State.UNSEEN)
