"""Types of columns, as BigQuery calls them: which there are, and what files hold for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NUMERIC = "NUMERIC(18,2)"
"""Money and miles: exact, two decimals."""

_TYPE = re.compile(r"INT64|FLOAT64|BOOL|STRING|DATE|DATETIME|TIMESTAMP|NUMERIC\((?P<precision>\d+),(?P<scale>\d)\)")

DECLARABLE = "INT64, FLOAT64, BOOL, STRING, DATE, DATETIME, TIMESTAMP or NUMERIC(p,s)"
"""The types that a column may be declared with, in words."""


def is_declarable(type_: str) -> bool:
    """Whether a column may be declared with this type; NUMERIC needs its precision, which engines disagree on."""
    digits = digits_of(type_)
    if digits is None:
        return _TYPE.fullmatch(type_) is not None
    precision, scale = digits
    return scale <= precision <= 29 + scale  # BigQuery's own bounds


def digits_of(type_: str) -> tuple[int, int] | None:
    """Precision and scale of a NUMERIC; None of any other type."""
    match = _TYPE.fullmatch(type_)
    return None if match is None or match["precision"] is None else (int(match["precision"]), int(match["scale"]))


def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type of a column that is declared with this type, as files hold it."""
    import pyarrow as pa

    if digits := digits_of(type_):
        return pa.decimal128(*digits)
    simple: dict[str, pa.DataType] = {
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "DATETIME": pa.timestamp("us"),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    }
    return simple[type_]
