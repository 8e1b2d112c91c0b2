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
