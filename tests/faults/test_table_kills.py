"""Runs that land a changing table and are killed at a chosen moment, or meet: nothing lost, nothing twice."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dlt_sources import table_file, table_reading
from dlt_sources.fetch import Download
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import Landing
from lakehouse.bronze.table_landing import TableLander
from lakehouse.exceptions import CommitConflict
from tests.bronze.table_house import House
from tests.changing_tables import SqliteDatabase, bookings, connection_to, now, put, source_of
from tests.faults.processes import fork, kill_before, kill_this_process


def house_of(folder: Path) -> House:
    database = SqliteDatabase.__new__(SqliteDatabase)
    database.file, database.table, database.url = folder / "oltp.db", "booking", f"sqlite:///{folder / 'oltp.db'}"
    store = LocalBronzeStore(folder / "home", of_samples=False)
    return House(database, store, connection_to(database, source_of(bookings("booking"))))


def while_keys_are_written() -> None:
    original = table_file.write_table

    def dying(*arguments: Any) -> Any:
        if "keys" in str(arguments[-1]):
            kill_this_process()
        return original(*arguments)

    setattr(table_reading, "write_table", dying)  # noqa: B010 - it is not that module's own


def before_the_file() -> None:
    kill_before(LocalBronzeStore, "adopt", lambda landing, _: landing.kind == "window")


def after_the_file() -> None:
    kill_before(LocalBronzeStore, "record", lambda landing: landing.kind == "window")


def after_the_record() -> None:
    original = LocalBronzeStore.record

    def dying(self: LocalBronzeStore, landing: Landing) -> None:
        original(self, landing)
        if landing.kind == "window":
            kill_this_process()

    LocalBronzeStore.record = dying  # type: ignore[method-assign]


def after_the_file_of_keys() -> None:
    kill_before(LocalBronzeStore, "record", lambda landing: landing.kind == "keys")


def land(folder: Path, patch: Callable[[], None] | None) -> None:
    """In a process of its own; without a patch it waits, with the table's turn, until it is let go."""
    if patch is not None:
        patch()
        house_of(folder).land(with_keys=True)
        return

    def load(download: Download, own: Path) -> Path:
        (folder / "at work").touch()
        while not (folder / "go").exists():
            time.sleep(0.005)
        return Path(shutil.copy(download.path, own / "landed.parquet"))

    house = house_of(folder)
    TableLander(house.store, house.connection).land(load, house.warned.append)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a table whose first landing is there, and rows that changed since."""
    database = SqliteDatabase(tmp_path / "oltp.db")
    put(database, 1, "1.00", now() - timedelta(days=1))
    house_of(tmp_path).land(with_keys=True)
    put(database, 1, "1.50")
    put(database, 2, "2.00")
    return tmp_path


@pytest.mark.parametrize(
    ("patch", "kinds"),
    [
        (while_keys_are_written, []),
        (before_the_file, []),
        (after_the_file, []),
        (after_the_record, ["window"]),
        (after_the_file_of_keys, ["window"]),
    ],
)
def test_a_run_killed(folder: Path, patch: Callable[[], None], kinds: list[str]) -> None:
    house = house_of(folder)
    before = house.history()
    killed = fork(land, folder, patch)
    killed.join(60)
    assert killed.exitcode == -9
    assert [each.kind for each in house.history()[2:]] == kinds

    rerun = house.land(with_keys=True)
    assert house.landed(rerun.window) == [(1, "1.50"), (2, "2.00")]
    assert rerun.is_unchanged is bool(kinds)  # the same rows, and the same bytes, where they were recorded
    assert rerun.keys is not None
    assert house.history() == [*before, *house.history()[2 : 2 + len(kinds)], rerun.window, rerun.keys]
    files = {path.name for path in (folder / "home" / "bronze" / "booking").rglob("*.parquet")}
    assert files == {Path(house.store.uri(each)).name for each in house.history() if each.has_file}


def test_two_runs_at_once_are_one_after_the_other(folder: Path) -> None:
    running = fork(land, folder, None)
    until = time.monotonic() + 60
    while not (folder / "at work").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    house = house_of(folder)
    before = house.history()
    with pytest.raises(CommitConflict, match="booking: another run lands it at this moment"):
        house.land()
    assert house.history() == before
    (folder / "go").touch()
    running.join(60)
    assert running.exitcode == 0
    assert len(house.history()) == len(before) + 1
    assert house.land().is_unchanged


def test_the_source_may_be_written_meanwhile(folder: Path) -> None:
    """A reader keeps nobody from writing, in the mode that a database for several processes has."""
    file = folder / "oltp.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    house = house_of(folder)
    original = table_file.write_table

    def writing(*arguments: Any) -> Any:
        written = original(*arguments)
        if "window" in str(arguments[-1]):
            put(house.database, 3, "3.00")
        return written

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table_reading, "write_table", writing)
        landed = house.land(with_keys=True)
    assert landed.keys is not None
    assert [row["booking_id"] for row in house.rows(landed.keys)] == [1, 2]
    assert (3, "3.00") in house.landed(house.land().window)
