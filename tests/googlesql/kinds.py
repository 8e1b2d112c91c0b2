"""A dataset with a column for each type that a contract may give one, from each kind of column that may become it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dlt_sources.dataset import MonthlyDataset
from lakehouse.bronze.contract import _CASTABLE, Contract
from lakehouse.bronze.contracts.columns import column
from lakehouse.partition import Month

MONTH = Month(2024, 2)
KINDS, TEXTS = "kinds_bronze", "texts_bronze"

_TYPES = ("INT64", "FLOAT64", "NUMERIC(18,2)", "NUMERIC(20,4)", "BOOL", "DATE", "DATETIME", "TIMESTAMP", "STRING")
_ARROW: Mapping[str, Sequence[pa.DataType]] = {
    "integer": (pa.int64(), pa.int32(), pa.decimal128(12, 0)),
    "float": (pa.float64(),),
    "float32": (pa.float32(),),
    "decimal": (pa.decimal128(12, 1), pa.decimal128(20, 6)),
    "bool": (pa.bool_(),),
    "date": (pa.date32(),),
    "datetime": (pa.timestamp("us"),),
    "timestamp": (pa.timestamp("us", tz="America/New_York"),),
    "string": (pa.string(), pa.large_string()),
    "null": (pa.null(),),
}
_ORDER, _KEY = "moment", "id"


@dataclass(frozen=True)
class Made:
    """A column, the canonical one and that of the file, which has the same name."""

    name: str
    type: str
    kind: str
    arrow: pa.DataType


def _every() -> Iterator[Made]:
    for type_ in _TYPES:
        for kind in (*sorted(_CASTABLE[type_.partition("(")[0]] - {"untyped"}), "null"):
            for arrow in _ARROW[kind]:
                words = f"{type_} from {arrow}".lower()
                yield Made("".join(each if each.isalnum() else "_" for each in words).strip("_"), type_, kind, arrow)


COLUMNS = tuple(_every())


def _contract(dataset: str, suffix: str, columns: Mapping[str, str]) -> Contract:
    keys = (column(_KEY, "INT64", _KEY, "Number", required=True), column(_ORDER, "DATETIME", _ORDER, "When"))
    others = (column(name, type_, name, "Value", "m") for name, type_ in columns.items())
    described = MonthlyDataset(name=dataset, description="Values.", suffix=suffix, first=Month(2020, 1))
    return Contract(described, _ORDER, (*keys, *others))


CONTRACTS_OF_KINDS: Mapping[str, Contract] = {
    KINDS: _contract("kinds", "parquet", {each.name: each.type for each in COLUMNS}),
    TEXTS: _contract("texts", "csv", {f"as_{n}": type_ for n, type_ in enumerate(_TYPES)}),
}


def model(asset: str, table: str, checks: Iterable[str] = ()) -> str:
    """A model that passes all columns on, and rejects records that cannot be read; checks as a header has them."""
    names = [each.column.name for each in CONTRACTS_OF_KINDS[asset].canonical]
    listed = ",\n  ".join((*names, "copies", "bronze_sha256"))
    outside = f"{_ORDER} < @partition_start OR {_ORDER} >= @partition_end"
    rules = f"reject:\n  no_time: {_ORDER} IS NULL\n  other_month: {outside}"
    head = f"description: Values\ntable: {table}\ngrain: record\nidentity: [{_KEY}]\npartition: {_ORDER}\n{rules}"
    head += "".join(["\nchecks:", *(f"\n  - {check}" for check in checks)]) if checks else ""
    return f"/*\n{head}\n*/\nSELECT\n  {listed}\nFROM bronze.{asset}\n"


_NUMBERS = (0, 1, -1, 265, 65536)
_TIMES = (datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))
_VALUES: Mapping[str, Sequence[Any]] = {
    "integer": (*_NUMBERS, 2**31 - 1),
    "float": tuple(map(float, _NUMBERS)),
    "float32": tuple(map(float, _NUMBERS)),
    "decimal": tuple(map(Decimal, _NUMBERS)),
    "bool": (True, False),
    "date": (date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)),
    "datetime": _TIMES,
    "timestamp": tuple(each.replace(tzinfo=UTC) for each in _TIMES),
    "string": ("", " ", "é", "東京 😀", 'O\'Hara \\ "x"\n', "A" * 70),
    "null": (),
}
"""By the kind of a column, values that every type holds that it may become."""


def table(changes: Mapping[str, pa.Array] | None = None) -> pa.Table:
    """A file of the month: each column goes through its values and NULL, so that all rows differ.

    ``changes`` are other values of columns, by name, from the first row on.
    """
    rows = 1 + max(map(len, _VALUES.values()))
    columns: dict[str, pa.Array] = {
        _KEY: pa.array(range(rows), pa.int64()),
        _ORDER: pa.array([MONTH.start + timedelta(days=3 * row) for row in range(rows)], pa.timestamp("us")),
    }
    for each in COLUMNS:
        values = [*_VALUES[each.kind], None]
        columns[each.name] = _array([values[row % len(values)] for row in range(rows)], each.arrow)
    for name, changed in (changes or {}).items():
        held = columns[name]
        columns[name] = pa.concat_arrays([changed, held[len(changed) :]])
    return pa.table(columns)


_AFTER_9999: Mapping[str, tuple[int, pa.DataType]] = {
    "date": (2_932_897, pa.int32()),
    "datetime": (253_402_300_800_000_000, pa.int64()),
    "timestamp": (253_402_300_800_000_000, pa.int64()),
}
_NAN, _INFINITY = float("nan"), float("inf")

NO_TIMES: Mapping[str, pa.Array] = {
    each.name: pa.array([_AFTER_9999[each.kind][0]], _AFTER_9999[each.kind][1]).cast(each.arrow)
    for each in COLUMNS
    if each.kind in _AFTER_9999
}
"""Times that no calendar has, by the name of the column; BigQuery has no such values at all."""

NO_NUMBERS: Mapping[str, pa.Array] = {
    each.name: pa.array([_NAN] if each.type == "NUMERIC(20,4)" else [_NAN, _INFINITY, -1e30, _NAN], each.arrow)
    for each in COLUMNS
    if each.kind in ("float", "float32")
}
"""Numbers that their columns cannot hold: records of them are set apart."""

ROUNDED: Mapping[str, pa.Array] = {
    each.name: pa.array([2.5, -0.125, _NAN, 1e17, 0.00005, None], each.arrow)
    for each in COLUMNS
    if each.kind == "float"
} | {each.name: pa.array([Decimal("2.5"), Decimal("-0.3")], each.arrow) for each in COLUMNS if each.kind == "decimal"}
"""Numbers that their columns hold as others, which refuses a file or is told of."""


def _array(values: Sequence[Any], arrow: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return pa.array(values, pa.timestamp("us", tz="UTC")).cast(arrow)
    return pa.array(values, arrow)


_READABLE: Mapping[str, Sequence[str]] = {
    "INT64": ("1", "-20", "+3", " 4 "),
    "FLOAT64": ("1.5", "-2e3", ".5", "1.", "9" * 20, "1e-400"),
    "NUMERIC": ("1.25", "-0.5", "007", ".5", "1.50000"),
    "BOOL": ("true", "FALSE"),
    "DATE": ("2024-02-29", "0001-01-01", "9999-12-31"),
    "DATETIME": ("2024-02-29 23:59:59.999999", "2024-02-29T00:00:00", "0001-01-01 00:00:00.5"),
    "TIMESTAMP": ("2024-02-29T23:59:59.5-05:00", "2024-02-29 00:00:00Z", "2024-02-29 00:00:00.123456+13:45"),
    "STRING": ("é", " O'Hara ", "東京", "two\nlines"),
}
_UNREADABLE: Mapping[str, Sequence[str]] = {
    "INT64": ("1.5", "1_000", "\u0663", "0x1f", "9" * 19, "1e3", "-", "true"),
    "FLOAT64": ("1e999", "NaN", "inf", "1,5", "1e", "0x1p3", "1_0", "-1e999"),
    "NUMERIC": ("1.2345678", "9" * 17, "1e3", "", ".", "NaN", "1.5.2"),
    "BOOL": ("t", "1", "yes", "0", " true"),
    "DATE": ("2024-02-30", "2023-02-29", "0000-01-01", "2024-2-1", "10000-01-01", "2024-13-01"),
    "DATETIME": ("2024-02-30 00:00:00", "2024-02-29", "2024-02-29 24:00:00", "2024-02-29 23:59:60", "now"),
    "TIMESTAMP": (
        "2024-02-29 00:00:00",
        "9999-12-31 23:59:59-14:00",
        "0001-01-01 00:00:00+14:00",
        "2024-02-30 00:00:00Z",
    ),
    "STRING": ("\u00a0",),
}


def csv_text(*, readable: bool) -> str:
    """A file of the month, all of it text that can be read, or in each column also such as cannot be."""
    lines = [[_KEY, _ORDER, *(f"as_{n}" for n in range(len(_TYPES)))]]
    for row in range(9):
        pools = ((type_.partition("(")[0], n) for n, type_ in enumerate(_TYPES))
        values = [_text(base, row + n, readable=readable) for base, n in pools]
        lines.append([str(row), (MONTH.start + timedelta(days=3 * row)).isoformat(sep=" "), *values])
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def _text(base: str, row: int, *, readable: bool) -> str:
    pool = [*_READABLE[base], "", *(() if readable else _UNREADABLE[base])]
    return pool[row % len(pool)]
