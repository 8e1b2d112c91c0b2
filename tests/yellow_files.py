"""Small yellow taxi files of each era of names and types, written row by row, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from lakehouse.partition import Month
from tests.parquet_files import put

Era = Literal["2009", "2010", "2010-02", "since 2011-01", "since 2018-07", "since 2023-02", "since 2025-01"]
"""By the first month, or year, of its files. Fees that come and go are null-typed where they do not count yet."""

ZONED: tuple[Era, ...] = ("since 2011-01", "since 2018-07", "since 2023-02", "since 2025-01")
"""The eras whose files say where a trip began and ended by taxi zone."""


def first_month(era: Era) -> Month:
    """The first month whose file is so."""
    return Month.parse(era.removeprefix("since "))


_2009 = {
    "vendor_name": pa.string(),
    "Trip_Pickup_DateTime": pa.string(),
    "Trip_Dropoff_DateTime": pa.string(),
    "Passenger_Count": pa.int64(),
    "Trip_Distance": pa.float64(),
    "Start_Lon": pa.float64(),
    "Start_Lat": pa.float64(),
    "Rate_Code": pa.float64(),
    "store_and_forward": pa.float64(),
    "End_Lon": pa.float64(),
    "End_Lat": pa.float64(),
    "Payment_Type": pa.string(),
    "Fare_Amt": pa.float64(),
    "surcharge": pa.float64(),
    "mta_tax": pa.float64(),
    "Tip_Amt": pa.float64(),
    "Tolls_Amt": pa.float64(),
    "Total_Amt": pa.float64(),
}
_2010 = {
    "vendor_id": pa.string(),
    "pickup_datetime": pa.string(),
    "dropoff_datetime": pa.string(),
    "passenger_count": pa.int64(),
    "trip_distance": pa.float64(),
    "pickup_longitude": pa.float64(),
    "pickup_latitude": pa.float64(),
    "rate_code": pa.string(),
    "store_and_fwd_flag": pa.string(),
    "dropoff_longitude": pa.float64(),
    "dropoff_latitude": pa.float64(),
    "payment_type": pa.string(),
    "fare_amount": pa.float64(),
    "surcharge": pa.float64(),
    "mta_tax": pa.float64(),
    "tip_amount": pa.float64(),
    "tolls_amount": pa.float64(),
    "total_amount": pa.float64(),
}


def schema(era: Era) -> pa.Schema:
    """Names and types of a yellow file as TLC published them in an era."""
    if era == "2009":
        return pa.schema(_2009)
    if era == "2010":
        return pa.schema(_2010)
    if era == "2010-02":
        return pa.schema({**_2010, "rate_code": pa.int64(), "__index_level_0__": pa.int64()})
    recent = era in ("since 2023-02", "since 2025-01")
    id_, text = (pa.int32(), pa.large_string()) if recent else (pa.int64(), pa.string())
    whole = pa.float64() if era == "since 2018-07" else pa.int64()
    fee = pa.null() if era in ("since 2011-01", "since 2018-07") else pa.float64()
    columns = {
        "VendorID": id_,
        "tpep_pickup_datetime": pa.timestamp("us"),
        "tpep_dropoff_datetime": pa.timestamp("us"),
        "passenger_count": whole,
        "trip_distance": pa.float64(),
        "RatecodeID": whole,
        "store_and_fwd_flag": text,
        "PULocationID": id_,
        "DOLocationID": id_,
        "payment_type": pa.int64(),
        "fare_amount": pa.float64(),
        "extra": pa.float64(),
        "mta_tax": pa.float64(),
        "tip_amount": pa.float64(),
        "tolls_amount": pa.float64(),
        "improvement_surcharge": pa.float64(),
        "total_amount": pa.float64(),
        "congestion_surcharge": fee,
        "Airport_fee" if recent else "airport_fee": fee,
    }
    if era == "since 2025-01":
        columns["cbd_congestion_fee"] = pa.float64()
    return pa.schema(columns)


def trip(month: Month, number: int, **changes: Any) -> dict[str, Any]:
    """A valid trip of a month; different numbers are different trips."""
    pickup = month.start + timedelta(minutes=7 * number)
    row: dict[str, Any] = {
        "VendorID": 1 + number % 2,
        "tpep_pickup_datetime": pickup,
        "tpep_dropoff_datetime": pickup + timedelta(minutes=11),
        "passenger_count": 2,
        "trip_distance": 1.25,
        "RatecodeID": 1,
        "store_and_fwd_flag": "N",
        "PULocationID": 1 + number % 263,
        "DOLocationID": 1 + (number * 7) % 263,
        "payment_type": 1,
        "fare_amount": 10.0,
        "extra": 0.5,
        "mta_tax": 0.5,
        "tip_amount": 0.0,
        "tolls_amount": 0.0,
        "improvement_surcharge": 1.0,
        "total_amount": 12.0,
        "congestion_surcharge": 2.5,
        "airport_fee": 1.75,
        "Airport_fee": 1.75,
        "cbd_congestion_fee": 0.75,
    }
    return {**row, **changes}


def trips(month: Month, count: int, **changes: Any) -> list[dict[str, Any]]:
    """``count`` different valid trips of a month."""
    return [trip(month, number, **changes) for number in range(count)]


def table(rows: Iterable[Mapping[str, Any]], era: Era = "since 2023-02") -> pa.Table:
    """Rows as the Arrow table a file of the era holds; of a null-typed column nothing is kept."""
    columns = schema(era)
    kept = [{field.name: _as(field.type, row.get(field.name)) for field in columns} for row in rows]
    return pa.Table.from_pylist(kept, schema=columns)


def _as(type_: Any, value: Any) -> Any:
    if value is None or pa.types.is_null(type_):
        return None
    return str(value) if pa.types.is_string(type_) else value  # codes were words before 2011


def write(path: Path, rows: Iterable[Mapping[str, Any]], era: Era = "since 2023-02") -> Path:
    """Write a yellow file."""
    return put(table(rows, era), path)


def source_path(month: Month) -> str:
    """Path of a yellow month at TLC's distribution."""
    return f"trip-data/yellow_tripdata_{month}.parquet"
