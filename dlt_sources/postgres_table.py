"""A table of a PostgreSQL database, read by ADBC: what its server sends becomes record batches, no Python objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dlt_sources.changing_table import AS_TEXT, IN_UTC, ChangingTable, DeclaredColumn, naive, numeric
from dlt_sources.postgres_faults import breaks_named, faults_named
from dlt_sources.remote_file import HttpPolicy, RemoteFile
from lakehouse.exceptions import ConfigurationError, ContractViolation

if TYPE_CHECKING:
    import pyarrow as pa

_SIMPLE = {
    "smallint": "INT64",
    "integer": "INT64",
    "bigint": "INT64",
    "real": "FLOAT64",
    "double precision": "FLOAT64",
    "boolean": "BOOL",
    "date": "DATE",
    "text": "STRING",
    "character varying": "STRING",
    "character": "STRING",
    "timestamp without time zone": "DATETIME",
    "timestamp with time zone": "DATETIME",
}
_LONGEST = 2**31 - 1
"""Milliseconds that a statement may be given."""

_DIGITS = re.compile(r"\((\d+)(?:,(\d+))?\)")
_READ = {"INT64": "{}::bigint", "FLOAT64": "{}::double precision", "STRING": "{}::text", "NUMERIC": "{}::text"}
"""How a column is selected by the type that it is landed with. Of a numeric ADBC makes text itself, in more time."""

_COLUMNS = """
SELECT a.attname::text, format_type(coalesce(nullif(t.typbasetype, 0), t.oid),
       CASE WHEN t.typbasetype = 0 THEN a.atttypmod ELSE t.typtypmod END) AS declared, NOT a.attnotnull AS is_nullable
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass({table}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_IS_UNIQUE = """
SELECT coalesce(bool_or(NOT EXISTS (
  SELECT 1 FROM unnest(i.indkey::int2[]) AS k(n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
  WHERE a.attname::text <> ALL (ARRAY[{key}]))), false)
FROM pg_index i
WHERE i.indrelid = to_regclass({table}) AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
"""


@dataclass(frozen=True)
class PostgresSnapshot:
    """Implements :class:`dlt_sources.changing_table.Snapshot` in a transaction."""

    table: ChangingTable
    high: datetime
    _connection: Any
    _url: str

    @cached_property
    def columns(self) -> tuple[DeclaredColumn, ...]:
        found = self._all(_COLUMNS.format(table=_text(self._name)))
        return tuple(_declared(str(name), str(declared), bool(nullable)) for name, declared, nullable in found)

    @cached_property
    def has_unique_key(self) -> bool:
        if any(each.is_nullable for each in self.columns if each.name in self.table.key):
            return False
        key = ", ".join(map(_text, self.table.key))
        return bool(self._all(_IS_UNIQUE.format(key=key, table=_text(self._name)))[0][0])

    def nulls(self, column: str) -> int:
        found = self._all(f"SELECT count(*) FROM {self._name} WHERE {_quoted(column)} IS NULL")  # noqa: S608
        return int(str(found[0][0]))

    def misfits(self) -> int:
        return 0  # it holds times, not what looks like them

    def repeated_key(self, low: datetime | None) -> Sequence[object] | None:
        key = ", ".join(map(_quoted, self.table.key))
        text = ", ".join(f"{_quoted(each)}::text" for each in self.table.key)
        grouped = f"GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        found = self._all(f"SELECT {text} FROM {self._name}{self._since(low)} {grouped}")  # noqa: S608
        return found[0] if found else None

    def rows(self, columns: Sequence[DeclaredColumn], low: datetime | None) -> Iterator[pa.RecordBatch]:
        selected = ", ".join(f"{_read(each)} AS {_quoted(each.name)}" for each in columns)
        # Of the table: what is selected has the same names, and may be text.
        order = ", ".join(f"source.{_quoted(each)}" for each in (self.table.cursor, *self.table.key))
        sql = f"SELECT {selected} FROM {self._name} AS source{self._since(low)} ORDER BY {order}"  # noqa: S608
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            with breaks_named(self._url):
                yield from cursor.fetch_record_batch()

    @property
    def _name(self) -> str:
        return ".".join(map(_quoted, self.table.parts))

    def _since(self, low: datetime | None) -> str:
        if low is None:
            return ""
        column = next(each for each in self.columns if each.name == self.table.cursor)
        zone = "timestamptz" if column.note == IN_UTC else "timestamp"
        bound = f"{naive(low).isoformat(sep=' ')}{'+00' if column.note == IN_UTC else ''}"
        return f" WHERE {_quoted(self.table.cursor)} >= {zone} {_text(bound)}"

    def _all(self, sql: str) -> list[tuple[object, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


@contextmanager
def postgres_snapshot(table: ChangingTable, remote: RemoteFile, policy: HttpPolicy) -> Iterator[PostgresSnapshot]:
    """A table as it is now, until it is left; ``remote`` is where its database is.

    Raises:
        ConfigurationError: the driver is not installed, the server refuses who asks, or there is no such database.
        ContractViolation: there is no such table, or it is another since it was looked at.
        TryAgain: the server could not be reached, or broke off.
    """
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise ConfigurationError(
            f"{table.what}: {remote.setting} is a PostgreSQL database, whose driver is not installed; "
            "install the extra [postgres]: make setup, or pip install 'nyc-lakehouse[postgres]'"
        ) from None
    with faults_named(table, remote):
        connection = dbapi.connect(_with_patience(remote.url, policy), autocommit=False)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = {min(int(policy.total_seconds * 1000), _LONGEST)}")
                # When the transaction began: before what it sees was taken.
                cursor.execute("SELECT now() AT TIME ZONE 'UTC'")
                (began,) = cursor.fetchall()[0]
            snapshot = PostgresSnapshot(table, began.replace(tzinfo=UTC), connection, remote.url)
            if not snapshot.columns:
                raise ContractViolation(f"{table.what}: {remote.address} has no such table; nothing was read")
            yield snapshot
        finally:
            connection.close()


def _declared(name: str, declared: str, is_nullable: bool) -> DeclaredColumn:
    digits = _DIGITS.search(declared)
    plain = _DIGITS.sub("", declared)
    if plain == "numeric":
        precision, scale = (int(digits[1]), int(digits[2] or 0)) if digits else (None, None)
        type_ = numeric(precision, scale)
        return DeclaredColumn(name, declared, type_, is_nullable, "" if type_ != "STRING" else AS_TEXT)
    note = "" if plain in _SIMPLE else AS_TEXT
    if plain == "timestamp with time zone":
        note = IN_UTC
    return DeclaredColumn(name, declared, _SIMPLE.get(plain, "STRING"), is_nullable, note)


def _read(column: DeclaredColumn) -> str:
    """The column as it is selected."""
    if column.note == IN_UTC:
        return f"{_quoted(column.name)} AT TIME ZONE 'UTC'"
    return _READ.get(column.type.partition("(")[0], "{}").format(_quoted(column.name))


def _with_patience(url: str, policy: HttpPolicy) -> str:
    """The address, with how long to wait for a server that does not answer, unless it says so itself."""
    parts = urlsplit(url)
    seconds = max(2, round(policy.timeout_seconds))
    ours = {
        "application_name": "lakehouse",
        "connect_timeout": str(seconds),
        "keepalives_idle": str(seconds),
        "tcp_user_timeout": str(seconds * 1000),
    }
    return parts._replace(query=urlencode(ours | dict(parse_qsl(parts.query)), quote_via=quote)).geturl()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
