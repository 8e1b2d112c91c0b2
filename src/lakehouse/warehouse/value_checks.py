"""The values of a landed file that a cast would change in silence: counted by one SELECT, and what that answers.

Each count is a query of its own over the file: an engine that keeps statistics of it, and dictionaries of its values,
then never decodes what those rule out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from lakehouse.bronze.projection import LANDED, Projection
from lakehouse.exceptions import ContractViolation
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS
from lakehouse.results import CheckResult
from lakehouse.warehouse.statements import Statement

_TOO_LARGE = 10**15
"""No amount, distance, count or id comes near it, and every engine's types hold it."""

_WHOLE_NUMBER = r"^\s*[+-]?[0-9]{1,18}\s*$"
"""Text that every engine reads as the same INT64; some would also take 1.5, as 2."""

_FIRST_TIME, _END_OF_TIME = "0001-01-01", "9999-12-31"
"""Times that every table format and Python can describe."""

_OUTSIDE, _SPLIT, _EXAMPLE, _ROUNDED = "outside_", "split_", "example_", "rounded_"


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
        """A warning where the file has columns nobody asked for, lacks one it had, or is finer than a cent."""
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
    for source, name in projection.times:
        counts[_OUTSIDE + name] = _count(_outside_calendar(_column(source)))
    for source, name in projection.whole_numbers:
        split = exp.NEQ(this=_column(source), expression=exp.func("TRUNC", _column(source)))
        counts |= {_SPLIT + name: _count(split), _EXAMPLE + name: _least(source, split)}
    for source, name in projection.digits:
        digits = exp.RegexpLike(this=_column(source), expression=exp.Literal.string(_WHOLE_NUMBER))
        counts |= {_SPLIT + name: _count(exp.not_(digits)), _EXAMPLE + name: _least(source, exp.not_(digits))}
    for source, name in projection.decimals:
        cents = exp.func("ROUND", _column(source), exp.Literal.number(2))
        counts[_ROUNDED + name] = _count(exp.NEQ(this=_column(source), expression=cents))
    return Statement(_named(counts)) if counts else None


def read_values(projection: Projection, found: Mapping[str, Any], file: str) -> Mapping[str, int]:
    """What the answer of a :func:`value_query` says: canonical column → how many values a cast would round.

    Raises:
        ContractViolation: a value that should be a whole number is not, or a time is none of the calendar's.
    """
    for source, name in projection.times:
        if found[_OUTSIDE + name]:
            raise _refusal(file, source, name, f"has {found[_OUTSIDE + name]} times outside the years 1 to 9999")
    for source, name in (*projection.whole_numbers, *projection.digits):
        if found[_SPLIT + name]:
            values = f"{found[_SPLIT + name]} values do not, for example {found[_EXAMPLE + name]}"
            raise _refusal(file, source, name, f"must hold whole numbers, but {values}")
    return {name: found[_ROUNDED + name] for _, name in projection.decimals if found[_ROUNDED + name]}


def number_query(projection: Projection) -> Statement | None:
    """Of each column of numbers how many values are none, or too large; None where there is no such column.

    Costly, as it reads all values, so it is asked only once a cast has refused one.
    """
    columns = (*projection.whole_numbers, *projection.decimals)
    # Counted by a condition, not by a filter: one that is answered from statistics would leave NaN out.
    counts: dict[str, exp.Expr] = {
        name: dialect.counted(exp.CountIf(this=_not_a_number(source))) for source, name in columns
    }
    return Statement(_named(counts).from_(LANDED)) if counts else None


def require_numbers(projection: Projection, found: Mapping[str, Any], file: str) -> None:
    """Refuse a file by the answer of a :func:`number_query`.

    Raises:
        ContractViolation: a column holds NaN, infinity or what its canonical type cannot.
    """
    for source, name in (*projection.whole_numbers, *projection.decimals):
        if found[name]:
            raise _refusal(file, source, name, f"has {found[name]} values that are not numbers or are too large")


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


def _not_a_number(source: str) -> exp.Expr:
    """True of NaN, infinities and what no type here holds."""
    number = dialect.cast(_column(source), "FLOAT64")
    too_large = exp.func("ABS", _column(source)) >= exp.Literal.number(_TOO_LARGE)
    return exp.or_(exp.IsNan(this=number), exp.IsInf(this=number.copy()), too_large)


def _outside_calendar(time: exp.Expr) -> exp.Expr:
    """True of times that no table format here can describe."""
    time = dialect.cast(time, "DATETIME")  # a file's own type may be too short for the bounds
    first, end = (dialect.cast(exp.Literal.string(text), "DATETIME") for text in (_FIRST_TIME, _END_OF_TIME))
    return exp.or_(exp.LT(this=time, expression=first), exp.GTE(this=time.copy(), expression=end))
