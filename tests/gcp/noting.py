"""What is asked of the emulators, kept as it passes: requests by their method, jobs by what they do to which tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.bronze.between import Answer, Between

_OF_TABLES = r"/datasets/(?P<dataset>[^/]+)/tables"
_METHODS = (
    ("jobs.insert", "POST", r"/jobs"),
    ("jobs.get", "GET", r"/jobs/[^/]+"),
    ("jobs.cancel", "POST", r"/jobs/[^/]+/cancel"),
    ("jobs.getQueryResults", "GET", r"/queries/[^/]+"),
    ("datasets.list", "GET", r"/datasets"),
    ("datasets.insert", "POST", r"/datasets"),
    ("datasets.get", "GET", r"/datasets/(?P<name>[^/]+)"),
    ("datasets.patch", "PATCH", r"/datasets/(?P<name>[^/]+)"),
    ("tables.list", "GET", _OF_TABLES),
    ("tables.insert", "POST", _OF_TABLES),
    ("tables.get", "GET", _OF_TABLES + r"/(?P<name>[^/]+)"),
    ("tables.patch", "PATCH", _OF_TABLES + r"/(?P<name>[^/]+)"),
    ("tables.delete", "DELETE", _OF_TABLES + r"/(?P<name>[^/]+)"),
    ("tabledata.list", "GET", _OF_TABLES + r"/(?P<name>[^/]+)/data"),
    ("buckets.list", "GET", r"/b"),
    ("buckets.insert", "POST", r"/b"),
    ("buckets.get", "GET", r"/b/(?P<name>[^/]+)"),
    ("buckets.patch", "PATCH", r"/b/(?P<name>[^/]+)"),
    ("objects.list", "GET", r"/b/[^/]+/o"),
    ("objects.insert", "POST", r"/b/[^/]+/o"),
    ("objects.insert, a part", "PUT", r"/b/[^/]+/o"),
    ("objects.get", "GET", r"/b/[^/]+/o/(?P<name>.+)"),
    ("objects.patch", "PATCH", r"/b/[^/]+/o/(?P<name>.+)"),
    ("objects.delete", "DELETE", r"/b/[^/]+/o/(?P<name>.+)"),
)
"""What the APIs call what is asked for here."""

_ROOT = re.compile(r"(/resumable|/upload|/download)*(/bigquery/v2/projects/[^/]+|/storage/v1)")
_CHANGES = re.compile(
    r"(?:^|;\n)\s*(DELETE FROM|INSERT INTO|UPDATE|CREATE TABLE|ALTER TABLE|DROP TABLE|MERGE(?: INTO)?) `?([\w.-]+)`?"
)


@dataclass(frozen=True)
class Request:
    """``what`` the API calls it; ``name`` is the table or the object that it is of, if it is of one."""

    at: float
    what: str
    name: str
    status: int
    answered_bytes: int


@dataclass(frozen=True)
class Change:
    """A statement that writes a table."""

    verb: str
    table: str


@dataclass(frozen=True)
class Job:
    """``kind``: load, publish (a transaction), stage (rows written outside of any), define (DDL), query, dry run."""

    id: str
    kind: str
    asset: str
    month: str
    changes: tuple[Change, ...]
    characters: int
    at: float


class Noting(Between):
    """Stands before an emulator, and keeps what is asked; ``before_publishing`` is called before each transaction."""

    def __init__(self, emulator: str) -> None:
        super().__init__(emulator)
        self.requests: list[Request] = []
        self.jobs: list[Job] = []
        self.before_publishing: Callable[[], None] = lambda: None

    def taken(self) -> tuple[tuple[Request, ...], tuple[Job, ...]]:
        """What came by since this was asked last."""
        found = tuple(self.requests), tuple(self.jobs)
        self.requests, self.jobs = [], []
        self.passed = []
        return found

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        what, name = described(method, path, body)
        if what == "jobs.insert":
            job = job_of(json.loads(body))
            self.jobs.append(job)
            if job.kind == "publish":
                self.before_publishing()
        asked_at = monotonic()
        answer = super()._forwarded(method, path, headers, body)
        self.requests.append(Request(asked_at, what, name, answer.status, len(answer.body)))
        return answer


def described(method: str, path: str, body: bytes) -> tuple[str, str]:
    """What the API calls a request, and the table or object that it is of.

    Raises:
        ValueError: it is none of those that are asked for here.
    """
    url = urlsplit(path)
    rest = _ROOT.sub("", url.path, count=1)
    for what, by, pattern in _METHODS:
        found = re.fullmatch(pattern, rest) if method == by else None
        if found is not None:
            parts = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
            name = ".".join(parts[each] for each in ("dataset", "name") if each in parts)
            return what, _given_name(what, url.query, body) or name
    raise ValueError(f"what is asked for by {method} {path}?")


def _given_name(what: str, query: str, body: bytes) -> str | None:
    """The name of what is made, which its request has elsewhere."""
    if what == "tables.insert":
        reference = json.loads(body)["tableReference"]
        return f"{reference['datasetId']}.{reference['tableId']}"
    return _object_of(query, body) if what == "objects.insert" else None


def _object_of(query: str, body: bytes) -> str:
    """The name of an object that is written: in the address, or in what comes before its content."""
    named = re.search(r"(?:^|&)name=([^&]+)", query)
    if named is not None:
        return unquote(named[1])
    told = re.search(rb'"name": ?"([^"]+)"', body)
    return told[1].decode() if told else ""


def job_of(asked: dict[str, Any]) -> Job:
    """What a job is to do, by its configuration."""
    configuration = asked["configuration"]
    labels = configuration.get("labels", {})
    kind, changes, characters = _done_by(configuration)
    job_id = asked.get("jobReference", {}).get("jobId", "")
    return Job(job_id, kind, labels.get("asset", ""), labels.get("month", ""), changes, characters, monotonic())


def _done_by(configuration: dict[str, Any]) -> tuple[str, tuple[Change, ...], int]:
    if "load" in configuration:
        table = configuration["load"]["destinationTable"]
        return "load", (Change("LOAD", f"{table['datasetId']}.{table['tableId']}"),), 0
    sql = configuration["query"]["query"]
    changes = tuple(Change(verb, table) for verb, table in _CHANGES.findall(sql))
    if configuration.get("dryRun"):
        return "dry run", (), len(sql)
    if sql.startswith("BEGIN TRANSACTION"):
        return "publish", changes, len(sql)
    if any(change.verb.startswith(("CREATE", "ALTER", "DROP")) for change in changes):
        return "define", changes, len(sql)
    return ("stage" if changes else "query"), changes, len(sql)
