"""A table of a SQLite database, read by dlt's ``sql_table``: always with both bounds, so that dlt keeps no state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt_sources.changing_table import AS_TEXT, ChangingTable, DeclaredColumn, naive, numeric
from dlt_sources.remote_file import HttpPolicy, RemoteFile, TryAgain
from lakehouse.exceptions import ConfigurationError, ContractViolation, SourceUnavailable, first_line

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, Table

_EARLIEST, _LATEST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)
_JUST_BEFORE = timedelta(microseconds=1)
_DIGITS = "[0-9][0-9]"
_DAY = f"{_DIGITS}{_DIGITS}-{_DIGITS}-{_DIGITS}*"
_SHIFTED = f"*[+-]{_DIGITS}:{_DIGITS}"
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class SqlSnapshot:
    """Implements :class:`dlt_sources.changing_table.Snapshot` in a transaction."""

    table: ChangingTable
    high: datetime
    _connection: Connection
    _reflected: Table

    @cached_property
    def columns(self) -> tuple[DeclaredColumn, ...]:
        is_key = {each.name for each in self._reflected.primary_key}
        return tuple(
            _declared(each.name, each.type, is_nullable=bool(each.nullable and each.name not in is_key))
            for each in self._reflected.columns
        )

    @property
    def has_unique_key(self) -> bool:
        # SQLite lets NULL be in a primary key of several columns, as often as you like.
        names = [each.name for each in self._reflected.primary_key]
        return bool(names) and set(names) <= set(self.table.key) and not any(map(self.nulls, names))

    def nulls(self, column: str) -> int:
        from sqlalchemy import func, select

        counted = select(func.count()).select_from(self._reflected).where(self._reflected.c[column].is_(None))
        return int(self._connection.execute(counted).scalar_one())

    def misfits(self) -> int:
        """SQLite compares times as the texts that they are, any other text and number with them."""
        from sqlalchemy import String, and_, func, not_, select, type_coerce

        cursor = type_coerce(self._reflected.c[self.table.cursor], String)
        is_shifted = and_(cursor.op("GLOB")(_SHIFTED), cursor.op("NOT GLOB")("*+00:00"))
        is_time = and_(func.typeof(cursor) == "text", cursor.op("GLOB")(_DAY), not_(is_shifted))
        counted = select(func.count()).where(cursor.is_not(None), not_(is_time))
        return int(self._connection.execute(counted).scalar_one())

    def repeated_key(self, low: datetime | None) -> Sequence[object] | None:
        from sqlalchemy import func, select

        key = [self._reflected.c[each] for each in self.table.key]
        grouped = select(*key).group_by(*key).having(func.count() > 1).limit(1)
        if low is not None:
            grouped = grouped.where(self._reflected.c[self.table.cursor] >= _bound(low))
        found = self._connection.execute(grouped).first()
        return None if found is None else tuple(found)

    def rows(self, columns: Sequence[DeclaredColumn], low: datetime | None) -> Iterator[pa.RecordBatch]:
        import dlt
        from dlt.extract.exceptions import PipeException
        from dlt.sources.sql_database import sql_table
        from dlt.sources.sql_database.helpers import TableLoader

        connection, key = self._connection, self.table.key

        class InTheSnapshot(TableLoader):
            """dlt's own, which would open a connection, and so see another moment."""

            def _load_rows(self, query: Any, backend_kwargs: dict[str, Any]) -> Iterator[Any]:
                wanted = [self.table.c[each.name] for each in columns]
                ordered = query.with_only_columns(*wanted).order_by(*(self.table.c[each] for each in key))
                result = connection.execution_options(yield_per=self.chunk_size).execute(ordered)
                try:
                    yield from self._convert_result(result, backend_kwargs)
                finally:
                    result.close()

        resource = sql_table(
            self._connection.engine,
            table=self._reflected.name,
            metadata=self._reflected.metadata,
            backend="pyarrow",
            chunk_size=_ROWS_AT_ONCE,
            reflection_level="full_with_precision",
            table_loader_class=InTheSnapshot,
            incremental=dlt.sources.incremental(
                self.table.cursor,
                initial_value=_EARLIEST if low is None else _bound(low),
                end_value=_LATEST,
                range_start="closed",
                range_end="closed",
                row_order="asc",
            ),
        )
        try:
            for table in resource:
                yield from table.to_batches()
        except PipeException as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            if isinstance(cause, sqlite3.Error):
                raise cause from None
            problem = f"has a value that cannot be read ({first_line(cause)})"
            raise ContractViolation(f"{self.table.what}: {problem}; nothing was landed") from None


@contextmanager
def sql_snapshot(table: ChangingTable, remote: RemoteFile, policy: HttpPolicy) -> Iterator[SqlSnapshot]:
    """A table as it is now, until it is left; ``remote`` is where its database is.

    Raises:
        ConfigurationError: there is no such database.
        ContractViolation: there is no such table, or it holds what cannot be read.
        TryAgain: another process has the database.
    """
    from sqlalchemy import MetaData, Table, create_engine
    from sqlalchemy.exc import NoSuchTableError, StatementError
    from sqlalchemy.pool import NullPool

    file = Path(remote.url.removeprefix("sqlite:///"))
    if not file.is_file():
        raise ConfigurationError(remote.message("is no file", f"check {remote.setting}"))

    def opened() -> sqlite3.Connection:
        address = f"{file.absolute().as_uri()}?mode=ro"  # else it would be made where there is none
        # Without isolation level the module begins nothing by itself.
        return sqlite3.connect(address, uri=True, timeout=policy.timeout_seconds, isolation_level=None)

    engine = create_engine("sqlite://", creator=opened, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            high = datetime.now(UTC)  # the clock of this machine is the source's; what is seen is taken after it
            reflected = Table(table.table, MetaData(), autoload_with=connection)
            yield SqlSnapshot(table, high, connection, reflected)
    except NoSuchTableError:
        raise ContractViolation(f"{table.what}: {remote.address} has no such table; nothing was read") from None
    except StatementError as error:
        raise _told(error.orig or error, table, remote) from None
    except sqlite3.Error as error:
        raise _told(error, table, remote) from None
    finally:
        engine.dispose()


def _told(error: BaseException, table: ChangingTable, remote: RemoteFile) -> Exception:
    said = " ".join(str(error).split())
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR}:
        return TryAgain(SourceUnavailable, f"could not be read ({said})")
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return ConfigurationError(remote.message(f"refuses ({said})", f"check {remote.setting}"))
    return ContractViolation(f"{table.what}: {said}; nothing was landed")


def _bound(low: datetime) -> datetime:
    """Just before: times are texts, and that of a whole second, without decimals, is less than the same with them."""
    return naive(low) - _JUST_BEFORE


def _declared(name: str, type_: Any, *, is_nullable: bool) -> DeclaredColumn:
    from sqlalchemy import types

    declared = str(type_)
    simple = (
        (types.Boolean, "BOOL"),
        (types.Integer, "INT64"),
        (types.Float, "FLOAT64"),
        (types.DateTime, "DATETIME"),
        (types.Date, "DATE"),
        (types.String, "STRING"),
    )
    found = next((landed for kind, landed in simple if isinstance(type_, kind)), None)
    if found is None and isinstance(type_, types.Numeric):
        found = numeric(type_.precision, type_.scale)
        return DeclaredColumn(name, declared, found, is_nullable, AS_TEXT if found == "STRING" else "")
    return DeclaredColumn(name, declared, found or "STRING", is_nullable, "" if found else AS_TEXT)
