"""Names, order and types of the columns of TLC's files in each month, and how the files are compressed.

From the published files: TLC.md, Schema drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlt_sources import tlc
from lakehouse.partition import Month

if TYPE_CHECKING:
    import pyarrow as pa

    from dlt_sources.dataset import MonthlyDataset

NEW_TYPES = Month(2023, 2)
"""Since then ids are INT32, counts INT64, texts large strings, and files are compressed with zstd."""

AIRPORT_FEE = Month(2020, 11)
CBD_FEE = Month(2025, 1)
CONGESTION_SURCHARGE = Month(2019, 1)
_COUNTS_AS_DOUBLES = Month(2018, 7)


def schema(dataset: MonthlyDataset, month: Month) -> pa.Schema:
    """The schema of the file of a month, from 2011-01 on.

    Columns that hold nothing are null-typed. Before 2020-11 TLC gave some of those a type for a month now and then;
    this does not.
    """
    import pyarrow as pa

    if dataset == tlc.FHV:
        return pa.schema(_fhv(month))
    return pa.schema(_yellow(month) if dataset == tlc.YELLOW else _green(month))


def compression(month: Month) -> tuple[str, int]:
    """The codec of the files of a month and a level: a low one, as the default of gzip takes ten times as long."""
    return ("zstd", 1) if month >= NEW_TYPES else ("gzip", 3)


def _id_and_text(month: Month) -> tuple[pa.DataType, pa.DataType]:
    import pyarrow as pa

    return (pa.int32(), pa.large_string()) if month >= NEW_TYPES else (pa.int64(), pa.string())


def _yellow(month: Month) -> dict[str, pa.DataType]:
    import pyarrow as pa

    id_, text = _id_and_text(month)
    count = pa.float64() if _COUNTS_AS_DOUBLES <= month < NEW_TYPES else pa.int64()
    columns = {
        "VendorID": id_,
        "tpep_pickup_datetime": pa.timestamp("us"),
        "tpep_dropoff_datetime": pa.timestamp("us"),
        "passenger_count": count,
        "trip_distance": pa.float64(),
        "RatecodeID": count,
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
        "congestion_surcharge": pa.float64() if month >= CONGESTION_SURCHARGE else pa.null(),
        "Airport_fee" if month >= NEW_TYPES else "airport_fee": pa.float64() if month >= AIRPORT_FEE else pa.null(),
    }
    return columns | ({"cbd_congestion_fee": pa.float64()} if month >= CBD_FEE else {})


def _green(month: Month) -> dict[str, pa.DataType]:
    import pyarrow as pa

    id_, text = _id_and_text(month)
    count = pa.int64() if month >= NEW_TYPES else pa.float64()
    columns = {
        "VendorID": id_,
        "lpep_pickup_datetime": pa.timestamp("us"),
        "lpep_dropoff_datetime": pa.timestamp("us"),
        "store_and_fwd_flag": text,
        "RatecodeID": count,
        "PULocationID": id_,
        "DOLocationID": id_,
        "passenger_count": count,
        "trip_distance": pa.float64(),
        "fare_amount": pa.float64(),
        "extra": pa.float64(),
        "mta_tax": pa.float64(),
        "tip_amount": pa.float64(),
        "tolls_amount": pa.float64(),
        "ehail_fee": pa.float64() if month >= NEW_TYPES else pa.null(),
        "improvement_surcharge": pa.float64(),
        "total_amount": pa.float64(),
        "payment_type": count,
        "trip_type": count,
        "congestion_surcharge": pa.float64(),
    }
    return columns | ({"cbd_congestion_fee": pa.float64()} if month >= CBD_FEE else {})


def _fhv(month: Month) -> dict[str, pa.DataType]:
    """Of months since 2023-02 there was no file to look at: their types follow those of yellow and green."""
    import pyarrow as pa

    _, text = _id_and_text(month)
    id_ = pa.int32() if month >= NEW_TYPES else pa.float64()
    return {
        "dispatching_base_num": text,
        "pickup_datetime": pa.timestamp("us"),
        "dropOff_datetime": pa.timestamp("us"),
        "PUlocationID": id_,
        "DOlocationID": id_,
        "SR_Flag": pa.int32() if month >= NEW_TYPES else pa.null(),
        "Affiliated_base_number": text,
    }
