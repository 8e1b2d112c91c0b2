"""A generated month of yellow taxi trips of any size, with the types of files since 2023-02, for the benchmarks.

    python -m bench.generate --rows 3000000 --month 2024-05 --out /tmp/yellow.parquet

The same arguments give the same rows. Zones, hours, vendors and payments are skewed as in TLC's files; there
are refunds, the block of records without passenger count and rate code, pickups outside the month, drop-offs
before pickups and exact duplicates. The file's key-value metadata says that it is a sample.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.month import Month

ROWS = 3_000_000
SAMPLE_METADATA = {"lakehouse.sample": "true", "lakehouse.note": "generated for a benchmark; no real trips"}

_ROW_GROUP_ROWS = 1_048_576
_OUTSIDE_SHARE = 0.0004
_BACKWARDS_SHARE = 0.0005
_DUPLICATE_SHARE = 0.0005
_REFUND_SHARE = 0.004
_NULL_BLOCK_SHARE = 0.06
_HOURLY = (3, 2, 1.5, 1, 1, 1.2, 2, 4, 5, 5, 5, 5.5, 6, 6, 6.5, 7, 7.5, 8, 7.5, 7, 6, 5.5, 5, 4)
_ZONES = 265

Numbers = npt.NDArray[Any]

SCHEMA = pa.schema(
    [
        ("VendorID", pa.int32()),
        ("tpep_pickup_datetime", pa.timestamp("us")),
        ("tpep_dropoff_datetime", pa.timestamp("us")),
        ("passenger_count", pa.int64()),
        ("trip_distance", pa.float64()),
        ("RatecodeID", pa.int64()),
        ("store_and_fwd_flag", pa.large_string()),
        ("PULocationID", pa.int32()),
        ("DOLocationID", pa.int32()),
        ("payment_type", pa.int64()),
        ("fare_amount", pa.float64()),
        ("extra", pa.float64()),
        ("mta_tax", pa.float64()),
        ("tip_amount", pa.float64()),
        ("tolls_amount", pa.float64()),
        ("improvement_surcharge", pa.float64()),
        ("total_amount", pa.float64()),
        ("congestion_surcharge", pa.float64()),
        ("Airport_fee", pa.float64()),
    ]
)
"""Of a yellow file as published since 2023-02."""


@dataclass(frozen=True)
class Generated:
    """What was written, so that a benchmark can check what came out against what went in."""

    path: Path
    rows: int
    duplicates: int
    outside: int
    backwards: int


def write_month(path: Path, month: Month, rows: int = ROWS, seed: int = 1) -> Generated:
    """Write a month of ``rows`` records in all, duplicates among them."""
    rng = np.random.default_rng([seed, month.year, month.month])
    duplicates = int(rows * _DUPLICATE_SHARE)
    distinct = rows - duplicates
    columns, outside, backwards = _columns(rng, month, distinct)
    table = pa.table(columns).select(SCHEMA.names).cast(SCHEMA)
    # Not among the rejected, so that every copy made here is a copy that silver must fold.
    sound = np.flatnonzero(~(outside | backwards))
    copied = rng.choice(sound, duplicates, replace=False) if duplicates else np.empty(0, dtype=np.int64)
    table = pa.concat_tables([table, table.take(pa.array(copied))]).replace_schema_metadata(SAMPLE_METADATA)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    pq.write_table(table, partial, compression="zstd", row_group_size=_ROW_GROUP_ROWS)
    partial.replace(path)
    return Generated(path, table.num_rows, duplicates, int(outside.sum()), int((backwards & ~outside).sum()))


def _columns(rng: np.random.Generator, month: Month, count: int) -> tuple[dict[str, Any], Numbers, Numbers]:
    pickup = _pickups(rng, month, count)
    duration = np.clip(rng.lognormal(6.5, 0.65, count), 1, 86_399).astype("timedelta64[s]")
    dropoff = pickup + duration
    outside = rng.random(count) < _OUTSIDE_SHARE
    shift = rng.integers(32, 5_000, int(outside.sum())).astype("timedelta64[D]")
    pickup[outside] -= shift
    dropoff[outside] -= shift
    backwards = rng.random(count) < _BACKWARDS_SHARE
    dropoff[backwards] = pickup[backwards] - np.timedelta64(60, "s")

    seconds = duration.astype(np.int64)
    payment = rng.choice(np.array([1, 2, 3, 4, 5]), count, p=[0.66, 0.32, 0.012, 0.005, 0.003])
    miles = np.round(rng.lognormal(0.7, 0.8, count), 2)
    fare = np.round(3 + np.round(miles * 5) * 0.7 + np.round(seconds / 60 * 0.7) * 0.7, 2)
    tip = np.round(fare * rng.choice([0, 0.15, 0.2, 0.25, 0.3], count, p=[0.1, 0.25, 0.4, 0.15, 0.1]), 2)
    money = {
        "fare_amount": fare,
        "extra": rng.choice([0, 0.5, 1, 2.5, 2.75], count, p=[0.5, 0.2, 0.2, 0.07, 0.03]),
        "mta_tax": rng.choice([0, 0.5, 1.5], count, p=[0.1, 0.8, 0.1]),
        "tip_amount": np.where(payment == 1, tip, 0.0),
        "tolls_amount": np.where(rng.random(count) < 0.03, 6.94, 0.0),
        "improvement_surcharge": rng.choice([0, 0.3, 1], count, p=[0.03, 0.07, 0.9]),
        "congestion_surcharge": np.where(rng.random(count) < 0.3, 2.75, 0.0),
        "Airport_fee": np.where(rng.random(count) < 0.08, 1.75, 0.0),
    }
    refunded = rng.random(count) < _REFUND_SHARE
    money = {name: np.where(refunded, -amounts, amounts) for name, amounts in money.items()}
    money["total_amount"] = np.round(sum(money.values()), 2)

    missing = rng.random(count) < _NULL_BLOCK_SHARE
    optional = {
        "store_and_fwd_flag": np.where(rng.random(count) < 0.004, "Y", "N"),
        "RatecodeID": rng.choice(np.array([1, 2, 3, 4, 5, 99]), count, p=[0.93, 0.003, 0.001, 0.001, 0.064, 0.001]),
        "passenger_count": rng.choice(np.arange(7), count, p=[0.01, 0.84, 0.09, 0.02, 0.01, 0.02, 0.01]),
        "payment_type": payment,
        "congestion_surcharge": money.pop("congestion_surcharge"),
    }
    columns = {
        "VendorID": rng.choice(np.array([1, 2]), count, p=[0.13, 0.87]),
        "tpep_pickup_datetime": pickup,
        "tpep_dropoff_datetime": dropoff,
        "PULocationID": _zones(rng, count),
        "DOLocationID": _zones(rng, count),
        "trip_distance": miles,
        **money,
        **{name: pa.array(values, mask=missing) for name, values in optional.items()},
    }
    return columns, outside, backwards


def _pickups(rng: np.random.Generator, month: Month, count: int) -> Numbers:
    """Skewed over the hours of the day; in the file roughly but not strictly in order, as TLC's are."""
    days = (month.end - month.start).days
    weights = np.array(_HOURLY) / sum(_HOURLY)
    hours = rng.integers(0, days, count) * 24 + rng.choice(24, count, p=weights)
    hours = hours[np.argsort(hours + rng.normal(0, 30, count), kind="stable")]
    seconds = hours * 3600 + rng.integers(0, 3600, count)
    start = np.datetime64(month.start, "us")
    pickups: Numbers = start + seconds.astype("timedelta64[s]").astype("timedelta64[us]")
    return pickups


def _zones(rng: np.random.Generator, count: int) -> Numbers:
    """Some zones have most of the trips: Zipf's law over a shuffled list."""
    weights = 1 / np.arange(1, _ZONES + 1) ** 1.1
    zones: Numbers = (rng.permutation(_ZONES) + 1)[rng.choice(_ZONES, count, p=weights / weights.sum())]
    return zones


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--month", type=Month.parse, default=Month(2024, 5), help="YYYY-MM")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write")
    arguments = parser.parse_args()
    started = time.perf_counter()
    done = write_month(arguments.out, arguments.month, arguments.rows, arguments.seed)
    print(
        f"{done.path}: {done.rows:,} rows ({done.duplicates:,} duplicates, {done.outside:,} outside the month, "
        f"{done.backwards:,} drop-offs before pickup), {done.path.stat().st_size / 1e6:.1f} MB, "
        f"{time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    main()
