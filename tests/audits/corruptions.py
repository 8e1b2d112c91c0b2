"""Ways in which a month's file may be wrong, each as what is made of the right one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa

from tests import green_files
from tests.audits.months import MONTH, Row, rows

Corruption = Callable[[], pa.Table]


def _each(change: Callable[[Row], Row], when: Callable[[Row], bool] = lambda _: True) -> Corruption:
    """Every record changed of which something is true."""
    return lambda: _table([{**row, **change(row)} if when(row) else row for row in rows(MONTH)])


def _only(keep: Callable[[Row], bool]) -> Corruption:
    """Only the records of which something is true."""
    return lambda: _table([row for row in rows(MONTH) if keep(row)])


def _swapped(one: str, other: str) -> Corruption:
    return _each(lambda row: {one: row[other], other: row[one]})


def _shifted(hours: float) -> Corruption:
    by = timedelta(hours=hours)
    return _each(
        lambda row: {
            "lpep_pickup_datetime": row["lpep_pickup_datetime"] + by,
            "lpep_dropoff_datetime": row["lpep_dropoff_datetime"] + by,
        }
    )


def _without(*columns: str) -> Corruption:
    return lambda: _table(rows(MONTH)).drop_columns(list(columns))


def _emptied(column: str) -> Corruption:
    return _each(lambda _: {column: None})


def _untyped(column: str) -> Corruption:
    def changed() -> pa.Table:
        table = _table(rows(MONTH))
        return table.set_column(table.schema.get_field_index(column), column, pa.nulls(len(table)))

    return changed


def _added(column: str) -> Corruption:
    return lambda: _table(rows(MONTH)).append_column(column, pa.nulls(len(rows(MONTH)), pa.float64()))


def _times(column: str, by: float) -> Corruption:
    return _each(lambda row: {column: None if row[column] is None else round(row[column] * by, 2)})


def _money(change: Callable[[float], float]) -> Corruption:
    return _each(lambda row: {name: round(change(row[name]), 2) for name in MONEY})


def _copies(times: int) -> Corruption:
    return lambda: _table(rows(MONTH) * times)


def _table(records: list[dict[str, Any]]) -> pa.Table:
    return green_files.table(records, "since 2023-02")


MONEY = (
    *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"),
    *("congestion_surcharge", "total_amount"),
)

CORRUPTIONS: dict[str, Corruption] = {
    # Columns
    "pickup and drop-off zone swapped": _swapped("PULocationID", "DOLocationID"),
    "pickup and drop-off time swapped": _swapped("lpep_pickup_datetime", "lpep_dropoff_datetime"),
    "tip and total swapped": _swapped("tip_amount", "total_amount"),
    "fare and tip swapped": _swapped("fare_amount", "tip_amount"),
    "vendor and payment type swapped": _swapped("VendorID", "payment_type"),
    "rate code and passengers swapped": _swapped("RatecodeID", "passenger_count"),
    "tip column missing": _without("tip_amount"),
    "fare, tip and payment type missing": _without("fare_amount", "tip_amount", "payment_type"),
    "passengers missing": _without("passenger_count"),
    "total without a type": _untyped("total_amount"),
    "trip type without a type": _untyped("trip_type"),
    "a column nobody knows": _added("surge_fee"),
    "payment type empty": _emptied("payment_type"),
    "tip empty": _emptied("tip_amount"),
    "total empty": _emptied("total_amount"),
    "drop-off zone empty": _emptied("DOLocationID"),
    "drop-off time empty": _emptied("lpep_dropoff_datetime"),
    # Money and miles
    "cents for dollars": _money(lambda amount: amount * 100),
    "dollars for cents": _money(lambda amount: amount / 100),
    "money halved": _money(lambda amount: amount / 2),
    "sign of money flipped": _money(lambda amount: -amount),
    "money without its cents": _money(lambda amount: float(int(amount))),
    "voids without their sign": _money(abs),
    "tips doubled": _times("tip_amount", 2),
    "tips zero": _each(lambda _: {"tip_amount": 0.0}),
    "total a tenth": _times("total_amount", 0.1),
    "half a cent more of everything": lambda: _table(
        [{**row, **{name: row[name] + 0.005 for name in MONEY}} for row in rows(MONTH)]
    ),
    "kilometres for miles": _times("trip_distance", 1.609),
    "metres for miles": _times("trip_distance", 1609),
    "miles negative": _times("trip_distance", -1),
    "miles zero": _each(lambda _: {"trip_distance": 0.0}),
    # Time
    "an hour later": _shifted(1),
    "in UTC": _shifted(5),
    "a day later": _shifted(24),
    "a month earlier": _shifted(-24 * 31),
    "drop-off before pickup": _each(
        lambda row: {"lpep_dropoff_datetime": row["lpep_pickup_datetime"] - timedelta(minutes=5)}
    ),
    "midnight for the hour": _each(
        lambda row: {
            name: row[name].replace(hour=0, minute=0, second=0)
            for name in ("lpep_pickup_datetime", "lpep_dropoff_datetime")
        }
    ),
    "all trips on one day": _each(
        lambda row: {name: row[name].replace(day=15) for name in ("lpep_pickup_datetime", "lpep_dropoff_datetime")}
    ),
    # Codes and zones
    "zones off by one": _each(lambda row: {name: row[name] + 1 for name in ("PULocationID", "DOLocationID")}),
    "all zones unknown": _each(lambda _: {"PULocationID": 264, "DOLocationID": 264}),
    "one zone that is none": _each(lambda _: {"PULocationID": 300}, lambda row: row["PULocationID"] == 74),
    "payment types off by one": _each(
        lambda row: {"payment_type": row["payment_type"] + 1}, lambda row: row["payment_type"] is not None
    ),
    "payment types that nobody knows": _each(lambda _: {"payment_type": 77}),
    "vendors that nobody knows": _each(lambda _: {"VendorID": 9}),
    "all from one vendor": _each(lambda _: {"VendorID": 1}),
    # Records
    "half a month": _only(lambda row: row["lpep_pickup_datetime"].day <= 15),
    "a day missing": _only(lambda row: row["lpep_pickup_datetime"].day != 10),
    "one vendor missing": _only(lambda row: row["VendorID"] != 1),
    "the null block missing": _only(lambda row: row["payment_type"] is not None),
    "voids missing": _only(lambda row: row["total_amount"] >= 0),
    "no cash": _only(lambda row: row["payment_type"] != 2),
    "one record of ten": _only(lambda row: row["lpep_pickup_datetime"].second % 10 == 0),
    "every record twice": _copies(2),
    "one record a hundred times": lambda: _table([*rows(MONTH), *rows(MONTH)[:1] * 100]),
    "another month": lambda: _table(rows(MONTH.previous())),
    "another month with its own": lambda: _table([*rows(MONTH), *rows(MONTH.previous())[:40]]),
}
"""What is wrong, in words, and the file that is."""
