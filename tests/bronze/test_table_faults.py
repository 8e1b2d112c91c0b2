"""What a changing table, or the way to it, may have wrong: one clear line each, and what was landed stands."""

from __future__ import annotations

import re
import socket
import sqlite3
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dlt_sources.postgres_faults import without_passwords
from dlt_sources.remote_file import Address
from dlt_sources.table_address import database_url
from lakehouse.bronze.contracts.columns import column
from lakehouse.bronze.table_source import OLTP, TableSource, connect_table
from lakehouse.exceptions import ConfigurationError, ContractViolation, LakehouseError, SourceUnavailable
from lakehouse.partition import WHOLE
from lakehouse.settings import load_settings
from tests.bronze.places import Disk
from tests.bronze.table_house import House
from tests.changing_tables import (
    PATIENCE,
    PostgresDatabase,
    SqliteDatabase,
    bookings,
    connection_to,
    now,
    put,
    source_of,
    with_table,
)
from tests.cutting import Cutting
from tests.postgres import SECRET


@pytest.fixture
def on_postgres(postgres: str, tmp_path: Path) -> House:
    database = PostgresDatabase(postgres)
    return House(database, Disk(tmp_path / "home").open(), connection_to(database))


@pytest.fixture
def on_sqlite(tmp_path: Path) -> House:
    database = SqliteDatabase(tmp_path / "oltp.db")
    return House(database, Disk(tmp_path / "home").open(), connection_to(database))


def refused(house: House, kind: type[LakehouseError]) -> str:
    """The line that a landing is refused with; what was landed is as it was."""
    before, warned = house.history(), len(house.warned)
    with pytest.raises(kind) as error:
        house.land(with_keys=True)
    assert (house.history(), len(house.warned)) == (before, warned)
    assert house.store.sweep("booking", WHOLE) == 0
    line = str(error.value)
    assert "\n" not in line
    assert SECRET not in line
    return line


def altered(house: House, *statements: str) -> None:
    put(house.database, 1, "1.00")
    house.land()
    for statement in statements:
        house.database.do(statement.format(table=house.database.table))


def test_a_dropped_column(house: House) -> None:
    altered(house, "ALTER TABLE {table} DROP COLUMN fare")
    line = refused(house, ContractViolation)
    assert f"booking ({house.database.table}): column fare is missing; nothing was landed" in line


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("fare TYPE numeric(20,2)", "column fare is declared numeric(20,2), and not NUMERIC(18,2)"),
        ("fare TYPE numeric", "column fare is declared numeric (landed as its text), and not NUMERIC(18,2)"),
        ("fare TYPE text", "column fare is declared text, and not NUMERIC(18,2)"),
        ("zone TYPE text", "column zone is declared text, and not INT64"),
        ("is_shared TYPE integer USING 0", "column is_shared is declared integer, and not BOOL"),
        ("booked_on TYPE timestamp", "column booked_on is declared timestamp without time zone, and not DATE"),
    ],
)
def test_a_column_of_another_type(on_postgres: House, change: str, problem: str) -> None:
    altered(on_postgres, f"ALTER TABLE {{table}} ALTER COLUMN {change}")
    assert problem in refused(on_postgres, ContractViolation)


def test_every_column_of_another_type_is_named(on_sqlite: House) -> None:
    changed = "booking_id text PRIMARY KEY, zone integer, fare numeric(20,4), status text, is_shared boolean"
    altered(
        on_sqlite,
        "DROP TABLE {table}",
        f"CREATE TABLE {{table}} ({changed}, distance real, booked_on date, updated_at timestamp)",
    )
    line = refused(on_sqlite, ContractViolation)
    assert "column booking_id is declared TEXT, and not INT64" in line
    assert "column fare is declared NUMERIC(20, 4), and not NUMERIC(18,2)" in line


def test_a_wider_integer_or_text_is_what_it_was(on_postgres: House) -> None:
    altered(
        on_postgres,
        "ALTER TABLE {table} ALTER COLUMN zone TYPE bigint",
        "ALTER TABLE {table} ALTER COLUMN status TYPE text",
    )
    first, second = on_postgres.history()[0], on_postgres.land().window
    assert on_postgres.store.footer(first) == on_postgres.store.footer(second)


def test_a_column_that_was_added_is_landed_and_named(house: House) -> None:
    altered(house, "ALTER TABLE {table} ADD COLUMN tip numeric(10,2)")
    landed = house.land()
    assert landed.unknown == ("tip",)
    assert house.rows(landed.window)[0]["tip"] is None


def test_a_missing_table(house: House) -> None:
    altered(house, "DROP TABLE {table}")
    assert "has no such table; nothing was read" in refused(house, ContractViolation)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"key": ("id",)}, "has no column id, its key; it has booking_id, zone"),
        ({"cursor": "changed_at"}, "has no column changed_at, its cursor; it has booking_id, zone"),
        ({"cursor": "zone"}, "its cursor zone is"),
    ],
)
def test_a_missing_key_or_cursor(house: House, changes: dict[str, object], problem: str) -> None:
    source = with_table(house.connection.source, **changes)
    house.connection = replace(house.connection, source=source)
    assert problem in refused(house, ContractViolation)


def keyless(house: House, *rows: str) -> None:
    """The same table without any constraint, with these rows of number, fare and time."""
    columns = "booking_id bigint, zone integer, fare numeric(18,2), status varchar(20), is_shared boolean"
    altered(
        house,
        "DROP TABLE {table}",
        f"CREATE TABLE {{table}} ({columns}, distance double precision, booked_on date, updated_at timestamp)",
        *(f"INSERT INTO {{table}} (booking_id, fare, updated_at) VALUES ({row})" for row in rows),
    )


def test_a_row_without_a_cursor(house: House) -> None:
    keyless(house, "1, 1, NULL", "2, 2, NULL", f"3, 3, '{now()}'")
    assert "2 of its rows have no updated_at, its cursor; nothing was landed" in refused(house, ContractViolation)


def test_a_row_without_a_key(house: House) -> None:
    keyless(house, f"NULL, 1, '{now()}'")
    assert "1 of its rows have no booking_id, its key" in refused(house, ContractViolation)


def test_a_key_that_two_rows_have(house: House) -> None:
    """The older of them is before the window: only the keys show it."""
    keyless(house, f"7, 1, '{now()}'", f"8, 2, '{now()}'", f"7, 3, '{now() - timedelta(days=1)}'")
    assert "several of its rows have the key booking_id=7; nothing was landed" in refused(house, ContractViolation)


def test_without_a_constraint_rows_are_landed_where_they_are_right(house: House) -> None:
    keyless(house, f"7, 1, '{now()}'", f"8, 2, '{now()}'")
    assert house.landed(house.land(with_keys=True).window) == [(7, "1.00"), (8, "2.00")]


@pytest.mark.parametrize("value", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
def test_a_time_that_no_engine_holds(on_postgres: House, value: str) -> None:
    altered(on_postgres, "ALTER TABLE {table} ADD COLUMN at timestamp", f"UPDATE {{table}} SET at = '{value}'")
    assert "column at has a time before the year 1 or after 9999, or infinity" in refused(
        on_postgres, ContractViolation
    )


def test_a_number_that_is_none(on_postgres: House) -> None:
    altered(on_postgres, "UPDATE {table} SET fare = 'NaN'")
    assert "column fare has a value that is no decimal128(18, 2)" in refused(on_postgres, ContractViolation)


@pytest.mark.parametrize("value", ["'yesterday'", "1700000000", "'2024-01-01 00:00:00-05:00'", "'now'", "''"])
def test_a_cursor_that_is_no_time_in_utc(on_sqlite: House, value: str) -> None:
    """SQLite holds anything, and a window would pass over it."""
    altered(on_sqlite, f"UPDATE {{table}} SET updated_at = {value}")
    problem = "1 of its rows have a cursor updated_at that is no time in UTC; nothing was landed"
    assert problem in refused(on_sqlite, ContractViolation)


@pytest.mark.parametrize("column", ["updated_at = '2026-13-45 00:00:00'", "booked_on = 'soon'", "zone = 'Bronx'"])
def test_a_value_that_is_none_of_its_type(on_sqlite: House, column: str) -> None:
    altered(on_sqlite, f"UPDATE {{table}} SET {column}")
    before = on_sqlite.history()
    with pytest.raises(ContractViolation, match=r"has a value that") as error:
        on_sqlite.land(is_full=True)
    assert "booking (booking): " in str(error.value)
    assert on_sqlite.history() == before


@pytest.mark.parametrize("text", ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00+00:00"])
def test_times_in_utc_may_be_written_in_several_ways(on_sqlite: House, text: str) -> None:
    altered(on_sqlite, f"UPDATE {{table}} SET updated_at = '{text}'")
    assert [row["updated_at"] for row in on_sqlite.rows(on_sqlite.land(is_full=True).window)] == [datetime(2024, 1, 1)]


def test_other_types_are_landed_as_what_they_say(on_postgres: House) -> None:
    table = on_postgres.database.table
    altered(
        on_postgres,
        "ALTER TABLE {table} ADD COLUMN seen timestamptz, ADD COLUMN tags text[], ADD COLUMN note jsonb, "
        "ADD COLUMN id uuid, ADD COLUMN rate numeric, ADD COLUMN short real",
    )
    on_postgres.database.do(
        f"UPDATE {table} SET seen = '2024-01-01 00:00:00-05', tags = '{{a,b}}', note = '{{\"a\": 1}}', "
        "id = '00000000-0000-0000-0000-000000000001', rate = 1.0000000001, short = 0.5"
    )
    landed = on_postgres.land()
    (row,) = on_postgres.rows(landed.window)
    assert row["seen"] == datetime(2024, 1, 1, 5)
    assert (row["tags"], row["note"], row["rate"], row["short"]) == ("{a,b}", '{"a": 1}', "1.0000000001", 0.5)
    assert "seen is timestamp with time zone, landed as DATETIME in UTC" in landed.notes
    assert "rate is numeric, landed as its text" in landed.notes


def test_a_cursor_with_a_time_zone(on_postgres: House) -> None:
    altered(
        on_postgres, "ALTER TABLE {table} ALTER COLUMN updated_at TYPE timestamptz USING updated_at AT TIME ZONE 'UTC'"
    )
    high = on_postgres.history()[0].high
    assert high is not None
    bound = high - on_postgres.connection.dataset.look_back
    for number, offset in ((5, -1), (6, 0), (7, 1)):
        put(on_postgres.database, number, "1.00")
        at = (bound + timedelta(microseconds=offset)).isoformat()
        on_postgres.database.do(
            f"UPDATE {on_postgres.database.table} SET updated_at = '{at}' WHERE booking_id = {number}"
        )
    landed = on_postgres.land().window
    assert [number for number, _ in on_postgres.landed(landed)] == [6, 7, 1]
    assert landed.beyond == 0


def test_a_wrong_password_is_refused_at_once_and_never_shown(on_postgres: House) -> None:
    url = on_postgres.database.url.replace(SECRET, "wr0ng")
    on_postgres.connection = replace(on_postgres.connection, address=Address(url, "LAKEHOUSE_OLTP_URL"))
    line = refused(on_postgres, ConfigurationError)
    assert 'password authentication failed for user "loader"' in line
    assert "check LAKEHOUSE_OLTP_URL" in line
    assert "wr0ng" not in line


def test_what_an_address_says_besides_is_kept(on_postgres: House) -> None:
    url = f"{on_postgres.database.url}?options=-c%20geqo%3Doff%20-c%20work_mem%3D8MB&connect_timeout=3"
    on_postgres.connection = replace(on_postgres.connection, address=Address(url, "LAKEHOUSE_OLTP_URL"))
    assert on_postgres.land().window.kind == "full"
    assert "?" not in on_postgres.history()[0].url


def test_a_statement_that_takes_too_long_is_given_up(on_postgres: House) -> None:
    table = on_postgres.database.table
    on_postgres.database.do(
        f"INSERT INTO {table} (booking_id, updated_at) SELECT g, now() FROM generate_series(1, 9) g"
    )
    schema = table.partition(".")[0]
    on_postgres.database.do(
        f"ALTER TABLE {table} RENAME TO slow; CREATE VIEW {table} AS "
        f"SELECT s.* FROM {schema}.slow s, LATERAL (SELECT pg_sleep(0.2 + 0 * s.booking_id)) AS slowly"
    )
    on_postgres.connection = replace(on_postgres.connection, policy=replace(PATIENCE, total_seconds=0.5))
    line = refused(on_postgres, SourceUnavailable)
    assert "canceling statement due to statement timeout" in line
    assert "gave up after 2 attempts" in line


def test_a_database_that_is_not_there(on_postgres: House) -> None:
    url = f"{on_postgres.database.url}_of_another"
    on_postgres.connection = replace(on_postgres.connection, address=Address(url, "LAKEHOUSE_OLTP_URL"))
    assert 'database "postgres_of_another" does not exist' in refused(on_postgres, ConfigurationError)


def test_a_table_that_may_not_be_read(on_postgres: House) -> None:
    role, table = f"r{on_postgres.database.table[:9]}", on_postgres.database.table
    on_postgres.database.do(f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")
    on_postgres.database.do(f"GRANT USAGE ON SCHEMA {table.partition('.')[0]} TO {role}")
    url = on_postgres.database.url.replace("loader", role)
    on_postgres.connection = replace(on_postgres.connection, address=Address(url, "LAKEHOUSE_OLTP_URL"))
    assert "permission denied for table booking" in refused(on_postgres, ConfigurationError)


def test_a_server_that_cannot_be_reached_is_asked_again_and_given_up(
    on_postgres: House, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = re.sub(r":\d+/", f":{unused.getsockname()[1]}/", on_postgres.database.url)
        on_postgres.connection = replace(on_postgres.connection, address=Address(url, "LAKEHOUSE_OLTP_URL"))
        line = refused(on_postgres, SourceUnavailable)
    assert "Connection refused" in line
    assert "gave up after 2 attempts" in line
    assert f"attempt 1 of {PATIENCE.attempts}" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(("cuts", "is_landed"), [(1, True), (9, False)])
def test_a_connection_that_breaks_off_within_the_rows(on_postgres: House, cuts: int, is_landed: bool) -> None:
    on_postgres.database.do(
        f"INSERT INTO {on_postgres.database.table} (booking_id, status, updated_at) "
        "SELECT g, 'some text or other', '2024-01-01' FROM generate_series(1, 50000) g"
    )
    with Cutting(on_postgres.database.url, cuts) as way:
        on_postgres.connection = replace(on_postgres.connection, address=Address(way.url, "LAKEHOUSE_OLTP_URL"))
        if is_landed:
            assert on_postgres.land().window.rows == 50_000
        else:
            assert "gave up after 2 attempts" in refused(on_postgres, SourceUnavailable)
    assert way.cuts == min(cuts, 2)


def test_a_locked_file_is_asked_again_and_given_up(on_sqlite: House) -> None:
    file = Path(on_sqlite.database.url.removeprefix("sqlite:///"))
    on_sqlite.connection = replace(on_sqlite.connection, policy=replace(PATIENCE, timeout_seconds=0.05))
    holding = sqlite3.connect(file, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    try:
        line = refused(on_sqlite, SourceUnavailable)
    finally:
        holding.close()
    assert "database is locked" in line
    assert "gave up after 2 attempts" in line


def test_a_file_that_is_none_or_no_database(on_sqlite: House) -> None:
    file = Path(on_sqlite.database.url.removeprefix("sqlite:///"))
    file.write_bytes(b"no database at all" * 100)
    assert "file is not a database" in refused(on_sqlite, ConfigurationError)
    file.unlink()
    assert "is no file; check LAKEHOUSE_OLTP_URL" in refused(on_sqlite, ConfigurationError)
    assert not file.exists()


def test_without_the_driver_it_is_said_how_to_install_it(on_postgres: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    assert "install the extra [postgres]: make setup, or pip" in refused(on_postgres, ConfigurationError)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "LAKEHOUSE_OLTP_URL is not set"),
        ("sqlite:///relative.db", "is no absolute path"),
        ("https://host/x", "is not the address of a database"),
        ("postgresql://u:hunter2@host:port/db", "is not the address of a database"),
        ("postgresql://u:hun ter2@host/db", "is not the address of a database"),
        ("postgresql://u:hunter2@x@host/db", "write @ as %40"),
        ("postgresql://u:12/hunter2@host/db", "write @ as %40"),
        ("postgresql://u:12#hunter2@host/db", "write @ as %40"),
        ("postgresql://u:12?hunter2@host/db", "write @ as %40"),
    ],
)
def test_an_address_that_cannot_be_used_is_not_quoted(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        database_url(Address(url, "LAKEHOUSE_OLTP_URL"), "booking")
    assert problem in str(error.value)
    assert "hunter2" not in str(error.value)


def test_passwords_are_taken_out_of_what_others_say() -> None:
    url = "postgresql://u:p%40ss@host/db?sslpassword=other"
    assert without_passwords("p@ss and p%40ss and other", url) == "... and ... and ..."


def test_the_setting_is_where_the_database_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKEHOUSE_OLTP_URL", f"sqlite:///{tmp_path}/oltp.db")
    source: TableSource = replace(source_of(bookings("booking")), address=OLTP)
    connection = connect_table(load_settings(_env_file=None), source)
    assert connection.url == f"sqlite:///{tmp_path}/oltp.db#booking"


def test_sources_that_do_not_belong_together_are_refused() -> None:
    source = source_of(bookings("booking"))
    with pytest.raises(ConfigurationError, match="is of the database oltp"):
        replace(source, address=replace(OLTP, name="other"))
    other = replace(source.contract, canonical=(column("id", "INT64", "id", "x"),), order="id")
    assert replace(source, contract=other).contract == other
    for changes in ({"key": ()}, {"key": ("updated_at",)}, {"key": ("a", "a")}, {"look_back": timedelta(-1)}):
        with pytest.raises(ConfigurationError):
            replace(source.dataset, **changes)
