"""Windows, full extracts and keys of a changing table: of a real SQLite file, and of a real PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import dlt
import pytest

from dlt_sources.dataset import landed_as
from dlt_sources.fetch import Download
from lakehouse.assets.landing_folder import LandingFolder
from lakehouse.bronze.landing_table import landing_table
from lakehouse.bronze.table_landing import TableLander
from lakehouse.exceptions import CommitConflict, ConfigurationError, CorruptFile
from lakehouse.partition import WHOLE
from tests.bronze.places import MONTH, Disk, InBucket, Place, land, records
from tests.bronze.table_house import House, copied
from tests.changing_tables import (
    LOOK_BACK,
    SqliteDatabase,
    connection_to,
    now,
    put,
)

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

ADDED = ("kind", "low", "high", "beyond")
"""What records of files have had only since there are tables."""


def test_the_first_landing_is_all_and_the_next_what_changed_since(house: House) -> None:
    put(house.database, 1, "1.10", now() - timedelta(days=400))
    put(house.database, 2, "2.20", now() - timedelta(days=300))
    first = house.land()
    assert (first.window.kind, first.window.low, first.is_unchanged) == ("full", None, False)
    assert house.landed(first.window) == [(1, "1.10"), (2, "2.20")]

    put(house.database, 1, "1.15")
    put(house.database, 3, "3.30")
    second = house.land()
    assert first.window.high is not None
    assert (second.window.kind, second.window.low) == ("window", first.window.high - LOOK_BACK)
    assert house.landed(second.window) == [(1, "1.15"), (3, "3.30")]
    assert [each.kind for each in house.history()] == ["full", "window"]
    assert house.warned == []


def test_values_are_landed_as_they_are_declared(house: House) -> None:
    stamp = datetime(2024, 2, 29, 12, 30, 15, 123456)
    house.database.do(
        f"INSERT INTO {house.database.table} VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        *(2**40, None, "-0.01", "naïve ☃", True, 0.1, "2024-02-29", stamp),
    )
    (row,) = house.rows(house.land().window)
    day = datetime(2024, 2, 29).date()
    assert row == {
        "booking_id": 2**40,
        "zone": None,
        "fare": Decimal("-0.01"),
        "status": "naïve ☃",
        "is_shared": True,
        "distance": 0.1,
        "booked_on": day,
        "updated_at": stamp,
    }


def test_a_full_extract_can_be_asked_for_again(house: House) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=2))
    house.land()
    put(house.database, 2, "2.00")
    again = house.land(is_full=True)
    assert (again.window.kind, again.window.low) == ("full", None)
    assert house.landed(again.window) == [(1, "1.00"), (2, "2.00")]
    after = house.land().window
    assert again.window.high is not None
    assert (after.kind, after.low) == ("window", again.window.high - LOOK_BACK)


def test_keys_are_of_the_moment_of_their_window_and_placed_after_it(house: House) -> None:
    put(house.database, 2, "2.00", now() - timedelta(days=2))
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    house.land()
    landed = house.land(with_keys=True)
    assert landed.keys is not None
    assert (landed.keys.kind, landed.keys.high, landed.keys.rows) == ("keys", landed.window.high, 2)
    assert [list(row) for row in house.rows(landed.keys)] == [["booking_id", "updated_at"]] * 2
    assert [row["booking_id"] for row in house.rows(landed.keys)] == [2, 1]
    assert house.history()[-2:] == [landed.window, landed.keys]
    assert house.store.current("booking", WHOLE) == landed.keys

    house.database.do(f"DELETE FROM {house.database.table} WHERE booking_id = 2")
    put(house.database, 1, "1.50")
    after = house.land(with_keys=True)
    assert landed.window.high is not None
    assert after.window.low == landed.window.high - LOOK_BACK
    assert after.keys is not None
    assert [row["booking_id"] for row in house.rows(after.keys)] == [1]


def test_a_window_without_rows_leaves_a_record_and_no_file(house: House, tmp_path: Path) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    first = house.land().window
    names = Disk(tmp_path / "home").names()
    empty = house.land()
    assert (empty.is_unchanged, empty.window.rows, empty.window.bytes, empty.window.has_file) == (True, 0, 0, False)
    assert first.high is not None
    assert empty.window.high is not None
    assert empty.window.high > first.high
    added = set(Disk(tmp_path / "home").names()) - set(names)
    assert [name.rpartition(".")[2] for name in added] == ["json"]
    assert (house.store.is_intact(empty.window), house.store.size(empty.window)) == (True, 0)
    assert house.store.footer(empty.window) == ()
    assert house.land().window.low == empty.window.high - LOOK_BACK


def test_an_empty_table_is_landed_without_a_file(house: House) -> None:
    landed = house.land(with_keys=True)
    assert landed.keys is not None
    assert (landed.window.kind, landed.window.rows, landed.keys.rows, house.loads) == ("full", 0, 0, 0)
    assert len(house.history()) == 2
    put(house.database, 1, "1.00")
    assert house.landed(house.land().window) == [(1, "1.00")]


def test_a_window_of_the_same_bytes_leaves_a_record_and_no_other_file(house: House, tmp_path: Path) -> None:
    put(house.database, 1, "1.00")
    house.land()
    first = house.land()
    names = [name for name in Disk(tmp_path / "home").names() if name.endswith(".parquet")]
    loads = house.loads
    again = house.land()
    assert (again.window.sha256, again.is_unchanged, house.loads) == (first.window.sha256, True, loads)
    assert [name for name in Disk(tmp_path / "home").names() if name.endswith(".parquet")] == names
    assert len(house.history()) == 3
    assert house.land().window.low != again.window.low


def test_a_row_at_the_bound_is_read_again_and_one_before_it_is_not(house: House) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    high = house.land().window.high
    assert high is not None
    bound = (high - LOOK_BACK).replace(tzinfo=None)
    put(house.database, 2, "2.00", bound)
    put(house.database, 3, "3.00", bound - timedelta(seconds=1))
    put(house.database, 4, "4.00", bound + timedelta(microseconds=1))
    assert house.landed(house.land().window) == [(2, "2.00"), (4, "4.00")]


def test_a_row_beyond_the_clock_is_landed_named_and_read_again(house: House) -> None:
    put(house.database, 1, "1.00")
    put(house.database, 9, "9.00", datetime(2099, 1, 1))
    first = house.land()
    assert first.window.high is not None
    assert first.window.high < datetime.now(UTC)
    assert first.window.beyond == 1
    (warning,) = house.warned
    assert "1 row is stamped after the source's own clock" in warning
    assert "booking_id=9, updated_at=2099-01-01 00:00:00" in warning
    put(house.database, 1, "1.50", now() - timedelta(days=30))
    second = house.land().window
    assert (house.landed(second), second.beyond) == ([(9, "9.00")], 1)
    house.database.do(f"UPDATE {house.database.table} SET updated_at = '{now()}' WHERE booking_id = 9")
    assert house.land().window.beyond == 0


def test_landings_are_in_the_order_of_what_the_source_said(house: House) -> None:
    """Two machines: what was read first is recorded last, and does not become the checkpoint."""
    put(house.database, 1, "1.00")
    early = house.land().window
    late = house.land().window
    assert late.high is not None
    assert early.high is not None
    moved = early.model_copy(update={"high": early.high + (late.high - early.high) / 2})
    moved = moved.model_copy(update={"ordered_at": moved.high})
    house.store.record(moved)
    assert house.store.current("booking", WHOLE) == late
    assert house.land().window.low == late.high - LOOK_BACK


def test_another_address_is_read_whole(house: House, tmp_path: Path) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    house.land()
    other = SqliteDatabase(tmp_path / "moved.db")
    put(other, 1, "1.00", now() - timedelta(days=1))
    moved = House(other, house.store, connection_to(other))
    landed = moved.land()
    assert landed.window.kind == "full"
    (warning,) = moved.warned
    assert "now comes from" in warning
    assert "s3cret" not in warning


def test_a_damaged_file_has_all_rows_read_again(house: House) -> None:
    put(house.database, 1, "1.00", now() - timedelta(days=1))
    first = house.land(with_keys=True).window
    Path(house.store.uri(first).removeprefix("file://")).write_bytes(b"x")
    again = house.land()
    assert (again.window.kind, again.window.sha256) == ("full", first.sha256)
    assert house.store.is_intact(first)
    assert "gone or damaged" in house.warned[0]


def test_a_clock_that_was_set_back_is_refused(house: House) -> None:
    put(house.database, 1, "1.00")
    landing = house.land().window
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    house.store.record(landing.model_copy(update={"high": tomorrow, "ordered_at": tomorrow}))
    before = house.history()
    with pytest.raises(ConfigurationError, match="was set back, or the database is an older one"):
        house.land()
    assert house.history() == before


def test_two_runs_at_once_are_one(house: House) -> None:
    put(house.database, 1, "1.00")

    def meanwhile(download: Download, folder: Path) -> Path:
        with pytest.raises(CommitConflict, match="another run lands it"):
            House(house.database, house.store, house.connection).land()
        return copied(download, folder)

    TableLander(house.store, house.connection).land(meanwhile, house.warned.append)
    assert len(house.history()) == 1
    house.land()


def test_a_dataset_of_files_under_the_same_name_is_refused(house: House) -> None:
    put(house.database, 1, "1.00")
    landing = house.land().window
    of_a_file = landing.model_copy(
        update={"kind": None, "high": None, "low": None, "beyond": None, "ordered_at": datetime(2099, 1, 1, tzinfo=UTC)}
    )
    house.store.record(of_a_file)
    with pytest.raises(CorruptFile, match="none of a table"):
        house.land()


def test_two_machines_record_beside_each_other_and_never_over_each_other(bucket: Bucket, tmp_path: Path) -> None:
    """They have no lock in common: both land, in the order of the source's clock, and one place is one record's."""
    database = SqliteDatabase(tmp_path / "oltp.db")
    put(database, 1, "1.00")
    one, other = (House(database, InBucket(bucket, tmp_path / each).open(), connection_to(database)) for each in "ab")

    def meanwhile(download: Download, folder: Path) -> Path:
        put(database, 2, "2.00")
        other.land()
        return copied(download, folder)

    first = TableLander(one.store, one.connection).land(meanwhile, one.warned.append).window
    second = other.history()[-1]
    assert (first.kind, second.kind) == ("full", "full")
    assert one.history() == [first, second]
    assert second.high is not None
    assert one.land().window.low == second.high - LOOK_BACK
    with pytest.raises(CommitConflict, match="another run recorded something else there"):
        other.store.record(first.model_copy(update={"observed_at": datetime.now(UTC)}))


def test_dlt_passes_a_landing_on_unopened(house: House, tmp_path: Path) -> None:
    put(house.database, 1, "1.00")

    def load(download: Download, folder: Path) -> Path:
        destination = LandingFolder(
            bucket_url=str(folder),
            layout="{table_name}/{file_id}.{ext}",
            extra_placeholders=dict(landed_as(house.connection.dataset)),
        )
        pipeline = dlt.pipeline(
            "x", destination=destination, dataset_name="bronze", pipelines_dir=str(tmp_path / "dlt")
        )
        pipeline.run(house.connection.source.resource(download))
        (landed,) = (folder / "bronze" / "booking").iterdir()
        assert landed.read_bytes() == download.path.read_bytes()
        return landed

    landed = TableLander(house.store, house.connection, with_keys=True).land(load, house.warned.append)
    assert house.store.is_intact(landed.window)
    assert house.store.current("booking", WHOLE) == landed.keys


def test_a_landed_file_is_what_its_contract_projects(house: House) -> None:
    put(house.database, 1, "1.00")
    landed = house.land()
    projection = house.connection.source.contract.project(house.store.footer(landed.window), "booking", WHOLE)
    assert (projection.unknown, projection.absent, projection.finer_decimals, projection.texts) == ((), (), (), ())


def test_landings_of_tables_are_rows_as_any(house: House) -> None:
    put(house.database, 1, "1.00")
    landed = house.land(with_keys=True)
    rows = landing_table(house.store).to_pylist()
    assert [(row["sha256"], row["month"], row["is_current"]) for row in rows] == [
        (landed.window.sha256, None, False),
        (landed.keys.sha256 if landed.keys else None, None, True),
    ]


def test_records_that_older_versions_wrote_of_files_are_read(place: Place) -> None:
    landing = land(place.open(), b"a")
    (name,) = records(place)
    kept = {key: value for key, value in json.loads(place.read(name)).items() if key not in ADDED}
    place.write(name, json.dumps(kept).encode())
    assert place.open().current("green", MONTH) == landing
    assert (landing.kind, landing.has_file) == (None, True)


def test_records_hold_no_secrets(house: House, tmp_path: Path) -> None:
    put(house.database, 1, "1.00")
    house.land(with_keys=True)
    assert house.history()[0].url.endswith(f"#{house.database.table}")
    assert "@" not in house.history()[0].url
    disk = Disk(tmp_path / "home")
    assert all(b"s3cret" not in disk.read(name) for name in disk.names())


def test_windows_land_in_every_store(place: Place, tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "oltp.db")
    house = House(database, place.open(), connection_to(database))
    put(database, 1, "1.00", now() - timedelta(days=1))
    first = house.land(with_keys=True)
    put(database, 2, "2.00")
    second = house.land()
    again = house.land(with_keys=True)
    assert (again.window.sha256, again.is_unchanged) == (second.window.sha256, True)
    opened = place.open()
    assert opened.current("booking", WHOLE) == again.keys
    kinds = [each.kind for each in opened.history("booking", WHOLE)]
    assert kinds == ["keys", "window", "window", "keys", "full"]
    assert all(opened.is_intact(each) for each in opened.history("booking", WHOLE))
    assert opened.footer(first.window)[0].name == "booking_id"
    assert [landing for landing, is_current in opened.landings() if is_current] == [again.keys]
    database.do("DELETE FROM booking")
    house.connection = connection_to(database, house.connection.source)
    empty = house.land(is_full=True, with_keys=True)
    assert (empty.window.rows, place.open().is_intact(empty.window)) == (0, True)
    assert place.open().sweep("booking", WHOLE) == 0
