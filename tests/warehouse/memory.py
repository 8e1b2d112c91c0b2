"""A deliberately small store: tables are Arrow tables in memory, sessions are DuckDBs of their own.

It measures that what stands between the warehouse and an engine knows none: it takes nothing from the local store but
how a connection is set up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from lakehouse.exceptions import StaleInputs, StatementFailed, StatementFault, first_line
from lakehouse.files import path_of
from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import CheckResult, EngineJob, Groundwork, Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.local.engine import connect, seal
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.query_limits import Deadline
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import (
    Commit,
    LandedFile,
    PublishedRows,
    Record,
    Records,
    Relation,
    Staged,
    StagedPartition,
    TableShape,
    Work,
)
from lakehouse.warehouse.traits import Traits

_ANEW = "made anew, empty, and not published since"
_VALUE_FAULTS = (duckdb.ConversionException, duckdb.OutOfRangeException)
_STATEMENT_FAULTS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)


@dataclass(frozen=True)
class Held:
    """A month of a table."""

    rows: pa.Table
    record: Record
    note: str | None


_Months = dict[tuple[str, Partition], Held]


class MemoryStore:
    """Implements :class:`lakehouse.warehouse.store.Store`; gone with the process."""

    traits = Traits()

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._shapes: dict[str, TableShape] = {}
        self._months: _Months = {}
        self._emptied: dict[tuple[str, Partition], str | None] = {}
        self._published: set[str] = set()
        self._outdated: dict[tuple[str, Partition], set[str]] = {}
        self._versions = count(1)
        self._lock = RLock()

    def prepare(self) -> Groundwork:
        """Nothing is needed."""
        return Groundwork()

    def create(self, spec: TableSpec) -> None:
        self._shapes.setdefault(spec.name, TableShape(tuple(map(_documented, spec.columns)), spec.partition))

    def evolve(self, spec: TableSpec) -> None:
        shape = self._shapes[spec.name]
        changes = evolution(shape, spec)
        changed = {column.name: _documented(column) for column in changes.changed()}
        kept = (changed.get(column.name, column) for column in shape.columns)
        self._shapes[spec.name] = replace(shape, columns=(*kept, *map(_documented, changes.added)))

    def set_aside(self, spec: TableSpec, owed: Iterable[Partition]) -> str:
        with self._lock:
            for known in (self._months, self._emptied):
                for key in [key for key in known if key[0] == spec.name]:
                    del known[key]
            self._published.discard(spec.name)
            del self._shapes[spec.name]
            self.create(spec)
            self._outdated |= {(spec.name, month): {_ANEW} for month in owed}
        return "nowhere"

    def records(self, work: Work | None = None) -> MemoryRecords:  # noqa: ARG002
        with self._lock:
            outdated = {key: ", ".join(sorted(names)) for key, names in self._outdated.items()}
            published, shapes, emptied = frozenset(self._published), dict(self._shapes), dict(self._emptied)
            return MemoryRecords(dict(self._months), published, shapes, outdated, emptied)

    @contextmanager
    def session(self, work: Work, records: Records) -> Iterator[MemorySession]:
        assert isinstance(records, MemoryRecords)
        with connect("500MB", 2, self._spill) as connection:
            yield MemorySession(self, connection, records, work)

    @staticmethod
    def tie_breaker(columns: Sequence[str]) -> None:  # noqa: ARG004 - it keeps rows as they come
        return None

    def digest(self, columns: Sequence[str]) -> None:  # noqa: ARG002 - it compares all values
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def publish(self, month: Partition, staged: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        """One at a time."""
        with self._lock:
            if not is_current():
                raise StaleInputs(f"{month.of(staged.staged[-1].spec.name)}: its inputs changed while it was computed")
            commits = []
            for each in staged.staged:
                assert isinstance(each, StagedRows)
                commits.append(self._replace(each, month, staged))
                self._outdated.pop((each.spec.name, month), None)
                for reader in staged.read_by.get(each.spec.name, ()) if commits[-1].is_new else ():
                    for table, held in self._months:
                        if table == reader.name and (held == month or WHOLE in (held, month)):
                            self._outdated.setdefault((table, held), set()).add(each.spec.name)
            return Commit(commits[-1].version, any(commit.is_new for commit in commits))

    def _replace(self, staged: StagedRows, month: Partition, wanted: StagedPartition) -> Commit:
        key = (staged.spec.name, month)
        held = self._months.get(key)
        if held is not None and staged.rows and held.record.content == staged.content:
            known = held.record.fingerprints | {wanted.fingerprint}
            note = wanted.note if staged is wanted.staged[-1] else None
            self._months[key] = replace(held, record=replace(held.record, fingerprints=known), note=note)
            return Commit(held.record.version, is_new=False)
        if not staged.rows and held is None:
            self._emptied[key] = wanted.note if staged is wanted.staged[-1] else None
            return Commit(None, is_new=False)
        self.evolve(staged.spec)
        self._published.add(staged.spec.name)
        if not staged.rows:
            del self._months[key]
            self._emptied[key] = wanted.note if staged is wanted.staged[-1] else None
            return Commit(str(next(self._versions)), is_new=True)
        self._months[key] = Held(
            staged.table,
            Record(
                fingerprints=frozenset({wanted.fingerprint}),
                content=staged.content,
                rows=staged.rows,
                bytes=staged.bytes,
                version=str(next(self._versions)),
                published_at=datetime.now(UTC),
            ),
            wanted.note if staged is wanted.staged[-1] else None,
        )
        return Commit(self._months[key].record.version, is_new=True)


@dataclass(frozen=True)
class MemoryRecords:
    """Implements :class:`lakehouse.warehouse.store.Records`."""

    held: _Months
    published: frozenset[str]
    shapes: Mapping[str, TableShape]
    outdated: Mapping[tuple[str, Partition], str]
    emptied: Mapping[tuple[str, Partition], str | None] = field(default_factory=dict)
    """What was written down with months that were published without rows."""

    def shape(self, spec: TableSpec) -> TableShape | None:
        return self.shapes.get(spec.name)

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        marks = ((table, month, names) for (table, month), names in self.outdated.items() if table == spec.name)
        return tuple(
            Remark(table, month, names if names == _ANEW else f"made before {names} changed")
            for table, month, names in marks
        )

    def partition(self, spec: TableSpec, month: Partition) -> Record | None:
        found = self.held.get((spec.name, month))
        return found.record if found else None

    def partitions(self, spec: TableSpec) -> Mapping[Partition, Record]:
        return {month: held.record for (table, month), held in self.held.items() if table == spec.name}

    def changed(self, spec: TableSpec) -> tuple[()]:  # noqa: ARG002 - nobody else has them
        return ()

    def notes(self, spec: TableSpec) -> Mapping[Partition, str]:
        notes = {month: note for (table, month), note in self.emptied.items() if table == spec.name}
        notes |= {month: held.note for (table, month), held in self.held.items() if table == spec.name}
        return {month: note for month, note in notes.items() if note is not None}

    def was_published(self, spec: TableSpec) -> bool:
        return spec.name in self.published

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> None:  # noqa: ARG002 - tables are counted
        return None

    def is_intact(self, spec: TableSpec, month: Partition) -> bool:
        held = self.held.get((spec.name, month))
        return held is None or _content(held.rows) == held.record.content

    def rows(self, of: PublishedRows) -> list[pa.Table]:
        months = (key for key in sorted(self.held, key=str) if key[0] == of.spec.name)
        return [self.held[key].rows for key in months if of.partition is WHOLE or key[1] == of.partition]


@dataclass(frozen=True)
class StagedRows(Staged):
    """Staged rows themselves."""

    table: pa.Table = field(repr=False)


class MemorySession:
    """Implements :class:`lakehouse.warehouse.store.Session`."""

    def __init__(
        self, store: MemoryStore, connection: duckdb.DuckDBPyConnection, records: MemoryRecords, work: Work
    ) -> None:
        self._store = store
        self._connection = connection
        self._records = records
        self._work = work

    def relate(self, name: str, relation: Relation) -> None:
        with _faults_named():
            if isinstance(relation, exp.Query):
                self._view(name, dialect.render(relation, "duckdb"))
            elif isinstance(relation, LandedFile):
                self._view(name, f"SELECT * FROM {_reader(relation)}")
            elif isinstance(relation, PublishedRows):
                self._give(name, self._records.rows(relation), relation.spec.columns)
            else:
                self._give(name, [relation], ())

    def stage(self, name: str, spec: TableSpec, statement: Statement, parameters: Mapping[str, object]) -> StagedRows:
        table = self.rows(statement, parameters)
        self._give(name, [table], spec.columns)
        return StagedRows(spec, table.num_rows, _content(table), table.nbytes, table)

    def keep(self, name: str, statement: Statement, parameters: Mapping[str, object]) -> int:
        table = self.rows(statement, parameters)
        self._give(name, [table], ())
        return int(table.num_rows)

    def measured(self, staged: Staged, statements: Sequence[Statement], parameters: Mapping[str, object]) -> Measured:
        assert isinstance(staged, StagedRows)
        nulls = {name: staged.table.column(name).null_count for name in staged.table.column_names}
        return Measured(tuple(self.one(statement, parameters) for statement in statements), nulls)

    def first(self, name: str, rows: int) -> pa.Table:
        return self.rows(Statement(dialect.all_of(name).limit(rows)), {})

    def one(self, statement: Statement, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        (row,) = self.rows(statement, parameters).to_pylist()
        return dict(row)

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> pa.Table:
        with _faults_named():
            bound = statement.bind(parameters)
            return self._connection.sql(statement.text("duckdb"), params=bound or None).to_arrow_table()

    def answer(self, statement: Statement, deadline: Deadline) -> pa.Table:
        seal(self._connection, (), deadline.remaining)
        return self.rows(statement, {})

    def jobs(self) -> tuple[EngineJob, ...]:
        return ()

    def own_checks(self, spec: TableSpec) -> tuple[CheckResult, ...]:  # noqa: ARG002
        return ()

    def publish(self, partition: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        return self._store.publish(self._work.partition, partition, is_current)

    def _give(self, name: str, tables: Sequence[pa.Table], columns: Sequence[Column]) -> None:
        """Name the rows of tables, some of which may be older than the columns."""
        if not tables:
            self._view(name, dialect.render(dialect.no_rows(columns), "duckdb"))
            return
        given = f"given_{name.replace('.', '_')}"
        self._connection.register(given, pa.concat_tables(tables, promote_options="default"))
        there = {column for table in tables for column in table.column_names}
        typed = ", ".join(
            f"CAST({quoted(c.name) if c.name in there else 'NULL'} AS {dialect.type_text(c.type, 'duckdb')}) "
            f"AS {quoted(c.name)}"
            for c in columns
        )
        self._view(name, f"SELECT {typed or '*'} FROM {given}")

    def _view(self, name: str, select: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {'.'.join(map(quoted, name.split('.')))} AS {select}")


def quoted(name: str) -> str:
    return f'"{name}"'


def _documented(column: Column) -> Column:
    return Column(column.name, column.type, column.doc)


def _content(table: pa.Table) -> str:
    """The same of the same rows in whatever order."""
    table = table.sort_by([(name, "ascending") for name in table.column_names])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _reader(landed: LandedFile) -> str:
    path = path_of(landed.uri)
    if landed.landing.suffix != "csv":
        return f"read_parquet('{path}', hive_partitioning = FALSE)"
    columns = ", ".join(f"'{column.name}': 'VARCHAR'" for column in landed.columns)
    given = f"auto_detect = FALSE, header = TRUE, columns = {{{columns}}}, delim = ',', quote = '\"', escape = '\"'"
    return f"read_csv('{path}', {given}, nullstr = '', comment = '', hive_partitioning = FALSE)"


@contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except _VALUE_FAULTS as error:
        raise StatementFailed(first_line(error), StatementFault.VALUE) from error
    except _STATEMENT_FAULTS as error:
        raise StatementFailed(first_line(error), StatementFault.STATEMENT) from error
    except duckdb.InterruptException as error:
        raise StatementFailed(first_line(error), StatementFault.TIME) from error
    except duckdb.Error as error:
        raise StatementFailed(first_line(error), StatementFault.DATA) from error
