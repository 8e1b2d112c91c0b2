"""A table of bookings in a database of one's own, SQLite's or PostgreSQL's, whose rows tests change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import psycopg2

from dlt_sources.changing_table import ChangingTable
from dlt_sources.remote_file import Address, HttpPolicy
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.contracts.columns import column
from lakehouse.bronze.source import Scheduled, SourceAddress
from lakehouse.bronze.table_source import TableConnection, TableSource

LOOK_BACK = timedelta(minutes=5)
PATIENCE = HttpPolicy(attempts=2, timeout_seconds=5.0, backoff_seconds=0.01, max_backoff_seconds=0.05, total_seconds=60)
COLUMNS = (
    "booking_id {integer} PRIMARY KEY, zone integer, fare numeric(18,2), status varchar(20), is_shared boolean, "
    "distance double precision, booked_on date, updated_at timestamp NOT NULL"
)


def bookings(table: str) -> ChangingTable:
    return ChangingTable(
        name="booking",
        description="Bookings of a dispatcher.",
        database="oltp",
        table=table,
        key=("booking_id",),
        cursor="updated_at",
        look_back=LOOK_BACK,
    )


def contract_of(table: ChangingTable) -> Contract:
    return Contract(
        table,
        "booking_id",
        (
            column("booking_id", "INT64", "booking_id", "Number", required=True),
            column("zone", "INT64", "zone", "Zone"),
            column("fare", "NUMERIC(18,2)", "fare", "Fare", "USD"),
            column("status", "STRING", "status", "State"),
            column("is_shared", "BOOL", "is_shared", "Whether it is shared"),
            column("distance", "FLOAT64", "distance", "Distance", "miles"),
            column("booked_on", "DATE", "booked_on", "Day"),
            column("updated_at", "DATETIME", "updated_at", "When it was changed last, UTC", required=True),
        ),
    )


def source_of(table: ChangingTable) -> TableSource:
    return TableSource(
        asset="booking_bronze",
        contract=contract_of(table),
        dataset=table,
        address=SourceAddress("oltp", default=""),
        cadence=Scheduled("hourly", cron="0 * * * *"),
    )


class Database(Protocol):
    """A database with a table of bookings; ``table`` is its name with that of its schema, if it has one."""

    url: str
    table: str

    def do(self, sql: str, *parameters: Any) -> None:
        """Change it, and commit."""
        ...

    def all(self, sql: str) -> list[tuple[Any, ...]]: ...


@dataclass
class SqliteDatabase:
    file: Path
    table: str = "booking"
    url: str = ""

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.file}"
        self.do(f"CREATE TABLE {self.table} ({COLUMNS.format(integer='integer')})")

    def do(self, sql: str, *parameters: Any) -> None:
        connection = sqlite3.connect(self.file)
        try:
            connection.execute(sql.replace("%s", "?"), [_plain(each) for each in parameters])
            connection.commit()
        finally:
            connection.close()

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.file)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


@dataclass
class PostgresDatabase:
    url: str
    schema: str = field(default_factory=lambda: f"s{uuid4().hex[:12]}")
    table: str = ""

    def __post_init__(self) -> None:
        self.table = self.table or f"{self.schema}.booking"
        self.do(f"CREATE SCHEMA {self.schema}")
        self.do(f"CREATE TABLE {self.table} ({COLUMNS.format(integer='bigint')})")

    def open(self) -> Any:
        """A connection whose transactions are the caller's to end."""
        return psycopg2.connect(self.url)

    def do(self, sql: str, *parameters: Any) -> None:
        connection = self.open()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
        finally:
            connection.close()

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.open()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        finally:
            connection.close()


def now() -> datetime:
    """What the owner of a row stamps it with."""
    return datetime.now(UTC).replace(tzinfo=None)


def put(database: Database, booking: int, fare: str, at: datetime | None = None, status: str | None = "new") -> None:
    """Insert a booking, or change the one that has its number."""
    database.do(
        f"INSERT INTO {database.table} (booking_id, zone, fare, status, updated_at) VALUES (%s, 7, %s, %s, %s) "
        "ON CONFLICT (booking_id) DO UPDATE SET fare = excluded.fare, status = excluded.status, "
        "updated_at = excluded.updated_at",
        *(booking, fare, status, at or now()),
    )


def connection_to(database: Database, source: TableSource | None = None, url: str | None = None) -> TableConnection:
    source = source or source_of(bookings(database.table))
    return TableConnection(source, Address(url or database.url, "LAKEHOUSE_OLTP_URL"), PATIENCE)


def with_table(source: TableSource, **changes: Any) -> TableSource:
    """The same with a table that is declared otherwise."""
    table = replace(source.dataset, **changes)
    return replace(source, dataset=table, contract=replace(source.contract, dataset=table))


def without_columns(source: TableSource, names: Sequence[str]) -> TableSource:
    """The same with a contract that has fewer columns."""
    kept = tuple(each for each in source.contract.canonical if each.column.name not in names)
    return replace(source, contract=replace(source.contract, canonical=kept))
