"""Rows that are made up for any table by its columns' types, so that a new model is given some as well.

Each column goes through all that its pool has, at a pace of its own; some rows are there twice. NaN and infinities are
not among the floats: a landed file's are set apart or refused, so no table has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakehouse.column_types import digits_of
from lakehouse.partition import Month
from lakehouse.schema import Column
from tests.googlesql.placing import Given

MONTH = Month(2024, 2)
"""It has a leap day."""

_INSTANT = timedelta(microseconds=1)
_TIMES = (
    MONTH.start,
    datetime(2024, 2, 29, 23, 30, 15, 500000),
    MONTH.end - _INSTANT,
    datetime(2024, 2, 29),
    datetime(2024, 2, 13, 12),
    MONTH.end,
    MONTH.start - _INSTANT,
    datetime(1, 1, 1),
    datetime(9999, 12, 31, 23, 59, 59, 999999),
    None,
)
TEXTS = (
    *("Y", "N", "fhv", "", " ", "é", "e\u0301", "ß", "SS", "東京 😀", "O'Hara", 'a"b\\c', "two\nlines", " B00001 "),
    *("12.5", "-7", "1.", "1e3", "\u0663", "?", None),
)
POOLS: Mapping[str, Sequence[Any]] = {
    "INT64": (1, 2, 3, 0, None, 5, 6, 264, 265, 999, -1, 99, 2**40),
    "FLOAT64": (0.0, None, 0.1, -73.9712, 40.5, -0.0, 1e300, -90.0, 5e-324, 180.0),
    "BOOL": (True, False, None),
    "STRING": TEXTS,
    "DATE": (date(2024, 2, 1), date(2024, 2, 29), None, date(2024, 3, 1), date(2024, 1, 31), date(1, 1, 1)),
    "DATETIME": _TIMES,
    "TIMESTAMP": tuple(None if each is None else each.replace(tzinfo=UTC) for each in _TIMES),
}
_AMOUNTS = ("0", "12.34", "-12.34", "0.01", "-0.01", None, "99999999.99", "7.5", "1000.01")
_COPIES = ("copies", (1, 1, 2, 3))
_ROWS = len(TEXTS) + 1
_TWICE = 5


def rows_of(columns: Iterable[Column], rows: int = _ROWS, seed: int = 0) -> Given:
    """Rows of a table with these columns; another seed, others."""
    columns = tuple(columns)
    made = [tuple(_value(column, row, place + seed) for place, column in enumerate(columns)) for row in range(rows)]
    return Given({column.name: column.type for column in columns}, [*made, *made[:_TWICE]])


def _value(column: Column, row: int, place: int) -> Any:
    name, copies = _COPIES
    pool = copies if column.name == name else _pool(column)
    # Within one turn of a pool each column has its next value; how far a turn shifts differs from column to column.
    return pool[(row + place * 7 + row // len(pool) * (place % 5)) % len(pool)]


def _pool(column: Column) -> Sequence[Any]:
    digits = digits_of(column.type)
    if digits is None:
        return POOLS[column.type]
    unit = Decimal(1).scaleb(-digits[1])
    return [None if each is None else Decimal(each).quantize(unit) for each in _AMOUNTS]
