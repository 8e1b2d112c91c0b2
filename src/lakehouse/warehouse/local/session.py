"""A session of the local warehouse: names are views over files, staged rows are files of their own, kept ones none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.exceptions import CorruptFile, StatementFailed
from lakehouse.files import make_durable, path_of
from lakehouse.models import dialect
from lakehouse.partition import WHOLE
from lakehouse.results import CheckResult, EngineJob
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.local import commits
from lakehouse.warehouse.local.engine import (
    duckdb_type,
    faults_named,
    interruptible,
    literal,
    quoted,
    relation_name,
    seal,
)
from lakehouse.warehouse.local.records import MONTH_PROPERTY, NOTE_PROPERTY, IcebergRecords, content_hash
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.query_limits import Deadline
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Commit, LandedFile, PublishedRows, Relation, Staged, StagedPartition, Work

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class StagedFile(Staged):
    """Staged rows and their file."""

    file: Path


class LocalSession:
    """Implements :class:`lakehouse.warehouse.store.Session`; ``folder`` makes its own, once it stages anything."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: IcebergTables,
        records: IcebergRecords,
        work: Work,
        folder: Callable[[], Path],
        memory_limit: str,
        home: Path,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._records = records
        self._work = work
        self._folder = folder
        self._engine_faults_named = partial(faults_named, str(work), memory_limit, home)
        self._published: list[PublishedRows] = []

    def relate(self, name: str, relation: Relation) -> None:
        with self._faults_named():
            if isinstance(relation, PublishedRows):
                self._published.append(relation)
                paths = self._records.paths(relation.spec, relation.partition)
                self._view(name, self._rows_of(paths, relation.spec.columns))
            elif isinstance(relation, LandedFile):
                self._view(name, f"SELECT * FROM {_read_landed(relation)}")
            elif isinstance(relation, exp.Query):
                self._view(name, dialect.render(relation, "duckdb"))
            else:
                given = f"given_{name.replace('.', '_')}"
                self._connection.register(given, relation)
                self._view(name, f"SELECT * FROM {quoted(given)}")

    def stage(self, name: str, spec: TableSpec, statement: Statement, parameters: Mapping[str, object]) -> StagedFile:
        file = self._folder() / f"{name}.parquet"
        copy = (
            f"COPY ({statement.text('duckdb')}) TO {literal(str(file))} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)"
        )
        bound = statement.bind(parameters)
        with self._faults_named():
            with interruptible(self._connection):
                self._connection.execute(copy, bound)
            counted = self._connection.fetchone()
            make_durable(file)
            staged = StagedFile(spec, int(counted[0]) if counted else 0, content_hash(file), file.stat().st_size, file)
            self._view(name, self._rows_of([file] if staged.rows else [], spec.columns))
        return staged

    def keep(self, name: str, statement: Statement, parameters: Mapping[str, object]) -> int:
        """In memory, and where there is not enough of it in a folder beside the session's, which the engine makes."""
        self._folder()
        table = quoted(f"kept_{name}")
        sql, bound = f"CREATE OR REPLACE TEMP TABLE {table} AS {statement.text('duckdb')}", statement.bind(parameters)
        with self._faults_named():
            with interruptible(self._connection):
                self._connection.execute(sql, bound)
            counted = self._connection.fetchone()
            self._view(name, f"SELECT * FROM {table}")
        return int(counted[0]) if counted else 0

    def one(self, statement: Statement, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        sql, bound = statement.text("duckdb"), statement.bind(parameters)
        with self._faults_named():
            with interruptible(self._connection):
                cursor = self._connection.execute(sql, bound)
            names = [column[0] for column in cursor.description or ()]
            (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> pa.Table:
        sql, bound = statement.text("duckdb"), statement.bind(parameters)
        with self._faults_named(), interruptible(self._connection):
            return self._connection.sql(sql, params=bound or None).to_arrow_table()

    def answer(self, statement: Statement, deadline: Deadline) -> pa.Table:
        deadline.kept(partial(statement.text, "duckdb"))
        with self._faults_named():
            readable = (self._records.paths(rows.spec, rows.partition) for rows in self._published)
            seal(self._connection, chain.from_iterable(readable), deadline.remaining)
        return self.rows(statement, {})

    def measured(self, staged: Staged, statements: Sequence[Statement], parameters: Mapping[str, object]) -> Measured:
        answers = tuple(self.one(statement, parameters) for statement in statements)
        return Measured(answers, self._nulls(staged))

    def first(self, name: str, rows: int) -> pa.Table:
        with self._faults_named(), interruptible(self._connection):
            return self._connection.sql(dialect.render(dialect.all_of(name).limit(rows), "duckdb")).to_arrow_table()

    def _nulls(self, staged: Staged) -> Mapping[str, int]:
        """As the file's own footer counts them, which takes a tenth of what a scan does."""
        counts = (
            "SELECT path_in_schema, SUM(stats_null_count)::BIGINT "
            f"FROM parquet_metadata({literal(str(self._file_of(staged)))}) "
            "GROUP BY ALL HAVING COUNT(stats_null_count) = COUNT(*)"
        )
        with self._faults_named():
            found = dict(self._connection.execute(counts).fetchall())
        return {column.name: found[column.name] for column in staged.spec.columns if column.name in found}

    def jobs(self) -> tuple[EngineJob, ...]:
        return ()

    def own_checks(self, spec: TableSpec) -> tuple[CheckResult, ...]:  # noqa: ARG002 - it bills nothing
        return ()

    def publish(self, partition: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        wanted = [self._replaced(staged, partition) for staged in partition.staged]
        reads = [spec.name for spec in partition.reads]
        return commits.publish(self._tables, wanted, is_current, reads=reads, read_by=partition.read_by)

    def _replaced(self, staged: Staged, partition: StagedPartition) -> commits.Replaced:
        return commits.Replaced(
            spec=staged.spec,
            partition=self._work.partition,
            staged=self._file_of(staged),
            rows=staged.rows,
            fingerprint=partition.fingerprint,
            content=staged.content,
            summary=self._summary(staged, partition),
        )

    def _file_of(self, staged: Staged) -> Path:
        if not isinstance(staged, StagedFile):
            raise TypeError(f"{self._work}: {staged.spec.name} was staged by another session")
        return staged.file

    def _summary(self, staged: Staged, partition: StagedPartition) -> Mapping[str, str]:
        """What the snapshot that publishes the month says of it."""
        known = {
            "lakehouse.model": self._work.asset,
            "lakehouse.run": self._work.run_id,
            "lakehouse.fingerprint": partition.fingerprint,
            "lakehouse.rows": str(staged.rows),
            MONTH_PROPERTY: self._work.partition.key,
            "lakehouse.bronze-sha256": partition.bronze_sha256,
            NOTE_PROPERTY: partition.note if staged is partition.staged[-1] else None,
        }
        return {name: value for name, value in known.items() if value is not None}

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """See :func:`faults_named`; a published file that the engine names is of a table, and of a month."""
        try:
            with self._engine_faults_named():
                yield
        except StatementFailed as error:
            place = self._place_in(str(error))
            if place is None:
                raise
            raise StatementFailed(f"{place}: {error}", error.fault) from error

    def _place_in(self, message: str) -> str | None:
        """The table and the month of a file that a message names, if it is published."""
        for rows in self._published:
            with suppress(CorruptFile):  # a table that cannot be told of is not what the message is about
                held = self._records.partitions(rows.spec) if rows.partition is WHOLE else [rows.partition]
                for partition in held:
                    if any(str(path) in message for path in self._records.paths(rows.spec, partition)):
                        return partition.of(rows.spec.name)
        return None

    def _view(self, name: str, select: str) -> None:
        """Name a SELECT; it is computed whenever it is read."""
        self._connection.execute(f"CREATE OR REPLACE VIEW {relation_name(name)} AS {select}")

    def _rows_of(self, files: Sequence[Path], columns: Iterable[Column]) -> str:
        """The rows of parquet files as a table of just these columns; no files are no rows.

        Files may be older than the columns: a column that a file lacks is NULL in its rows, and one that was narrower
        is as wide as now, as equal values of two types have digests of their own.
        """
        columns = tuple(columns)
        typed = ", ".join(f"CAST(NULL AS {duckdb_type(c.type)}) AS {quoted(c.name)}" for c in columns)
        nothing = f"SELECT {typed} WHERE FALSE"
        if not files:
            return nothing
        source = _read_parquet(files)
        described = self._connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})")
        there = dict(described.fetchall())
        return f"SELECT {', '.join(_of_type(column, there.get(column.name)) for column in columns)} FROM {source}"


def _of_type(column: Column, there: str | None) -> str:
    """A column of a file, as its type wants it; NULL where the file has none."""
    name, wanted = quoted(column.name), duckdb_type(column.type)
    if there == wanted:
        return name
    return f"CAST({'NULL' if there is None else name} AS {wanted}) AS {name}"


def _read_landed(landed: LandedFile) -> str:
    """Table function over one landed file. CSV is text, in quotes or not: only what is empty is NULL."""
    path = path_of(landed.uri)
    if landed.landing.suffix == "csv":
        columns = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in landed.columns)
        return (
            f"read_csv({literal(str(path))}, auto_detect = FALSE, header = TRUE, columns = {{{columns}}}, delim = ',', "
            "quote = '\"', escape = '\"', nullstr = '', comment = '', hive_partitioning = FALSE)"
        )
    return _read_parquet([path])


def _read_parquet(files: Sequence[Path]) -> str:
    """Table function over files; folders named ``year=2024`` in their paths are not columns."""
    listed = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = FALSE, union_by_name = TRUE)"
