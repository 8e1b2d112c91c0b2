"""Small green taxi files of either type era, written row by row, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from lakehouse.partition import Month
from tests.parquet_files import put

Era = Literal["until 2023-01", "since 2023-02", "since 2025-01"]

_FLOATS = (
    "trip_distance",
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "total_amount",
    "congestion_surcharge",
)


def schema(era: Era) -> pa.Schema:
    """Names and types of a green file as TLC published them in an era."""
    old = era == "until 2023-01"
    whole, id_, text = (pa.float64(), pa.int64(), pa.string()) if old else (pa.int64(), pa.int32(), pa.large_string())
    fields = [
        ("VendorID", id_),
        ("lpep_pickup_datetime", pa.timestamp("us")),
        ("lpep_dropoff_datetime", pa.timestamp("us")),
        ("store_and_fwd_flag", text),
        ("RatecodeID", whole),
        ("PULocationID", id_),
        ("DOLocationID", id_),
        ("passenger_count", whole),
        *((name, pa.float64()) for name in _FLOATS[:6]),
        ("ehail_fee", pa.null() if old else pa.float64()),
        *((name, pa.float64()) for name in _FLOATS[6:8]),
        ("payment_type", whole),
        ("trip_type", whole),
        ("congestion_surcharge", pa.float64()),
    ]
    if era == "since 2025-01":
        fields.append(("cbd_congestion_fee", pa.float64()))
    return pa.schema(fields)


def trip(month: Month, number: int, **changes: Any) -> dict[str, Any]:
    """A valid trip of a month; different numbers are different trips."""
    pickup = month.start + timedelta(minutes=7 * number)
    row: dict[str, Any] = {
        "VendorID": 1 + number % 2,
        "lpep_pickup_datetime": pickup,
        "lpep_dropoff_datetime": pickup + timedelta(minutes=11),
        "store_and_fwd_flag": "N",
        "RatecodeID": 1,
        "PULocationID": 1 + number % 263,
        "DOLocationID": 1 + (number * 7) % 263,
        "passenger_count": 1,
        "trip_distance": 1.25,
        "fare_amount": 10.0,
        "extra": 0.5,
        "mta_tax": 0.5,
        "tip_amount": 0.0,
        "tolls_amount": 0.0,
        "ehail_fee": None,
        "improvement_surcharge": 1.0,
        "total_amount": 12.0,
        "payment_type": 1 + number % 2,
        "trip_type": 1,
        "congestion_surcharge": 0.0,
        "cbd_congestion_fee": 0.75,
    }
    return {**row, **changes}


def trips(month: Month, count: int, **changes: Any) -> list[dict[str, Any]]:
    """``count`` different valid trips of a month."""
    return [trip(month, number, **changes) for number in range(count)]


def outside(month: Month, number: int) -> dict[str, Any]:
    """A trip whose pickup is years before its file's month."""
    return trip(month, number, lpep_pickup_datetime=datetime(2009, 1, 1), lpep_dropoff_datetime=datetime(2009, 1, 1))


def table(rows: Iterable[Mapping[str, Any]], era: Era = "since 2023-02") -> pa.Table:
    """Rows as the Arrow table a file of the era holds."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema(era))


def write(path: Path, rows: Iterable[Mapping[str, Any]] | pa.Table, era: Era = "since 2023-02") -> Path:
    """Write a green file; a table is written as it is."""
    return put(rows if isinstance(rows, pa.Table) else table(rows, era), path)


def source_path(month: Month) -> str:
    """Path of a green month at TLC's distribution."""
    return f"trip-data/green_tripdata_{month}.parquet"
