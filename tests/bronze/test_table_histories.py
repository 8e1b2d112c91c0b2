"""Tables that change while they are landed: what commits late, what nobody stamps, and histories that are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from dlt_sources import table_file, table_reading
from dlt_sources.fetch import Download
from lakehouse.bronze.store import Landing
from lakehouse.bronze.table_landing import TableLander
from tests import soak
from tests.bronze.places import Disk
from tests.bronze.table_house import House
from tests.changing_tables import LOOK_BACK, Database, PostgresDatabase, SqliteDatabase, connection_to, now, put

Versions = Mapping[int, tuple[str, datetime]]
"""Fare and cursor by the number of a booking."""


def newest(house: House) -> Versions:
    """The newest version of each booking that ever was landed: that of the latest landing that has it."""
    versions: dict[int, tuple[str, datetime]] = {}
    for landing in house.history():
        if landing.kind != "keys":
            versions |= {row["booking_id"]: (str(row["fare"]), row["updated_at"]) for row in house.rows(landing)}
    return versions


def keys(house: House, landing: Landing) -> Mapping[int, datetime]:
    return {row["booking_id"]: row["updated_at"] for row in house.rows(landing)}


def missed(house: House, of: Landing) -> list[datetime]:
    """When rows were stamped that keys have, and that were landed otherwise, or not at all."""
    versions = newest(house)
    return [at for number, at in keys(house, of).items() if number not in versions or versions[number][1] != at]


def source(database: Database) -> Versions:
    rows = database.all(f"SELECT booking_id, fare, updated_at FROM {database.table}")
    return {number: (f"{fare:.2f}", datetime.fromisoformat(str(at))) for number, fare, at in rows}


def silver(house: House, of: Landing) -> Versions:
    """What is there of the newest versions, by the keys of a landing."""
    there = keys(house, of)
    return {number: version for number, version in newest(house).items() if number in there}


@pytest.fixture
def on_postgres(postgres: str, tmp_path: Path) -> House:
    database = PostgresDatabase(postgres)
    return House(database, Disk(tmp_path / "home").open(), connection_to(database))


@pytest.mark.parametrize(("back", "is_seen"), [(LOOK_BACK / 2, True), (LOOK_BACK * 2, False)])
def test_a_transaction_that_commits_late(on_postgres: House, back: timedelta, is_seen: bool) -> None:
    """Stamped before the first window, seen by others after it; keys tell of what the look-back did not reach."""
    database = on_postgres.database
    assert isinstance(database, PostgresDatabase)
    put(database, 1, "1.00", now() - timedelta(days=1))
    slow = database.open()
    try:
        stamp = now() - back
        slow.cursor().execute(f"INSERT INTO {database.table} (booking_id, fare, updated_at) VALUES (2, 2, '{stamp}')")
        assert on_postgres.landed(on_postgres.land().window) == [(1, "1.00")]
        slow.commit()
    finally:
        slow.close()
    landed = on_postgres.land(with_keys=True)
    assert landed.keys is not None
    assert on_postgres.landed(landed.window) == ([(2, "2.00")] if is_seen else [])
    assert missed(on_postgres, landed.keys) == ([] if is_seen else [stamp])
    if not is_seen:
        assert on_postgres.landed(on_postgres.land(since=stamp.replace(tzinfo=UTC)).window) == [(2, "2.00")]
        assert missed(on_postgres, landed.keys) == []


def test_rows_that_change_while_they_are_read_are_of_the_next_window(on_postgres: House) -> None:
    """Window and keys are of one moment, whatever is committed between them."""
    put(on_postgres.database, 1, "1.00", now() - timedelta(days=1))
    original = table_file.write_table

    def changed_after(*arguments: object) -> object:
        written = original(*arguments)  # type: ignore[arg-type]
        if not on_postgres.warned:
            on_postgres.warned.append("changed")
            put(on_postgres.database, 2, "2.00")
            on_postgres.database.do(f"DELETE FROM {on_postgres.database.table} WHERE booking_id = 1")
        return written

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table_reading, "write_table", changed_after)
        landed = on_postgres.land(with_keys=True)
    assert on_postgres.warned == ["changed"]
    assert landed.keys is not None
    assert list(keys(on_postgres, landed.keys)) == [1]
    after = on_postgres.land(with_keys=True)
    assert after.keys is not None
    assert list(keys(on_postgres, after.keys)) == [2]


def test_an_update_that_leaves_its_cursor_alone_is_not_seen_by_windows(house: House) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    house.land()
    house.database.do(f"UPDATE {house.database.table} SET fare = 9 WHERE booking_id = 1")
    landed = house.land(with_keys=True)
    assert landed.keys is not None
    assert missed(house, landed.keys) == []
    assert newest(house)[1][0] == "1.00"
    house.land(is_full=True)
    assert newest(house)[1][0] == "9.00"


class _Died(BaseException):
    """In the place of a kill: nothing handles it."""


@dataclass
class _History:
    """A table whose owner does at random what owners do, and runs that land it, of which some die."""

    house: House
    drawn: Random
    late: int = 0

    def play(self, steps: int) -> None:
        for _ in range(steps):
            self.drawn.choices([self.write, self.delete, self.land], [6, 1, 3])[0]()

    def write(self) -> None:
        back = self.drawn.choice([timedelta(0), timedelta(0), LOOK_BACK * 0.8, LOOK_BACK * 3, -LOOK_BACK * 3])
        self.late += back > LOOK_BACK
        put(self.house.database, self.drawn.randint(1, 25), f"{self.drawn.randint(0, 10**4) / 100:.2f}", now() - back)

    def delete(self) -> None:
        number = self.drawn.randint(1, 25)
        self.house.database.do(f"DELETE FROM {self.house.database.table} WHERE booking_id = {number}")

    def land(self) -> None:
        is_full, with_keys = self.drawn.random() < 0.1, self.drawn.random() < 0.2
        dies = self.drawn.choice([None, None, "load", "record", "keys"])

        def load(download: Download, _: Path) -> Path:
            if dies == "load":
                raise _Died
            return download.path

        store = self.house.store
        with pytest.MonkeyPatch.context() as patched:
            record = store.record

            def recorded(landing: Landing) -> None:
                if dies == "record" or (dies == "keys" and landing.kind == "keys"):
                    raise _Died
                record(landing)

            patched.setattr(store, "record", recorded)
            lander = TableLander(store, self.house.connection, is_full=is_full, with_keys=with_keys)
            try:
                lander.land(load, self.house.warned.append)
            except _Died:
                return


@pytest.mark.parametrize("number", soak.numbers(4))
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_drawn_history_ends_as_its_source(
    kind: str,
    number: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    database: Database = (
        SqliteDatabase(tmp_path / "oltp.db")
        if kind == "sqlite"
        else PostgresDatabase(request.getfixturevalue("postgres"))
    )
    house = House(database, Disk(tmp_path / "home").open(), connection_to(database))
    history = _History(house, soak.drawn(f"history {kind}", number))
    history.play(40)

    landed = house.land(with_keys=True).keys
    assert landed is not None
    late = missed(house, landed)
    if late:
        house.land(since=min(late).replace(tzinfo=UTC))
    assert missed(house, landed) == []
    assert silver(house, landed) == source(database)
    records = house.history()
    assert all(house.store.is_intact(each) for each in records)
    assert [each.place for each in records] == sorted({each.place for each in records})
    named = {Path(house.store.uri(each)).name for each in records if each.has_file}
    assert house.store.sweep("booking", records[0].partition) == 0
    assert {name.rpartition("/")[2] for name in Disk(tmp_path / "home").names() if name.endswith("parquet")} == named
    record_property("soak histories of tables", 1)
    record_property("soak rows that histories' windows missed", len(late))
