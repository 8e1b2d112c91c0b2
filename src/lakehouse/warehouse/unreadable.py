"""Records with a value that their columns cannot hold: set apart from the others, as they are to be rejected.

What finds them costs, so it is computed of those columns only of which it is known that they have such values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from lakehouse.bronze.projection import LANDED, Projection
from lakehouse.column_types import digits_of
from lakehouse.models import dialect
from lakehouse.warehouse.calendar import outside_calendar


def set_apart(projection: Projection, columns: Collection[str]) -> Projection:
    """The projection with NULL for what cannot be read in those of its columns, and with what tells such a record."""
    casts = {
        cast.name: cast for cast in (*projection.times, *projection.reals, *projection.numbers) if cast.name in columns
    }
    if not casts:
        return projection
    select, first = projection.select.copy(), exp.Case()
    for column in select.selects:
        cast = casts.get(column.alias)
        if cast is None:
            continue
        source = exp.column(cast.source, table=LANDED, quoted=True)
        is_bad = (outside_calendar if cast in projection.times else is_no_number)(source.copy(), cast.type)
        # Not by what a cast gives alone: an engine may tell that from a file's statistics, which leave NaN out.
        value = exp.If(this=is_bad, true=exp.Null(), false=column.this.transform(_tried))
        column.set("this", value)
        is_lost = exp.and_(source.copy().is_(exp.Null()).not_(), value.copy().is_(exp.Null()))
        first = first.when(is_lost, exp.Literal.string(cast.name))
    return replace(projection, select=select, unreadable=first)


def is_no_number(number: exp.Expr, type_: str) -> exp.Expr:
    """True of NaN, infinities and what a type of exact numbers does not hold."""
    number = dialect.cast(number, "FLOAT64")
    is_none = exp.or_(exp.IsNan(this=number), exp.IsInf(this=number.copy()))
    if type_ == "FLOAT64":
        return is_none
    bound = exp.Literal.number(repr(_least_too_large(type_)))
    too_large = exp.or_(
        exp.GTE(this=number.copy(), expression=bound),
        exp.LTE(this=number.copy(), expression=exp.Neg(this=bound.copy())),
    )
    return exp.or_(is_none, too_large)


def _least_too_large(type_: str) -> float:
    """The least number that an exact type does not hold once it is rounded to the type's own digits."""
    digits = digits_of(type_)
    if digits is None:
        return float(2**63)
    precision, scale = digits
    return float(Decimal(10) ** (precision - scale) - Decimal(5).scaleb(-scale - 1))


def _tried(node: exp.Expr) -> exp.Expr:
    """A cast that gives NULL where it cannot be made."""
    return exp.TryCast(this=node.this, to=node.to) if type(node) is exp.Cast else node
