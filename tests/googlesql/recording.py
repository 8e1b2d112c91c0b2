"""A store that notes every statement and relation that passes through its sessions, over one that really runs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
from sqlglot import exp

from lakehouse.bronze.footer import SourceColumn
from lakehouse.column_types import arrow_type
from lakehouse.models import dialect
from lakehouse.partition import Partition
from lakehouse.results import CheckResult, EngineJob, Groundwork
from lakehouse.schema import Column, TableSpec
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.query_limits import Deadline
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import (
    Commit,
    LandedFile,
    PublishedRows,
    Records,
    Relation,
    Session,
    Staged,
    StagedPartition,
    Store,
    Work,
)
from lakehouse.warehouse.traits import Traits

Columns = Mapping[str, str]
"""Name → BigQuery type, of a relation."""

_LANDED_TYPES = {
    **{"integer": "INT64", "null": "INT64"},  # parquet writes a column that is all NULL as INT32
    **{"float": "FLOAT64", "float32": "FLOAT64", "decimal": "NUMERIC", "string": "STRING", "untyped": "STRING"},
    **{"bool": "BOOL", "date": "DATE", "datetime": "DATETIME", "timestamp": "TIMESTAMP"},
}
_DECLARED = ("INT64", "FLOAT64", "BOOL", "STRING", "DATE", "DATETIME", "TIMESTAMP")
_SOURCE = PROJECT_ROOT / "src"


@dataclass(frozen=True, order=True)
class Place:
    """A line of the project's own code."""

    module: str
    line: int

    @classmethod
    def of(cls, frame: FrameType) -> Place | None:
        """Where a frame is; None if that is not of the project."""
        file = Path(frame.f_code.co_filename)
        return cls(str(file.relative_to(_SOURCE)), frame.f_lineno) if file.is_relative_to(_SOURCE) else None


@dataclass(frozen=True, eq=False)
class Recorded:
    """One query as a session was given it.

    ``read`` is what the names in it stood for then: the columns of rows, or another query that was recorded.
    ``spec`` is the table that it fills, None if it fills none.
    """

    work: str
    how: str
    query: exp.Query
    parameters: Mapping[str, object]
    read: Mapping[str, Columns | Recorded]
    made_at: Place | None
    spec: TableSpec | None = None

    @cached_property
    def text(self) -> str:
        """What BigQuery would be given."""
        return dialect.render(self.query.transform(_digested_there), dialect.BIGQUERY)


@dataclass(eq=False)
class Recording:
    """All that was recorded, in order; and where each Statement was made, while :meth:`of_constructions` is open.

    ``given`` are all places from which a session was given anything.
    """

    recorded: list[Recorded] = field(default_factory=list)
    given: set[Place | None] = field(default_factory=set)
    made: WeakKeyDictionary[Statement, Place | None] = field(default_factory=WeakKeyDictionary)

    @contextmanager
    def of_constructions(self) -> Iterator[None]:
        """Note where each Statement is made."""
        construct, made = Statement.__init__, self.made

        def noted(statement: Statement, *arguments: Any, **named: Any) -> None:
            construct(statement, *arguments, **named)
            made[statement] = Place.of(sys._getframe(1))

        Statement.__init__ = noted  # type: ignore[assignment, method-assign] # the very same, and a note
        try:
            yield
        finally:
            Statement.__init__ = construct  # type: ignore[method-assign]


class RecordingStore:
    """Implements :class:`lakehouse.warehouse.store.Store`; ``has_digests`` says whether DuckDB's are given of rows."""

    def __init__(self, store: Store, recording: Recording) -> None:
        self._store = store
        self._recording = recording
        self.has_digests = False

    @property
    def traits(self) -> Traits:
        return self._store.traits

    def prepare(self) -> Groundwork:
        return self._store.prepare()

    def create(self, spec: TableSpec) -> None:
        self._store.create(spec)

    def evolve(self, spec: TableSpec) -> None:
        self._store.evolve(spec)

    def set_aside(self, spec: TableSpec, owed: Iterable[Partition]) -> str:
        return self._store.set_aside(spec, owed)

    def records(self, work: Work | None = None) -> Records:
        return self._store.records(work)

    @contextmanager
    def session(self, work: Work, records: Records) -> Iterator[Session]:
        with self._store.session(work, records) as session:
            yield RecordingSession(session, self._recording, work)

    def tie_breaker(self, columns: Sequence[str]) -> exp.Expr | None:
        return self._store.tie_breaker(columns)

    def digest(self, columns: Sequence[str]) -> exp.Expr | None:
        if not self.has_digests:
            return self._store.digest(columns)
        return exp.func("hash", *(exp.column(column, quoted=True) for column in columns))

    def close(self) -> None:
        self._store.close()


class RecordingSession:
    """Implements :class:`lakehouse.warehouse.store.Session`. What fails is recorded as well."""

    def __init__(self, session: Session, recording: Recording, work: Work) -> None:
        self._session = session
        self._recording = recording
        self._work = work
        self._names: dict[str, Columns | Recorded] = {}

    def relate(self, name: str, relation: Relation) -> None:
        self._recording.given.add(Place.of(sys._getframe(1)))
        if isinstance(relation, exp.Query):
            self._names[name] = self._noted(f"relate {name}", relation, {}, None)
        elif isinstance(relation, PublishedRows):
            self._names[name] = _types(relation.spec.columns)
        elif isinstance(relation, LandedFile):
            self._names[name] = {column.name: landed_type(column) for column in relation.columns}
        else:
            self._names[name] = {each.name: _declared(each.type) for each in relation.schema}
        self._session.relate(name, relation)

    def stage(self, name: str, spec: TableSpec, statement: Statement, parameters: Mapping[str, object]) -> Staged:
        self._noted(f"stage {name}", statement.query, statement.bind(parameters), statement, spec)
        self._names[name] = _types(spec.columns)
        return self._session.stage(name, spec, statement, parameters)

    def keep(self, name: str, statement: Statement, parameters: Mapping[str, object]) -> int:
        noted = self._noted(f"keep {name}", statement.query, statement.bind(parameters), statement)
        self._names[name] = noted
        return self._session.keep(name, statement, parameters)

    def one(self, statement: Statement, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        self._noted("one", statement.query, statement.bind(parameters), statement)
        return self._session.one(statement, parameters)

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> pa.Table:
        self._noted("rows", statement.query, statement.bind(parameters), statement)
        return self._session.rows(statement, parameters)

    def answer(self, statement: Statement, deadline: Deadline) -> pa.Table:
        self._noted("answer", statement.query, {}, statement)
        return self._session.answer(statement, deadline)

    def measured(self, staged: Staged, statements: Sequence[Statement], parameters: Mapping[str, object]) -> Measured:
        for statement in statements:
            self._noted("measured", statement.query, statement.bind(parameters), statement)
        return self._session.measured(staged, statements, parameters)

    def first(self, name: str, rows: int) -> pa.Table:
        self._noted("first", dialect.all_of(name).limit(rows), {}, None)
        return self._session.first(name, rows)

    def jobs(self) -> tuple[EngineJob, ...]:
        return self._session.jobs()

    def own_checks(self, spec: TableSpec) -> tuple[CheckResult, ...]:
        return self._session.own_checks(spec)

    def publish(self, partition: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        return self._session.publish(partition, is_current)

    def _noted(
        self,
        how: str,
        query: exp.Query,
        parameters: Mapping[str, object],
        statement: Statement | None,
        spec: TableSpec | None = None,
    ) -> Recorded:
        read = {name: self._names[name] for name in dialect.references(query)}
        made_at = None if statement is None else self._recording.made.get(statement)
        noted = Recorded(str(self._work), how, query, parameters, read, made_at, spec)
        self._recording.given.add(Place.of(sys._getframe(2)))
        self._recording.recorded.append(noted)
        return noted


def landed_type(column: SourceColumn) -> str:
    """What BigQuery reads a column of a landed file as: a whole decimal is a NUMERIC there, too."""
    return "NUMERIC" if column.type.startswith("decimal") else _LANDED_TYPES[column.kind]


def _types(columns: Iterable[Column]) -> Columns:
    return {column.name: column.type for column in columns}


def _declared(type_: pa.DataType) -> str:
    if pa.types.is_decimal(type_):
        return f"NUMERIC({type_.precision},{type_.scale})"
    return next(name for name in _DECLARED if arrow_type(name) == type_)


def _digested_there(node: exp.Expr) -> exp.Expr:
    """DuckDB's digest of values, which the tour needs as it runs there, as BigQuery has one."""
    if not isinstance(node, exp.Anonymous) or node.name.upper() != "HASH":
        return node
    values = exp.func("TO_JSON_STRING", exp.Struct(expressions=node.expressions), dialect=dialect.BIGQUERY)
    return exp.func("FARM_FINGERPRINT", values, dialect=dialect.BIGQUERY)
