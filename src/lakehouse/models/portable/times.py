"""Dates and times as BigQuery has them: years 1 to 9999, weeks that begin on Sunday."""

from __future__ import annotations

import re

from sqlglot import exp

from lakehouse.models.portable.duck import duck, failure, once, put, shared, whole_literal
from lakehouse.models.portable.repeated import once_each
from lakehouse.models.portable.types import DATE, DATETIME, kind

_SHIFTED = (exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub)
_TRUNCATED = (exp.DateTrunc, exp.DatetimeTrunc, exp.TimestampTrunc)
_OUTSIDE = "a time before the year 1 or after 9999"
_BETWEEN = (
    "CASE WHEN v >= DATE '0001-01-01' AND v < DATE '10000-01-01' THEN CAST(v AS {type}) "
    "WHEN v IS NULL THEN NULL ELSE :error END"
)
_PARTS = {
    # part → the local engine's own expression of a time x
    "DAYOFWEEK": "EXTRACT(DAYOFWEEK FROM :x) + 1",
    "WEEK": "CAST(STRFTIME(:x, '%U') AS BIGINT)",
    "WEEK(MONDAY)": "CAST(STRFTIME(:x, '%W') AS BIGINT)",
    "ISOWEEK": "CAST(STRFTIME(:x, '%V') AS BIGINT)",
    "MILLISECOND": "EXTRACT(MILLISECOND FROM :x) % 1000",
    "MICROSECOND": "EXTRACT(MICROSECOND FROM :x) % 1000000",
    "DATE": "CAST(:x AS DATE)",
}


def unit_of(node: exp.Expr, argument: str = "unit") -> str:
    """DAY, WEEK(MONDAY) …: the part of a time that a function is about."""
    unit = node.args.get(argument)
    if not isinstance(unit, exp.Expr):
        return "DAY" if not isinstance(node, exp.LastDay) else "MONTH"
    name = unit.name.upper()
    if isinstance(unit, exp.WeekStart):
        return "WEEK" if name == "SUNDAY" else f"WEEK({name})"
    return name


def now(node: exp.Expr) -> exp.Expr:
    """``CURRENT_DATETIME`` is the clock of a zone, UTC's by itself."""
    if not isinstance(node, exp.CurrentDatetime):
        return node
    return duck("CAST(CURRENT_TIMESTAMP AT TIME ZONE :zone AS TIMESTAMP)", zone=node.this or exp.Literal.string("UTC"))


def extract(node: exp.Expr) -> exp.Expr:
    """Sunday is the first day of the week; parts of a second leave out the seconds."""
    if not isinstance(node, exp.Extract):
        return node
    template = _PARTS.get(unit_of(node, "this"))
    return duck(template, x=node.expression) if template is not None else node


def shifted(node: exp.Expr) -> exp.Expr:
    """A DATE moved by days, months or years is a DATE; one beyond the year 9999 is an error."""
    if not isinstance(node, _SHIFTED):
        return node
    return _in_calendar(node, node.this) if kind(node.this) in DATE | DATETIME else node


def truncated(node: exp.Expr) -> exp.Expr:
    """A DATE truncated is a DATE."""
    if not isinstance(node, (*_TRUNCATED, exp.LastDay)) or kind(node.this) not in DATE | DATETIME:
        return node
    moved, unit = node.this, unit_of(node)
    bound = once_each(node)
    if unit.startswith("WEEK") and unit != "WEEK(MONDAY)":
        return _in_calendar(bound, moved)
    return duck("CAST(:x AS DATE)", x=bound) if kind(moved) in DATE else bound


def from_days(node: exp.Expr) -> exp.Expr:
    """``DATE_FROM_UNIX_DATE`` gives a DATE."""
    if not isinstance(node, exp.DateFromUnixDate):
        return node
    return once(node, _BETWEEN.format(type="DATE"), error=failure(_OUTSIDE))


def from_parts(node: exp.Expr) -> exp.Expr:
    """``DATE`` and ``DATETIME`` of numbers: an error beyond the years 1 to 9999, and of an hour 24."""
    if not isinstance(node, (exp.DateFromParts, exp.TimestampFromParts)):
        return node
    bounds = [
        (name, least, most)
        for name, least, most in (("year", 1, 9999), ("hour", 0, 23))
        if (value := node.args.get(name)) is not None and whole_literal(value) not in range(least, most + 1)
    ]
    if not bounds:
        return node
    parts = list(node.iter_expressions())

    def checked(*names: exp.Expr) -> exp.Expr:
        made = put(node, parts, names)
        outside = [duck(f":x NOT BETWEEN {least} AND {most}", x=made.args[name]) for name, least, most in bounds]
        template = "CASE WHEN :outside THEN :error ELSE :x END"
        return duck(template, outside=exp.or_(*outside), error=failure(_OUTSIDE), x=made)

    return shared(checked, *parts)


def formatted(node: exp.Expr) -> exp.Expr:
    """Of a year before 1000 there is no ``%Y`` that both engines write; ``%R`` is ``%H:%M``."""
    if not isinstance(node, exp.TimeToStr) or not isinstance(node.args["format"], exp.Literal):
        return node
    pattern = re.sub(r"(?<!%)((?:%%)*)%R", r"\1%H:%M", node.args["format"].name)
    node.set("format", exp.Literal.string(pattern))
    if re.search(r"(?<!%)(?:%%)*%Y", pattern) is None:
        return node
    early, time = failure("the year in a text is before 1000"), node.this
    year = "CASE WHEN YEAR(:x) < 1000 THEN :error ELSE :text END"
    return shared(lambda x: duck(year, x=x, text=put(node, [time], [x]), error=early), time)


def _in_calendar(node: exp.Expr, moved: exp.Expr) -> exp.Expr:
    type_ = "DATE" if kind(moved) in DATE else "TIMESTAMP"
    if _is_near(moved) and _is_short(node.expression):
        return duck(f"CAST(:x AS {type_})", x=node)
    return once(node, _BETWEEN.format(type=type_), error=failure(_OUTSIDE))


def _is_near(moved: exp.Expr) -> bool:
    """Whether it is a time that is written there, or a bound of a month: one whose year is far from the last."""
    value = moved.this if isinstance(moved, exp.Cast) else moved
    return isinstance(value, exp.Parameter) or (value.is_string and "1000" < value.name < "9000")


def _is_short(amount: exp.Expr | None) -> bool:
    return amount is None or (isinstance(amount, exp.Literal) and amount.name.isdigit() and len(amount.name) < 4)
