"""Connections that are kept: who has one has it alone, nothing outlives its file, and errors name it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError

from lakehouse.automation.kept_connections import KeptDatabase
from lakehouse.databases import database_named, name_databases_in_errors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.db"
    make(path)
    return path


@pytest.fixture
def database(path: Path) -> Iterator[KeptDatabase]:
    database = KeptDatabase(path)
    yield database
    database.close()


def make(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE numbers (n INTEGER)")
    connection.close()


def add(database: KeptDatabase, number: int) -> None:
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})


def numbers(database: KeptDatabase) -> list[int]:
    with database.transaction() as connection:
        return [n for (n,) in connection.execute(text("SELECT n FROM numbers ORDER BY n"))]


def test_one_connection_serves_one_use_after_the_other(database: KeptDatabase) -> None:
    used = set()
    for number in range(3):
        with database.transaction() as connection:
            used.add(connection.connection.dbapi_connection)
            connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})
    assert len(used) == 1
    assert numbers(database) == [0, 1, 2]


def test_what_is_done_before_an_error_is_taken_back(database: KeptDatabase) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            connection.execute(text("INSERT INTO numbers VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert numbers(database) == []


def test_threads_have_connections_of_their_own(database: KeptDatabase) -> None:
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: add(database, number), range(100)))
    assert numbers(database) == list(range(100))
    assert len(database._idle) <= 4


def test_a_file_that_was_replaced_is_opened_anew(database: KeptDatabase, path: Path, tmp_path: Path) -> None:
    add(database, 1)
    make(tmp_path / "other.db")
    (tmp_path / "other.db").replace(path)
    for rest in tmp_path.glob("numbers.db-*"):
        rest.unlink()
    assert numbers(database) == []


def test_a_file_is_prepared_before_it_is_opened_and_not_again(tmp_path: Path) -> None:
    prepared = []

    def prepare(path: Path) -> None:
        prepared.append(path)
        make(path)

    database = KeptDatabase(tmp_path / "new.db", prepare)
    add(database, 1)
    assert numbers(database) == [1]
    assert prepared == [tmp_path / "new.db"]
    database.close()


def test_an_error_names_the_database(path: Path, database: KeptDatabase) -> None:
    name_databases_in_errors()
    with pytest.raises(OperationalError) as found, database.transaction() as connection:
        connection.execute(text("SELECT * FROM letters"))
    assert database_named(found.value) == path
    database.close()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError) as found_again, database.transaction():
        pass
    assert database_named(found_again.value) == path
