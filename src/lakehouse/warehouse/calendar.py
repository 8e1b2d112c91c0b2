"""Which times there are: those that every table format and Python can describe."""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models import dialect

_FIRST_DAY, _LAST_DAY = "0001-01-01", "9999-12-31"
_BOUNDS = {
    "DATE": (_FIRST_DAY, _LAST_DAY),
    "DATETIME": (f"{_FIRST_DAY} 00:00:00", f"{_LAST_DAY} 23:59:59.999999"),
    "TIMESTAMP": (f"{_FIRST_DAY} 00:00:00+00:00", f"{_LAST_DAY} 23:59:59.999999+00:00"),
}


def outside_calendar(time: exp.Expr, type_: str) -> exp.Expr:
    """True of times that no table format here can describe; a file's own type may be too short for the bounds."""
    first, last = (dialect.cast(exp.Literal.string(text), type_) for text in _BOUNDS[type_])
    time = dialect.cast(time, type_)
    return exp.or_(exp.LT(this=time, expression=first), exp.GT(this=time.copy(), expression=last))
