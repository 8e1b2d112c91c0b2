"""Small trip files, GENERATED, of eras that there is no real file of, and with every kind of dirt there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.partition import Month
from tests import green_files

_VALID = 60
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)

_TIME = pa.timestamp("us")
_MakesTrip = Callable[..., dict[str, Any]]
"""Of a month, a number and changes; different numbers are different trips."""
_AMOUNTS = ("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount")


def yellow_before_2018_07(file: Path, month: Month) -> Path:
    """Ids and counts INT64, two surcharges without a type, as here and there before 2019."""
    fields = _yellow(ids=pa.int64(), counts=pa.int64(), text=pa.string(), surcharge=pa.null())
    return _write(file, _dirty(_yellow_trip, _TPEP, month), [*fields, ("airport_fee", pa.null())])


def yellow_since_2023_02(file: Path, month: Month) -> Path:
    """Ids INT32, counts INT64, large_string, and ``Airport_fee`` with a capital letter."""
    fields = _yellow(ids=pa.int32(), counts=pa.int64(), text=pa.large_string(), surcharge=pa.float64())
    return _write(file, _dirty(_yellow_trip, _TPEP, month), [*fields, ("Airport_fee", pa.float64())])


def green_until_2023_01(file: Path, month: Month) -> Path:
    """Ids INT64, counts DOUBLE, ``ehail_fee`` without a type."""
    return green_files.write(file, _dirty(green_files.trip, _LPEP, month), "until 2023-01")


def green_since_2025_01(file: Path, month: Month) -> Path:
    """Ids INT32, counts INT64, large_string, with ``cbd_congestion_fee``."""
    return green_files.write(file, _dirty(green_files.trip, _LPEP, month), "since 2025-01")


def green_with_half_cents(file: Path, month: Month) -> Path:
    """Amounts that DOUBLE holds as a little less than the half cent they were written as."""
    amounts = (0.145, 1.005, 2.675)
    rows = [green_files.trip(month, number, tip_amount=amount) for number, amount in enumerate(amounts)]
    return green_files.write(file, rows, "since 2023-02")


def fhv_with_whole_numbers(file: Path, month: Month) -> Path:
    """Location ids and ``SR_Flag`` INT64."""
    fields = [
        ("dispatching_base_num", pa.string()),
        ("pickup_datetime", _TIME),
        ("dropOff_datetime", _TIME),
        ("PUlocationID", pa.int64()),
        ("DOlocationID", pa.int64()),
        ("SR_Flag", pa.int64()),
        ("Affiliated_base_number", pa.string()),
    ]
    rows = [*_dirty_times(_fhv_trip, _FHV, month), *_dirty_bases(month)]
    return _write(file, [*rows, *rows[: _VALID // 10]], fields)


_TPEP = ("tpep_pickup_datetime", "tpep_dropoff_datetime")
_LPEP = ("lpep_pickup_datetime", "lpep_dropoff_datetime")
_FHV = ("pickup_datetime", "dropOff_datetime")


def _yellow(
    *, ids: pa.DataType, counts: pa.DataType, text: pa.DataType, surcharge: pa.DataType
) -> list[tuple[str, pa.DataType]]:
    return [
        ("VendorID", ids),
        *((name, _TIME) for name in _TPEP),
        ("passenger_count", counts),
        ("trip_distance", pa.float64()),
        ("RatecodeID", counts),
        ("store_and_fwd_flag", text),
        ("PULocationID", ids),
        ("DOLocationID", ids),
        ("payment_type", pa.int64()),
        *((name, pa.float64()) for name in _AMOUNTS),
        ("improvement_surcharge", pa.float64()),
        ("total_amount", pa.float64()),
        ("congestion_surcharge", surcharge),
    ]


def _yellow_trip(month: Month, number: int, **changes: Any) -> dict[str, Any]:
    green = green_files.trip(month, number)
    times = dict(zip(_TPEP, (green.pop(name) for name in _LPEP), strict=True))
    return {**green, **times, "airport_fee": 1.75, "Airport_fee": 1.75, **changes}


def _fhv_trip(month: Month, number: int, **changes: Any) -> dict[str, Any]:
    pickup = month.start + 7 * number * _MINUTE
    return {
        "dispatching_base_num": f"B{number % 5:05d}",
        "pickup_datetime": pickup,
        "dropOff_datetime": pickup + 11 * _MINUTE,
        "PUlocationID": 1 + number % 263,
        "DOlocationID": 1 + (number * 7) % 263,
        "SR_Flag": 1 if number % 3 == 0 else None,
        "Affiliated_base_number": f"B{number % 5:05d}",
        **changes,
    }


def _dirty(trip: _MakesTrip, times: tuple[str, str], month: Month) -> list[dict[str, Any]]:
    """Taxi trips of a month as TLC publishes them, and worse."""
    rows = [*_dirty_times(trip, times, month), *_dirty_values(trip, month)]
    voided = trip(month, 3)
    voided.update({name: -voided[name] for name in (*_AMOUNTS, "total_amount")})
    block = ("passenger_count", "RatecodeID", "store_and_fwd_flag", "payment_type", "trip_type", "congestion_surcharge")
    unknown = trip(month, 200, **dict.fromkeys(block))
    return [*rows, voided, unknown, unknown, rows[0], rows[0], rows[1], rows[-1]]


def _dirty_times(trip: _MakesTrip, times: tuple[str, str], month: Month) -> Iterator[dict[str, Any]]:
    """Valid trips, among them the first and the last instant of the month, and those that are rejected."""
    pickup, dropoff = times

    def at(number: int, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        return trip(month, number, **{pickup: start, dropoff: end})

    for number in range(_VALID):
        yield trip(month, number)
    yield at(100, month.start, month.start)
    yield at(101, month.end - _INSTANT, month.end - _INSTANT + 90 * _MINUTE)
    yield at(102, month.start, None)
    yield at(103, month.start, datetime(3019, 2, 3, 17, 30))
    yield at(104, None, month.start)
    yield at(104, None, month.start)
    yield at(105, None, None)
    yield at(106, month.end, month.end + _MINUTE)
    yield at(107, month.start - _INSTANT, month.start)
    yield at(108, datetime(2009, 1, 1), datetime(2009, 1, 1))
    yield at(109, datetime(2041, 8, 17), month.start)
    yield at(110, month.start + 59 * _MINUTE, month.start + 9 * _MINUTE)


def _dirty_values(trip: _MakesTrip, month: Month) -> Iterator[dict[str, Any]]:
    """Trips that are kept, and that some check counts or some rounding touches."""
    changes: list[Mapping[str, Any]] = [
        {"total_amount": 0.0},
        {"total_amount": None, "fare_amount": None},
        {"trip_distance": -1.5},
        {"trip_distance": 1000.0},
        {"trip_distance": 1000.01},
        {"trip_distance": 123456.789, "tolls_amount": 6.546},
        {"PULocationID": None, "DOLocationID": None},
        {"PULocationID": 999, "DOLocationID": 0},
        {"PULocationID": 264, "DOLocationID": 265},
        {"VendorID": 9, "payment_type": 8, "RatecodeID": 98, "store_and_fwd_flag": "X", "trip_type": 3},
        {"payment_type": 0, "store_and_fwd_flag": "Y"},
        {"payment_type": 5, "store_and_fwd_flag": ""},
        {"tip_amount": 0.1 + 0.2, "fare_amount": 1.1 + 2.2},
    ]
    yield trip(month, 400, tip_amount=1.231)  # the same trip twice, once amounts are of two decimals
    yield trip(month, 400, tip_amount=1.2299)
    for number, change in enumerate(changes, start=300):
        yield trip(month, number, **change)


def _dirty_bases(month: Month) -> Iterator[dict[str, Any]]:
    """Bases with spaces around them or missing, zones and flags that are unknown or missing."""
    changes: list[Mapping[str, Any]] = [
        {"dispatching_base_num": " B00001 ", "Affiliated_base_number": "B00001   "},
        {"dispatching_base_num": None},
        {"dispatching_base_num": "   "},
        {"dispatching_base_num": "", "pickup_datetime": None},
        {"Affiliated_base_number": ""},
        {"Affiliated_base_number": None},
        {"PUlocationID": None, "DOlocationID": None},
        {"PUlocationID": 999, "SR_Flag": 2},
    ]
    for number, change in enumerate(changes, start=300):
        yield _fhv_trip(month, number, **change)


def _write(file: Path, rows: list[dict[str, Any]], fields: list[tuple[str, pa.DataType]]) -> Path:
    """Write rows in an era's types; what the era has no column or no type for is not in the file."""
    nothing = {name for name, type_ in fields if pa.types.is_null(type_)}
    kept = [{name: value for name, value in row.items() if name not in nothing} for row in rows]
    pq.write_table(pa.Table.from_pylist(kept, schema=pa.schema(fields)), file)
    return file
