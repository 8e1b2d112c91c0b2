"""Rows that somebody added or removed: `status` tells which months, and their next run mends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.partition import WHOLE, Month
from lakehouse.results import Effect
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.tables import Tables
from tests.emulators.emulator import Cloud
from tests.green_files import trips
from tests.warehouse.bigquery.doing import PLACE
from tests.warehouse.bigquery.replay import Replay
from tests.warehouse.bigquery.replayed_jobs import Outcome
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House, house_in

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
SILVER = "silver.green_trips"


@pytest.fixture
def implementation(tmp_path: Path, cloud: Cloud) -> CloudImplementation:
    return CloudImplementation(tmp_path, cloud)


@pytest.fixture
def house(tmp_path: Path, implementation: CloudImplementation) -> Iterator[House]:
    with house_in(tmp_path, implementation) as house:
        yield house


def _run(implementation: CloudImplementation, sql: str) -> None:
    implementation.client.query(sql).result()


def _current(house: House) -> dict[Month, bool]:
    held = house.warehouse.holdings()["green_silver"].partitions
    return {month: each.is_current for month, each in held.items() if isinstance(month, Month)}


def test_the_month_whose_rows_were_removed_is_told_and_no_other(
    house: House, implementation: CloudImplementation
) -> None:
    for month in (JANUARY, FEBRUARY):
        house.land(month, trips(month, 40))
        house.replace("green_silver", month)
    assert _current(house) == {JANUARY: True, FEBRUARY: True}
    _run(
        implementation,
        f"DELETE FROM {SILVER} WHERE pickup_at >= DATETIME '2024-02-01' AND pickup_at < DATETIME '2024-03-01' "
        f"AND pickup_at <= (SELECT MIN(pickup_at) FROM {SILVER} WHERE pickup_at >= DATETIME '2024-02-01')",
    )
    assert _current(house) == {JANUARY: True, FEBRUARY: False}
    assert house.replace("green_silver", FEBRUARY).effect is Effect.PUBLISHED
    assert _current(house) == {JANUARY: True, FEBRUARY: True}


def test_what_comes_whole_and_has_lost_rows_is_told(house: House, implementation: CloudImplementation) -> None:
    house.land_zones()
    house.replace("zones_silver", WHOLE)
    (zones,) = house.warehouse.holdings()["zones_silver"].partitions.values()
    assert zones.is_current
    _run(implementation, "DELETE FROM silver.zones WHERE location_id = 1")
    (zones,) = house.warehouse.holdings()["zones_silver"].partitions.values()
    assert not zones.is_current


def test_a_month_known_to_be_empty_keeps_no_rows_of_others(house: House, implementation: CloudImplementation) -> None:
    before = Month(2013, 7)
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    assert house.replace("green_silver", before).rows == 0
    _run(
        implementation,
        f"INSERT INTO {SILVER} (pickup_at, trip_miles) SELECT DATETIME '2013-07-04 12:00:00', 1 FROM {SILVER}",
    )
    count = f"SELECT COUNT(*) AS n FROM {SILVER} WHERE pickup_at < DATETIME '2014-01-01'"
    assert house.rows(count) == [{"n": 40}]
    house.replace("green_silver", before)
    assert house.rows(count) == [{"n": 0}]
    assert house.rows(f"SELECT COUNT(*) AS n FROM {SILVER}") == [{"n": 40}]


_STATE = (
    ("is_month", "BOOLEAN"),
    ("table_name", "STRING"),
    ("month", "DATE"),
    ("sequence", "INTEGER"),
    ("version", "STRING"),
    ("outdated_by", "STRING"),
    ("fingerprint", "STRING"),
    ("fingerprints", "STRING"),
    ("content", "STRING"),
    ("row_count", "INTEGER"),
    ("byte_count", "INTEGER"),
    ("published_at", "DATETIME"),
)
TRIPS = TableSpec("silver.trips", (Column("pickup_at", "DATETIME", "When"),), "Trips", partition="pickup_at")


def _published(sequence: int, rows: int) -> Outcome:
    """What is published, as of some moment: a month of so many rows."""
    month = (True, "silver.trips", "2024-01-01", sequence, "j1", None, "f1", "f1", "c1", rows, 100, None)
    table = (False, "silver.trips", None, sequence, "j1", None, None, None, None, None, None, None)
    return Outcome(rows=(month, table), columns=_STATE)


def _counted(rows: int) -> Outcome:
    return Outcome(rows=((rows, "2024-01"),), columns=(("row_count", "INTEGER"), ("month", "STRING")))


@pytest.mark.parametrize(
    ("rows_there", "outcomes", "is_there", "asked"),
    [
        (40, [_published(1, 40)], True, 1),
        (39, [_published(1, 40), _counted(39), _published(1, 40)], False, 3),
        (41, [_published(1, 40), _counted(41), _published(2, 41)], True, 3),  # published anew between two looks
        (90, [_published(1, 40), _counted(40)], True, 2),  # rows of a month that nobody published are not this one's
    ],
    ids=["as published", "changed by hand", "published meanwhile", "of other months"],
)
def test_rows_are_counted_where_the_table_says_that_it_has_others(
    replay: Replay, jobs: Jobs, rows_there: int, outcomes: list[Outcome], *, is_there: bool, asked: int
) -> None:
    """No emulator says how many rows a table has: replayed, not seen."""
    replay.add_table("silver.trips", numRows=str(rows_there))
    replay.jobs_end(*outcomes)
    records = BigQueryRecords(Tables(jobs.client, PLACE, of_samples=False), jobs)
    assert list(records.changed(TRIPS)) == ([] if is_there else [JANUARY])
    assert len(replay.jobs) == asked
