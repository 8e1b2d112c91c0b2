"""A server on loopback that replays BigQuery's answers as its documentation gives them, faults among them.

    with Replay() as replay:
        replay.jobs_end(failing(QUOTA))
        ... ask by way of replay.client() ...
        assert replay.statuses("insert") == [200]

REPLAYED, NOT SEEN: no answer was recorded on Google's own service. Shapes and reasons are those of
https://cloud.google.com/bigquery/docs/error-messages, https://cloud.google.com/bigquery/docs/reference/rest/v2/Job,
https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults,
https://cloud.google.com/bigquery/docs/troubleshoot-queries, https://cloud.google.com/bigquery/docs/troubleshoot-quotas
and https://cloud.google.com/bigquery/docs/reference/api-uploads. It runs no SQL: what a job ends in is said beforehand.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replayed_jobs import HeldJob, Json, Outcome, dry_run_statistics
from tests.warehouse.cloud import bigquery_client

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

PROJECT = "p"


@dataclass(frozen=True)
class Fault:
    """An answer in place of the right one; ``is_late`` if what was asked for was done nevertheless."""

    status: int = 200
    body: bytes = b""
    is_late: bool = False
    breaks_off: bool = False
    """The connection is reset in the middle of the body."""
    is_silent: bool = False
    """There is no answer at all, for as long as a test may wait."""


def refused(problem: Problem, *, is_late: bool = False) -> Fault:
    """An answer of the API that says what is wrong."""
    return Fault(problem.status, problem.answer(), is_late=is_late)


@dataclass(frozen=True)
class Asked:
    """A request that came, by what it asks for, and how it was answered."""

    operation: str
    name: str
    """Of the job or the table that it is about."""
    body: Json
    query: dict[str, list[str]]
    status: int


_WAITS_SECONDS = 0.01
"""How long results are waited for before it is said that there are none yet; there it is ten seconds."""

_PATHS = {
    ("POST", r"/bigquery/v2/projects/[^/]+/jobs"): "insert",
    ("GET", r"/bigquery/v2/projects/[^/]+/jobs/([^/]+)"): "get",
    ("POST", r"/bigquery/v2/projects/[^/]+/jobs/([^/]+)/cancel"): "cancel",
    ("GET", r"/bigquery/v2/projects/[^/]+/queries/([^/]+)"): "results",
    ("GET", r"/bigquery/v2/projects/[^/]+/datasets/([^/]+/tables/[^/]+)"): "table",
    ("PATCH", r"/bigquery/v2/projects/[^/]+/datasets/([^/]+/tables/[^/]+)"): "patch",
    ("DELETE", r"/bigquery/v2/projects/[^/]+/datasets/([^/]+/tables/[^/]+)"): "drop",
    ("POST", r"/upload/bigquery/v2/projects/[^/]+/jobs"): "upload",
    ("PUT", r"/sessions/([^/]+)"): "send",
}


@dataclass
class Replay:
    """Answers for as long as it is entered."""

    location: str = "US"
    page_rows: int = 1000
    page_seconds: float = 0
    """How long a page of results takes."""
    asked: list[Asked] = field(default_factory=list)
    jobs: dict[str, HeldJob] = field(default_factory=dict)
    tables: dict[str, Json] = field(default_factory=dict)
    dry_run_finds: Problem | None = None
    dry_run_bytes: int = 0
    dry_run_tables: tuple[str, ...] = ()
    _outcomes: list[Outcome] = field(default_factory=list)
    _faults: dict[str, list[Fault | None]] = field(default_factory=dict)
    _before: dict[str, Callable[[], None]] = field(default_factory=dict)
    _sessions: dict[str, Json] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._clients: list[Client] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for client in self._clients:
            client.close()  # type: ignore[no-untyped-call]
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def client(self) -> Client:
        """Google's own client, which asks here."""
        client = bigquery_client(self.address, PROJECT)
        self._clients.append(client)
        return client

    def jobs_end(self, *outcomes: Outcome, times: int = 1) -> None:
        """What the next jobs end in, in their order; others are done and have no rows."""
        self._outcomes += outcomes * times

    def answer(self, operation: str, fault: Fault, times: int = 1, *, after: int = 0) -> None:
        """Answer the next requests of an operation so, after some that are answered as they should be."""
        self._faults.setdefault(operation, []).extend([None] * after + [fault] * times)

    def forgive(self) -> None:
        """Answer all further requests as they should be."""
        self._faults.clear()

    def before(self, operation: str, happens: Callable[[], None]) -> None:
        """Have something happen before the next request of an operation is answered."""
        self._before[operation] = happens

    def statuses(self, operation: str) -> list[int]:
        """How requests of an operation were answered; 0 if they were not."""
        return [each.status for each in self.asked if each.operation == operation]

    def names(self, operation: str) -> list[str]:
        """Of the jobs or tables that requests of an operation were about."""
        return [each.name for each in self.asked if each.operation == operation]

    @property
    def configurations(self) -> list[Json]:
        """What jobs were told that are there, in the order of their coming."""
        return [job.asked["configuration"] for job in self.jobs.values()]

    def answered(
        self, method: str, target: str, headers: dict[str, str], content: bytes
    ) -> tuple[Fault, dict[str, str]]:
        """The answer to a request, and its headers."""
        url = urlsplit(target)
        found = (
            (operation, match)
            for (wanted, path), operation in _PATHS.items()
            if wanted == method and (match := re.fullmatch(path, url.path))
        )
        operation, match = next(found)
        body: Json = json.loads(content) if content and operation != "send" else {}
        name = match[1] if match.groups() else str(body.get("jobReference", {}).get("jobId", ""))
        query = parse_qs(url.query)
        with self._lock:
            happens = self._before.pop(operation, None)
            faults = self._faults.get(operation)
            fault = faults.pop(0) if faults else None
            if happens is not None:
                happens()
            extra: dict[str, str] = {}
            answer = fault
            if fault is None or fault.is_late:
                right, extra = self._right(operation, name, body, query, headers)
                answer = right if fault is None else fault
            assert answer is not None
            status = 0 if answer.is_silent or answer.breaks_off else answer.status
            self.asked.append(Asked(operation, name, body, query, status))
        if answer.is_silent:
            self._over.wait(30)
        return answer, extra

    def _right(
        self, operation: str, name: str, body: Json, query: dict[str, list[str]], headers: dict[str, str]
    ) -> tuple[Fault, dict[str, str]]:
        extra: dict[str, str] = {}
        if operation in {"get", "results", "cancel"}:
            return self._of_job(operation, name, query), extra
        if operation in {"table", "patch", "drop"}:
            return self._of_table(operation, name, body, headers), extra
        if operation == "insert":
            return self._inserted(body), extra
        if operation == "upload":
            self._sessions[name] = body
            return Fault(), {"Location": f"{self.address}/sessions/{name}"}
        return self._inserted(self._sessions[name]), extra

    def _inserted(self, body: Json) -> Fault:
        reference = body["jobReference"]
        name, location = reference["jobId"], reference.get("location", self.location)
        reference = {**reference, "location": location}
        if body["configuration"].get("dryRun"):
            if self.dry_run_finds is not None:
                return refused(self.dry_run_finds)
            found = dry_run_statistics(self.dry_run_bytes, map(_reference, self.dry_run_tables))
            return _json({**body, "jobReference": reference, "status": {"state": "DONE"}, "statistics": found})
        if name in self.jobs:
            return refused(Problem(409, "duplicate", f"Already Exists: Job {PROJECT}:{location}.{name}"))
        outcome = self._outcomes.pop(0) if self._outcomes else Outcome()
        asked = {"kind": "bigquery#job", "id": f"{PROJECT}:{location}.{name}", **body, "jobReference": reference}
        self.jobs[name] = HeldJob(asked, outcome)
        if (load := body["configuration"].get("load")) is not None and outcome.problem is None:
            table = load["destinationTable"]
            self.add_table(f"{table['datasetId']}.{table['tableId']}")
        return _json(self.jobs[name].resource())

    def _of_job(self, operation: str, name: str, query: dict[str, list[str]]) -> Fault:
        held = self.jobs.get(name)
        location = query.get("location", [self.location])[0]
        if held is None or held.location != location:
            return refused(Problem(404, "notFound", f"Not found: Job {PROJECT}:{location}.{name}"))
        if operation == "cancel":
            held.cancel()
            return _json({"kind": "bigquery#jobCancelResponse", "job": held.resource()})
        if operation == "get":
            return _json(held.looked_at())
        if held.is_running:
            self._over.wait(_WAITS_SECONDS)
        self._over.wait(self.page_seconds)
        refusal = held.refusal()
        return refused(refusal) if refusal is not None else _json(held.results(query, self.page_rows))

    def _of_table(self, operation: str, name: str, body: Json, headers: dict[str, str]) -> Fault:
        dataset, _, table = name.partition("/tables/")
        held = self.tables.get(f"{dataset}.{table}")
        if held is None:
            return refused(Problem(404, "notFound", f"Not found: Table {PROJECT}:{dataset}.{table}"))
        if operation == "drop":
            del self.tables[f"{dataset}.{table}"]
            return Fault(204)
        if operation == "patch":
            if headers.get("If-Match", held["etag"]) != held["etag"]:
                return refused(Problem(412, "conditionNotMet", "Precondition check failed."))
            held.update(body, etag=f"{held['etag']}+")
        return _json(held)

    def add_table(self, name: str, **more: Any) -> None:
        """Have a table, without columns, of which more is told."""
        told = {"etag": "e", "tableReference": _reference(name), "schema": {"fields": []}, "type": "TABLE"}
        self.tables[name] = {"kind": "bigquery#table", **told, **more}


def _reference(table: str) -> Json:
    dataset, _, own = table.partition(".")
    return {"projectId": PROJECT, "datasetId": dataset, "tableId": own}


def _json(body: Json) -> Fault:
    return Fault(body=json.dumps(body).encode())


def _handler_for(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Speaks HTTP/1.0, so that every answer ends with its connection."""

        def _respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer, headers = replay.answered(self.command, self.path, dict(self.headers.items()), content)
            if answer.is_silent:
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/html" if answer.body.startswith(b"<") else "application/json")
            for name, value in headers.items():
                self.send_header(name, value)
            body = answer.body or (b"{}" if answer.status == 200 else b"")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if answer.breaks_off:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of tests quiet."""

    return Handler
