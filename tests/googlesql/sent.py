"""All SQL that Google's client of BigQuery is given, each text with the tables that it speaks of as they were then."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client, LoadJobConfig, QueryJobConfig, SchemaField, Table

from tests.googlesql.oracle import Oracle, Refusal
from tests.googlesql.recording import Columns, Place

JOBS_VIEW = "region-us.INFORMATION_SCHEMA.JOBS_BY_USER"
JOBS_COLUMNS: Columns = {
    "creation_time": "TIMESTAMP",
    "project_id": "STRING",
    "job_id": "STRING",
    "parent_job_id": "STRING",
    "statement_type": "STRING",
    "total_bytes_billed": "INT64",
    "total_slot_ms": "INT64",
    "labels": "ARRAY<STRUCT<key STRING, value STRING>>",
}
"""Those that matter here of https://cloud.google.com/bigquery/docs/information-schema-jobs#schema."""

_SHORT = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_MADE = re.compile(r"CREATE TABLE (\S+) ")
_NAME = re.compile(r"\b\w+\.\w+\b")
_RANDOM = re.compile(r"\b((?:staging|bronze)\.\w+?__)([0-9a-f]{12,16})\b")
_HASH = re.compile(r"(?<=['\"])[0-9a-f]{16,64}(?=['\"])")
_NOW = re.compile(r"(?<=')20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+(?=')")
_JOB = re.compile(r"lakehouse_[0-9a-f]{32}")


@dataclass(frozen=True, eq=False)
class Sent:
    """A statement, or a script: ``labels`` are those of its job, ``parameters`` the types of what it binds."""

    text: str
    labels: Mapping[str, str]
    parameters: Mapping[str, str]
    tables: Mapping[str, Columns | Sent]
    """By name: columns, or the statement that made the table of its own."""
    is_dry_run: bool
    places: frozenset[Place]

    @property
    def told_apart(self) -> str:
        """The text without what differs from run to run; names that differ in it stay different."""
        text = self.text.replace("`", "")
        for found in _HASH, _NOW, _JOB:
            text = found.sub(lambda match: "0" * len(match[0]), text)
        return _numbered(text, _numbers(text))


class NotingClient(Client):
    """Google's client, which notes what it is given to run, and what tables it makes."""

    def __init__(self, address: str, project: str) -> None:
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        super().__init__(project, credentials, client_options={"api_endpoint": address}, location="US")
        self.sent: list[Sent] = []
        self._tables: dict[str, Columns | Sent] = {JOBS_VIEW: JOBS_COLUMNS}

    def query(self, query: str, job_config: QueryJobConfig | None = None, **how: Any) -> Any:  # type: ignore[override]
        config = QueryJobConfig() if job_config is None else job_config
        bare = query.replace("`", "")
        named = set(_NAME.findall(bare))
        sent = Sent(
            query,
            dict(config.labels),
            {each.name: each.type_ for each in config.query_parameters},
            {name: columns for name, columns in self._tables.items() if name in named or name == JOBS_VIEW in bare},
            bool(config.dry_run),
            frozenset(_places()),
        )
        self.sent.append(sent)
        if (made := _MADE.match(query)) is not None and not sent.is_dry_run:
            self._tables[made[1]] = sent
        return super().query(query, job_config=config, **how)

    def create_table(self, table: Table, **how: Any) -> Table:  # type: ignore[override]
        self._note(table, table.schema)
        return super().create_table(table, **how)

    def update_table(self, table: Table, fields: Sequence[str], **how: Any) -> Table:  # type: ignore[override]
        if "schema" in fields:
            self._note(table, table.schema)
        return super().update_table(table, fields, **how)

    def load_table_from_uri(  # type: ignore[override]
        self, uris: Any, table: str, job_config: LoadJobConfig, **how: Any
    ) -> Any:
        self._note(table, job_config.schema)
        return super().load_table_from_uri(uris, table, job_config=job_config, **how)

    def load_table_from_file(  # type: ignore[override]
        self, file: Any, table: str, job_config: LoadJobConfig, **how: Any
    ) -> Any:
        self._note(table, job_config.schema)
        return super().load_table_from_file(file, table, job_config=job_config, **how)

    def _note(self, table: Table | str, schema: Iterable[SchemaField]) -> None:
        columns = {each.name: _SHORT.get(each.field_type, each.field_type) for each in schema}
        self._tables[_own(table)] = columns


def _own(table: Table | str) -> str:
    return str(table).partition(".")[2]


def _places() -> Iterable[Place]:
    """Lines of the project that are at work."""
    frame = sys._getframe(2)
    while frame is not None:
        place = Place.of(frame)
        if place is not None:
            yield place
        frame = frame.f_back  # type: ignore[assignment] # None at the end


def _numbers(text: str) -> Mapping[str, str]:
    """Number of each random part of a table's name, in the order in which a text has them."""
    return {each: str(n) for n, each in enumerate(dict.fromkeys(match[2] for match in _RANDOM.finditer(text)), 1)}


def _numbered(text: str, numbers: Mapping[str, str]) -> str:
    for random, number in numbers.items():
        text = text.replace(f"__{random}", f"__{number}")
    return text


@dataclass
class SentAnalysis:
    """What Google's analyzer says of what was sent; each text once."""

    oracle: Oracle
    answers: dict[object, tuple[Columns, ...] | Refusal] = field(default_factory=dict)

    def fault(self, sent: Sent) -> str | None:
        """Why BigQuery would not take it; None if it does."""
        said = self.said(sent)
        return f"{dict(sent.labels)}: {said.reason}" if isinstance(said, Refusal) else None

    def said(self, sent: Sent) -> tuple[Columns, ...] | Refusal:
        """The columns that each of its statements gives."""
        numbers = _numbers(sent.text.replace("`", ""))
        tables = {_numbered(name, numbers): self._columns(table) for name, table in sent.tables.items()}
        given = tuple((name, tuple(columns.items())) for name, columns in sorted(tables.items()))
        key = (sent.told_apart, given, tuple(sent.parameters.items()))
        if key not in self.answers:
            said = self.oracle.script(_numbered(sent.text, numbers), tables, sent.parameters)
            self.answers[key] = said if isinstance(said, Refusal) else tuple(map(dict, said))
        return self.answers[key]

    def _columns(self, table: Columns | Sent) -> Columns:
        if not isinstance(table, Sent):
            return table
        said = self.said(table)
        return {} if isinstance(said, Refusal) else said[0]  # it is told where it is refused
