"""Text as values of a type: only what every engine reads alike, for some would also take 1.5, as the INT64 2."""

from __future__ import annotations

from sqlglot import exp

from lakehouse.column_types import digits_of
from lakehouse.models import dialect
from lakehouse.warehouse.calendar import outside_calendar

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = _DAY + r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = "(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
_PATTERNS = {
    "INT64": (r"^\s*[+-]?[0-9]{1,18}\s*$", "whole numbers"),
    "FLOAT64": (r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$", "numbers"),
    "BOOL": ("^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$", "true or false"),
    "DATE": (f"^{_DAY}$", "dates such as 2024-01-31"),
    "DATETIME": (f"^{_TIME}$", "times without a zone such as 2024-01-31 12:00:00"),
    "TIMESTAMP": (f"^{_TIME}{_ZONE}$", "times with a zone such as 2024-01-31 12:00:00Z"),
}
_TIMES = frozenset({"DATE", "DATETIME", "TIMESTAMP"})


def meaning(type_: str) -> str:
    """What text has to hold to be values of a type, in words."""
    return _pattern(type_)[1]


def unread(column: exp.Column, type_: str) -> exp.Expr:
    """True of text that is not a value of a type: it looks otherwise, or there is no such value (2024-02-30, 1e999)."""
    looks_otherwise = exp.not_(exp.RegexpLike(this=column, expression=exp.Literal.string(_pattern(type_)[0])))
    if type_ not in _TIMES and type_ != "FLOAT64":
        return looks_otherwise
    read = exp.TryCast(this=column.copy(), to=exp.DataType.build(type_, dialect=dialect.BIGQUERY))
    is_null, is_text = exp.Is(this=read, expression=exp.Null()), exp.Is(this=column.copy(), expression=exp.Null())
    is_none = exp.and_(is_null, exp.not_(is_text))
    is_beyond = outside_calendar(read.copy(), type_) if type_ in _TIMES else exp.IsInf(this=read.copy())
    return exp.or_(looks_otherwise, is_none, is_beyond)


def _pattern(type_: str) -> tuple[str, str]:
    digits = digits_of(type_)
    if digits is None:
        return _PATTERNS[type_]
    whole, scale = digits[0] - digits[1], digits[1]
    before = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
    pattern = rf"^\s*[+-]?({before}(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{max(scale, 1)}}}0*)\s*$"
    return pattern, f"numbers of at most {whole} digits before the point and {scale} after it"
