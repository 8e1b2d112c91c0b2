"""Small FHV files with whole or fractional ids, written row by row, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from lakehouse.partition import Month
from tests.parquet_files import put

Era = Literal["whole ids", "double ids"]
"""Location ids are doubles in some years; SR_Flag has no type then, for nothing is recorded."""


def schema(era: Era) -> pa.Schema:
    """Names, with TLC's own use of capitals, and types of an FHV file."""
    doubles = era == "double ids"
    id_ = pa.float64() if doubles else pa.int64()
    return pa.schema(
        {
            "dispatching_base_num": pa.string(),
            "pickup_datetime": pa.timestamp("us"),
            "dropOff_datetime": pa.timestamp("us"),
            "PUlocationID": id_,
            "DOlocationID": id_,
            "SR_Flag": pa.null() if doubles else pa.int64(),
            "Affiliated_base_number": pa.string(),
        }
    )


def trip(month: Month, number: int, **changes: Any) -> dict[str, Any]:
    """A valid trip of a month; different numbers are different trips."""
    pickup = month.start + timedelta(minutes=7 * number)
    row: dict[str, Any] = {
        "dispatching_base_num": "B00013",
        "pickup_datetime": pickup,
        "dropOff_datetime": pickup + timedelta(minutes=20),
        "PUlocationID": 1 + number % 263,
        "DOlocationID": 1 + (number * 7) % 263,
        "SR_Flag": None,
        "Affiliated_base_number": "B00014",
    }
    return {**row, **changes}


def trips(month: Month, count: int, **changes: Any) -> list[dict[str, Any]]:
    """``count`` different valid trips of a month."""
    return [trip(month, number, **changes) for number in range(count)]


def table(rows: Iterable[Mapping[str, Any]], era: Era = "whole ids") -> pa.Table:
    """Rows as the Arrow table a file of the era holds."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema(era))


def write(path: Path, rows: Iterable[Mapping[str, Any]], era: Era = "whole ids") -> Path:
    """Write an FHV file."""
    return put(table(rows, era), path)


def source_path(month: Month) -> str:
    """Path of an FHV month at TLC's distribution."""
    return f"trip-data/fhv_tripdata_{month}.parquet"
