"""The values of a landed file that a cast would change in silence: counted by one SELECT, and what that answers.

Each count is a query of its own over the file: an engine that keeps statistics of it, and dictionaries of its values,
then never decodes what those rule out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from lakehouse.bronze.projection import LANDED, Cast, Projection
from lakehouse.column_types import digits_of
from lakehouse.exceptions import ContractViolation
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS
from lakehouse.results import CheckResult
from lakehouse.warehouse.calendar import outside_calendar
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.text_values import meaning, unread
from lakehouse.warehouse.unreadable import is_no_number

_EXACT_FLOAT = 2**53
"""Whole numbers up to it are FLOAT64s, too; beyond it not each of them is."""

_FINE_SCALE = 2
"""Numbers of more decimals may be more than a FLOAT64 can tell apart."""

_SHORT_DIGITS = 24
"""Binary digits of a FLOAT32."""

_OUTSIDE, _SPLIT, _EXAMPLE, _ROUNDED = "outside_", "split_", "example_", "rounded_"


@dataclass(frozen=True)
class FoundValues:
    """How many values, by canonical column, a cast would round, and how many are no times or numbers though one takes
    them: after the year 9999, or NaN as a FLOAT64."""

    rounded: Mapping[str, int]
    outside: Mapping[str, int]


@dataclass(frozen=True)
class Drift:
    """How a file differs from its contract without violating it."""

    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    """Those of the absent columns that a file of its month should have."""
    rounded: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    """Records folded into others, of a dataset that comes whole; those of trips are counted in the ledger."""

    def with_duplicates(self, records: int) -> Drift:
        """The same of a file of which so many records are folded into others."""
        return replace(self, duplicates=records)

    def check(self) -> CheckResult:
        """A warning where the file has columns nobody asked for, lacks one it had, or has finer numbers."""
        facts: dict[str, str | int] = {f"{_ROUNDED}{name}": count for name, count in self.rounded.items()}
        for kind in ("unknown", "absent", "vanished"):
            if columns := getattr(self, kind):
                facts[f"{kind}_columns"] = ", ".join(columns)
        if self.duplicates:
            facts["duplicate_records"] = self.duplicates
        failing = len(self.unknown) + len(self.vanished) + len(self.rounded) + self.duplicates
        return CheckResult(
            name="contract_drift",
            passed=failing == 0,
            failing=failing,
            severity="warn",
            blocking=False,
            description=IMPLICIT_CHECKS["contract_drift"],
            facts=facts,
        )


def value_query(projection: Projection) -> Statement | None:
    """One row of counts over :data:`LANDED`, for :func:`read_values`; None where no cast could change anything."""
    counts: dict[str, exp.Expr] = {}

    def refuse(cast: Cast, where: exp.Expr) -> None:
        counts[_SPLIT + cast.name] = _count(where)
        counts[_EXAMPLE + cast.name] = _least(cast.source, where)

    for cast in projection.times:
        counts[_OUTSIDE + cast.name] = _count(outside_calendar(_column(cast.source), cast.type))
    for cast in projection.reals:
        # By a condition, not by a filter: one that is answered from statistics would leave NaN out.
        is_none = exp.CountIf(this=is_no_number(_column(cast.source), cast.type))
        counts[_OUTSIDE + cast.name] = exp.select(is_none).from_(LANDED).subquery()
    for cast in projection.whole_numbers:
        column = _column(cast.source)
        refuse(cast, _is_changed(column, exp.func("TRUNC", column.copy())))
    for cast in projection.floats:
        refuse(cast, _beyond(_column(cast.source), _EXACT_FLOAT))
    for cast in projection.texts:
        refuse(cast, unread(_column(cast.source), cast.type))
    for cast in (*projection.decimals, *projection.finer_decimals):
        column, scale = _column(cast.source), _scale(cast.type)
        counts[_ROUNDED + cast.name] = _count(_is_changed(column, _rounded(column, scale)))
        if cast in _too_fine(projection):
            is_number = exp.not_(exp.IsNan(this=column.copy()))  # which some engine holds greater than any other
            refuse(cast, exp.and_(_beyond(column.copy(), _EXACT_FLOAT // 10**scale), is_number))
    for cast in projection.short_decimals:
        counts[_ROUNDED + cast.name] = _count(_is_rounded_short(cast))
    return Statement(_named(counts)) if counts else None


def read_values(projection: Projection, found: Mapping[str, Any], file: str) -> FoundValues:
    """What the answer of a :func:`value_query` says.

    Raises:
        ContractViolation: a value that should be a whole number is not, say.
    """
    wanted = {
        **dict.fromkeys(projection.whole_numbers, "whole numbers"),
        **dict.fromkeys(projection.floats, f"whole numbers that a FLOAT64 can hold, up to {_EXACT_FLOAT:,}"),
        **dict.fromkeys(_too_fine(projection), "numbers whose decimals a FLOAT64 can tell apart"),
        **{cast: meaning(cast.type) for cast in projection.texts},
    }
    for (source, name, _), what in wanted.items():
        if found[_SPLIT + name]:
            values = f"{found[_SPLIT + name]} values do not, for example {found[_EXAMPLE + name]}"
            raise _refusal(file, source, name, f"must hold {what}, but {values}")
    decimals = (*projection.decimals, *projection.short_decimals, *projection.finer_decimals)
    rounded = {cast.name: found[_ROUNDED + cast.name] for cast in decimals}
    outside = {cast.name: found[_OUTSIDE + cast.name] for cast in (*projection.times, *projection.reals)}
    return FoundValues(_counted(rounded), _counted(outside))


def require_times(projection: Projection, outside: Mapping[str, int], file: str) -> None:
    """Refuse a file for times that no calendar has.

    Raises:
        ContractViolation: there are such.
    """
    for source, name, _ in projection.times:
        if name in outside:
            raise _refusal(file, source, name, f"has {outside[name]} times outside the years 1 to 9999")


def number_query(projection: Projection) -> Statement | None:
    """Of each column of numbers how many values are none, or too large; None where there is no such column.

    Costly, as it reads all values, so it is asked only once a cast has refused one.
    """
    # Counted by a condition, not by a filter: one that is answered from statistics would leave NaN out.
    counts: dict[str, exp.Expr] = {
        cast.name: dialect.counted(exp.CountIf(this=is_no_number(_column(cast.source), cast.type)))
        for cast in projection.numbers
    }
    return Statement(_named(counts).from_(LANDED)) if counts else None


def read_numbers(found: Mapping[str, Any]) -> Mapping[str, int]:
    """What the answer of a :func:`number_query` says: canonical column → how many values are none, or too large."""
    return _counted(found)


def require_numbers(projection: Projection, unreadable: Mapping[str, int], file: str) -> None:
    """Refuse a file for values that are not numbers.

    Raises:
        ContractViolation: a column holds NaN, infinity or what its canonical type cannot.
    """
    for source, name, _ in (*projection.numbers, *projection.reals):
        if name in unreadable:
            raise _refusal(file, source, name, f"has {unreadable[name]} values that are not numbers or are too large")


def _counted(counts: Mapping[str, int]) -> Mapping[str, int]:
    return {name: count for name, count in counts.items() if count}


def _refusal(file: str, source: str, name: str, problem: str) -> ContractViolation:
    return ContractViolation(
        f"{file}: column {source} ({name}) {problem}; nothing was changed. Check what the source published"
    )


def _column(source: str) -> exp.Column:
    return exp.column(source, quoted=True)


def _named(values: Mapping[str, exp.Expr]) -> exp.Select:
    return exp.select(*(exp.alias_(value, name, quoted=True) for name, value in values.items()))


def _count(where: exp.Expr) -> exp.Expr:
    return exp.select(exp.Count(this=exp.Star())).from_(LANDED).where(where).subquery()


def _least(source: str, where: exp.Expr) -> exp.Expr:
    return exp.select(exp.Min(this=_column(source))).from_(LANDED).where(where.copy()).subquery()


def _too_fine(projection: Projection) -> tuple[Cast, ...]:
    """Floats that become numbers of so many decimals that large ones have none of their own."""
    return tuple(cast for cast in projection.decimals if _scale(cast.type) > _FINE_SCALE)


def _is_rounded_short(cast: Cast) -> exp.Expr:
    """True of a FLOAT32 that does not become what it is.

    Up to the first of its powers of two whose neighbours are further apart than the decimals it becomes, its own digits
    tell: 0.07 is not 0.0700000003. Beyond, 1000000.375 may have been any of six amounts.
    """
    column, scale = _column(cast.source), _scale(cast.type)
    finer = _is_changed(column, _rounded(column, scale))
    digits = exp.TryCast(this=dialect.cast(column.copy(), "STRING"), to=dialect.cast(exp.Null(), cast.type).to)
    is_other = exp.NEQ(this=dialect.cast(digits, "FLOAT64"), expression=dialect.cast(column.copy(), "FLOAT64"))
    bound = 2 ** math.ceil(_SHORT_DIGITS - scale * math.log2(10) - 1)
    return exp.or_(finer, exp.and_(_beyond(column.copy(), bound), is_other))


def _rounded(column: exp.Column, scale: int) -> exp.Expr:
    return exp.func("ROUND", column.copy(), exp.Literal.number(scale))


def _is_changed(column: exp.Column, into: exp.Expr) -> exp.Expr:
    """True of numbers that become others; NaN, which to some engine is other than itself, is none."""
    return exp.and_(exp.NEQ(this=column, expression=into), column.copy().eq(column.copy()))


def _scale(type_: str) -> int:
    digits = digits_of(type_)
    if digits is None:
        raise TypeError(f"{type_} has no scale")
    return digits[1]


def _beyond(number: exp.Expr, bound: int) -> exp.Expr:
    """True of numbers beyond a bound on either side; their amount may be more than their type holds."""
    above = exp.GT(this=number, expression=exp.Literal.number(bound))
    below = exp.LT(this=number.copy(), expression=exp.Neg(this=exp.Literal.number(bound)))
    return exp.or_(above, below)
