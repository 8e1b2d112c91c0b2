"""Values that their columns cannot hold reject their records, and the month only where they are many."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_sources.dataset import MonthlyDataset
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.contracts.columns import column
from lakehouse.exceptions import CheckFailed
from lakehouse.partition import Month
from lakehouse.results import Effect
from tests import fhv_files
from tests.green_files import table, trip, trips
from tests.warehouse.implementations import RUN_ID, House, LocalImplementation, MemoryImplementation

JANUARY = Month(2024, 1)
PICKUP, DROPOFF = "lpep_pickup_datetime", "lpep_dropoff_datetime"
REJECTED = "SELECT unreadable_column, reject_reason FROM silver.green_trips_rejected ORDER BY 1, 2"
NAN, INFINITY = float("nan"), float("inf")


def with_times(rows: pa.Table, name: str, times: dict[int, int], unit: str = "us") -> pa.Table:
    """The rows with some times as so many of a unit since 1970."""
    position = rows.schema.get_field_index(name)
    values = rows.column(position).cast(pa.timestamp(unit)).cast(pa.int64()).to_pylist()
    for row, time in times.items():
        values[row] = time
    return rows.set_column(position, name, pa.array(values, pa.int64()).cast(pa.timestamp(unit)))


def unreadable(house: House) -> list[dict[str, Any]]:
    return house.rows(REJECTED)


def rejected_for(*columns: str) -> list[dict[str, Any]]:
    return [{"unreadable_column": column, "reject_reason": "unreadable_value"} for column in columns]


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY, 1e30])
@pytest.mark.parametrize("name", ["fare_amount", "passenger_count"])
def test_a_value_that_is_no_number_rejects_its_record_whatever_statistics_say(
    house: House, name: str, value: float
) -> None:
    rows = [trip(JANUARY, number, **{name: float(number)}) for number in range(50)]
    house.land(JANUARY, [*rows, trip(JANUARY, 50, **{name: value})], "until 2023-01")
    result = house.replace("green_silver", JANUARY)
    assert (result.rows, result.effect) == (50, Effect.PUBLISHED)
    assert result.ledger is not None
    assert (result.ledger.is_balanced, result.ledger.rejected["unreadable_value"]) == (True, 1)
    assert result.ledger.unreadable_columns == name
    assert unreadable(house) == rejected_for(name)
    (kept,) = house.rows(f"SELECT COUNT(*) AS n, SUM({name}) AS sum FROM silver.green_trips")
    assert kept == {"n": 50, "sum": 1225}


@pytest.mark.not_emulated("no emulator has BIGNUMERIC, which alone holds so many digits before the point")
def test_a_float32_and_a_decimal_that_a_column_cannot_hold_reject_their_records(house: House) -> None:
    rows = table(trips(JANUARY, 60))
    for name, values in {
        "tip_amount": pa.array([NAN, 3.4e38, *[1.1] * 58], pa.float32()),
        "PULocationID": pa.array([*[7] * 58, 2**63, 10**37], pa.decimal256(38, 0)),
    }.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    house.edit("silver/green_silver.sql", ("max: 0.05", "max: 0.5"))
    house.land(JANUARY, rows)
    assert house.replace("green_silver", JANUARY).rows == 56
    assert unreadable(house) == rejected_for(*["pickup_location_id"] * 2, *["tip_amount"] * 2)
    assert house.rows("SELECT SUM(tip_amount) AS tips FROM silver.green_trips") == [{"tips": Decimal("61.60")}]


_NO_TIMES = (2**61, -(2**61), 253402300800000000, -62135596800000001, 2**63 - 1, -(2**63))


@pytest.mark.parametrize("name", [PICKUP, DROPOFF])
def test_times_that_no_calendar_has_reject_their_records(house: House, name: str) -> None:
    house.land(JANUARY, with_times(table(trips(JANUARY, 150)), name, dict(enumerate(_NO_TIMES))))
    result = house.replace("green_silver", JANUARY)
    assert (result.rows, result.ledger and result.ledger.rejected["unreadable_value"]) == (144, 6)
    assert unreadable(house) == rejected_for(*["pickup_at" if name == PICKUP else "dropoff_at"] * 6)
    again = house.replace("green_silver", JANUARY)
    assert (again.effect, again.ledger) == (Effect.UNCHANGED, result.ledger)


def test_the_last_moment_of_the_calendar_is_a_time(house: House) -> None:
    last = {0: 253402300799999999, 1: 253402214400000000}
    house.land(JANUARY, with_times(table(trips(JANUARY, 30)), DROPOFF, last))
    assert house.replace("green_silver", JANUARY).rows == 30
    found = house.rows("SELECT dropoff_at FROM silver.green_trips ORDER BY pickup_at LIMIT 2")
    assert [row["dropoff_at"] for row in found] == [
        datetime(9999, 12, 31, 23, 59, 59, 999999),
        datetime(9999, 12, 31),
    ]


def test_each_record_counts_once_for_the_first_column_and_before_any_rule(house: House) -> None:
    """Of records that are alike in what can be read each is accounted for; a NULL is no value that cannot be read."""
    bad = [
        trip(JANUARY, 1, total_amount=NAN, fare_amount=INFINITY),
        trip(JANUARY, 1, total_amount=INFINITY, fare_amount=NAN),
        trip(JANUARY, 2, tip_amount=NAN),
        trip(JANUARY, 3, lpep_pickup_datetime=None, total_amount=NAN),
        trip(JANUARY, 4, lpep_pickup_datetime=None),
        trip(JANUARY, 5, ehail_fee=None),
    ]
    rows = with_times(table([*trips(JANUARY, 99), *bad, *trips(JANUARY, 2)]), DROPOFF, {101: 2**61})
    house.edit("silver/green_silver.sql", ("max: 0.05", "max: 0.5"))
    house.land(JANUARY, rows)
    result = house.replace("green_silver", JANUARY)
    assert result.ledger is not None
    assert result.ledger.is_balanced
    assert (result.rows, result.ledger.duplicate_copies) == (99, 3)
    assert {reason: count for reason, count in result.ledger.rejected.items() if count} == {
        "unreadable_value": 4,
        "missing_pickup_time": 1,
    }
    assert (
        unreadable(house)
        == [
            *rejected_for("dropoff_at", "fare_amount", "fare_amount", "total_amount"),
            {"unreadable_column": None, "reject_reason": "missing_pickup_time"},
        ]
        or unreadable(house)[0]["unreadable_column"] is None
    )
    (ledger,) = house.rows("SELECT rejected_unreadable_value AS n, is_balanced FROM silver.row_ledger")
    assert ledger == {"n": 4, "is_balanced": True}


def test_many_values_that_cannot_be_read_stop_the_month_and_their_columns_are_named(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    bad = [trip(JANUARY, number, total_amount=NAN) for number in range(40, 43)]
    house.land(JANUARY, with_times(table([*trips(JANUARY, 37), *bad]), DROPOFF, {0: 2**61}))
    with pytest.raises(CheckFailed) as failed:
        house.replace("green_silver", JANUARY)
    assert "rejected_share (4 failing" in str(failed.value)
    assert "4 rejected for unreadable_value in dropoff_at, total_amount." in str(failed.value)
    (shares,) = [check for check in failed.value.checks if check.name == "rejected_share"]
    assert shares.sample is not None
    assert set(shares.sample.column("unreadable_column").to_pylist()) == {"dropoff_at", "total_amount"}
    assert house.rows("SELECT COUNT(*) AS n FROM silver.green_trips") == [{"n": 3}]


def test_an_fhv_zone_that_is_not_a_number_rejects_its_record(house: House) -> None:
    """Arrow keeps NaN and NULL apart; a file written by way of pandas may have either."""
    rows = [*fhv_files.trips(JANUARY, 40), fhv_files.trip(JANUARY, 41, PUlocationID=NAN)]
    house.land_fhv(JANUARY, rows, "double ids")
    result = house.replace("fhv_silver", JANUARY)
    assert (result.rows, result.ledger and result.ledger.unreadable_columns) == (40, "pickup_location_id")


def test_a_mended_month_has_none_of_them_any_more(house: House) -> None:
    house.land(JANUARY, [*trips(JANUARY, 40), trip(JANUARY, 41, total_amount=NAN)])
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, [*trips(JANUARY, 40), trip(JANUARY, 41)])
    result = house.replace("green_silver", JANUARY)
    assert (result.rows, result.ledger and result.ledger.unreadable_columns, unreadable(house)) == (41, None, [])


_READINGS = """/*
description: Readings of every type
table: silver.readings
grain: record
partition: taken_at
reject: {outside_month: taken_at < @partition_start OR taken_at >= @partition_end}
*/
SELECT id, taken_at, level, day, moment, copies, bronze_sha256
FROM bronze.readings_bronze
"""


@pytest.mark.parametrize("kind", [LocalImplementation, MemoryImplementation])
def test_a_value_of_any_type_that_cannot_be_read_rejects_its_record(
    kind: type[LocalImplementation | MemoryImplementation], tmp_path: Path
) -> None:
    contract = Contract(
        MonthlyDataset(name="readings", description="Readings.", first=JANUARY),
        "taken_at",
        (
            column("id", "INT64", "id", "Number"),
            column("taken_at", "DATETIME", "taken_at", "When it was taken"),
            column("level", "FLOAT64", "level", "Level"),
            column("day", "DATE", "day", "Day"),
            column("moment", "TIMESTAMP", "moment", "Moment"),
        ),
    )
    (tmp_path / "sql" / "silver").mkdir(parents=True)
    (tmp_path / "sql" / "silver" / "readings_silver.sql").write_text(_READINGS)
    good, beyond = 1704067200000000, 2**61
    file = tmp_path / "readings.parquet"
    pq.write_table(
        pa.table(
            {
                "id": pa.array([1, 2, 3, 4, 2**63, 6], pa.uint64()),
                "taken_at": pa.array([good] * 6, pa.timestamp("us")),
                "level": [1.5, NAN, 1.5, 1.5, 1.5, None],
                "day": pa.array([0, 0, 2**31 - 2, 0, 0, 2932896], pa.int32()).cast(pa.date32()),
                "moment": pa.array([good, good, good, beyond, good, None], pa.timestamp("us", tz="UTC")),
            }
        ),
        file,
    )
    implementation = kind(tmp_path / "home", {"readings_bronze": contract})
    warehouse, models = implementation.open(tmp_path / "sql")
    with closing(warehouse):
        implementation.land("readings_bronze", JANUARY, file)
        result = warehouse.replace(models["readings_silver"], JANUARY, RUN_ID)
        rejected = "SELECT id, unreadable_column AS why FROM silver.readings_rejected ORDER BY id NULLS LAST"
        found = warehouse.query(rejected).to_pylist()
        kept = warehouse.query("SELECT id, day FROM silver.readings ORDER BY id").to_pylist()
    assert result.ledger is not None
    assert result.ledger.is_balanced
    assert found == [
        {"id": 2, "why": "level"},
        {"id": 3, "why": "day"},
        {"id": 4, "why": "moment"},
        {"id": None, "why": "id"},
    ]
    assert kept == [{"id": 1, "day": date(1970, 1, 1)}, {"id": 6, "day": date(9999, 12, 31)}]


def test_a_landing_with_such_values_is_compared_as_it_would_be_published(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, [*trips(JANUARY, 39), trip(JANUARY, 39, fare_amount=float("nan"))])
    found = house.warehouse.compare(house.models["green_silver"], JANUARY, ()).difference
    assert found is not None
    assert (found.kept, found.removed, found.added) == (39, 1, 0)
    assert house.replace("green_silver", JANUARY).rows == 39


_NARROW = """/*
description: Prices of few digits
table: silver.prices
grain: record
partition: taken_at
reject: {outside_month: taken_at < @partition_start OR taken_at >= @partition_end}
*/
SELECT taken_at, price, copies, bronze_sha256
FROM bronze.prices_bronze
"""


@pytest.mark.parametrize("kind", [LocalImplementation, MemoryImplementation])
@pytest.mark.parametrize("type_", [pa.float64(), pa.decimal128(20, 4)], ids=str)
def test_a_value_that_is_too_large_only_once_it_is_rounded_rejects_its_record(
    kind: type[LocalImplementation | MemoryImplementation], type_: pa.DataType, tmp_path: Path
) -> None:
    contract = Contract(
        MonthlyDataset(name="prices", description="Prices.", first=JANUARY),
        "taken_at",
        (
            column("taken_at", "DATETIME", "taken_at", "When it was taken"),
            column("price", "NUMERIC(5,2)", "price", "Price"),
        ),
    )
    (tmp_path / "sql" / "silver").mkdir(parents=True)
    (tmp_path / "sql" / "silver" / "prices_silver.sql").write_text(_NARROW)
    prices = [Decimal(text) for text in ("999.99", "999.9949", "999.9951", "-999.9949", "-999.9951")]
    values = pa.array([float(price) if type_ == pa.float64() else price for price in prices], type_)
    file = tmp_path / "prices.parquet"
    pq.write_table(pa.table({"taken_at": pa.array([1704067200000000] * 5, pa.timestamp("us")), "price": values}), file)
    implementation = kind(tmp_path / "home", {"prices_bronze": contract})
    warehouse, models = implementation.open(tmp_path / "sql")
    with closing(warehouse):
        implementation.land("prices_bronze", JANUARY, file)
        result = warehouse.replace(models["prices_silver"], JANUARY, RUN_ID)
        kept = warehouse.query("SELECT price, copies FROM silver.prices ORDER BY price").to_pylist()
    assert result.ledger is not None
    assert (result.ledger.is_balanced, result.ledger.rejected["unreadable_value"]) == (True, 2)
    assert kept == [
        {"price": Decimal("-999.99"), "copies": 1},
        {"price": Decimal("999.99"), "copies": 2},
    ]
