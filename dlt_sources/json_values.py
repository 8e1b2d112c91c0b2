"""Which JSON values are values of a column's type, and how dlt is told of the type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlt.common.schema.typing import TColumnSchema

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T00:00:00(\.0{1,6})?)?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?")
_MOMENT = re.compile(_TIME.pattern + r"(Z|[+-]\d{2}:\d{2})")


def hint(name: str, type_: str) -> TColumnSchema:
    """A column of one of the contract's types, in dlt's terms.

    Raises:
        KeyError: there is no such type.
    """
    column = _HINTS[type_.partition("(")[0]].copy()
    column["name"] = name
    return column


def fits(value: object, type_: str) -> bool:
    """Whether a value, as JSON or as text, is one of a type's, so that nothing is lost or guessed.

    A time without a zone is a DATETIME, one with a zone a TIMESTAMP: which zone is meant is nothing to guess.
    """
    return _FITS[type_.partition("(")[0]](value)


_HINTS: Mapping[str, TColumnSchema] = {
    "INT64": {"data_type": "bigint"},
    "FLOAT64": {"data_type": "double"},
    "NUMERIC": {"data_type": "double"},  # as JSON has it; its contract says how it is rounded
    "BOOL": {"data_type": "bool"},
    "STRING": {"data_type": "text"},
    "DATE": {"data_type": "date"},
    "DATETIME": {"data_type": "timestamp", "timezone": False},
    "TIMESTAMP": {"data_type": "timestamp"},
}


def _is_whole_number(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) is not None)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None and math.isfinite(float(value))
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _is_text_of(pattern: re.Pattern[str], read: Callable[[str], object]) -> Callable[[object], bool]:
    def matches(value: object) -> bool:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            return False
        try:
            read(value)
        except ValueError:  # it looks so, but there is no such day or hour
            return False
        return True

    return matches


_FITS: Mapping[str, Callable[[object], bool]] = {
    "INT64": _is_whole_number,
    "FLOAT64": _is_number,
    "NUMERIC": _is_number,
    "BOOL": _is_bool,
    "STRING": lambda value: not isinstance(value, list),
    "DATE": _is_text_of(_DAY, lambda text: date.fromisoformat(text[:10])),
    "DATETIME": _is_text_of(_TIME, datetime.fromisoformat),
    "TIMESTAMP": _is_text_of(_MOMENT, datetime.fromisoformat),
}
