"""Which times there are: those that every table format and Python can describe."""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models import dialect

_FIRST_TIME, _LAST_TIME = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"


def outside_calendar(time: exp.Expr, type_: str) -> exp.Expr:
    """True of times that no table format here can describe; a file's own type may be too short for the bounds."""
    wide = "TIMESTAMP" if type_ == "TIMESTAMP" else "DATETIME"
    zone = "+00:00" if type_ == "TIMESTAMP" else ""
    first, last = (dialect.cast(exp.Literal.string(text + zone), wide) for text in (_FIRST_TIME, _LAST_TIME))
    time = dialect.cast(time, wide)
    return exp.or_(exp.LT(this=time, expression=first), exp.GT(this=time.copy(), expression=last))
