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
from lakehouse.schema import digits_of
from lakehouse.warehouse.statements import Statement

_TOO_LARGE = 10**15
"""No amount, distance, count or id comes near it, and every engine's types hold it."""

_EXACT_FLOAT = 2**53
"""Whole numbers up to it are FLOAT64s, too."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DAY + r"[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_PATTERNS = {
    "INT64": (r"^\s*[+-]?[0-9]{1,18}\s*$", "whole numbers"),
    "FLOAT64": (r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$", "numbers"),
    "BOOL": (r"^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$", "true or false"),
    "DATE": (f"^{_DAY}$", "dates such as 2024-01-31"),
    "DATETIME": (f"^{_MOMENT}$", "times without a zone such as 2024-01-31 12:00:00"),
    "TIMESTAMP": (_MOMENT.join(("^", r"(Z|[+-][0-9]{2}:[0-9]{2})$")), "times with a zone such as 2024-01-31 12:00:00Z"),
}
"""Text that every engine reads as the same value, and what that is; some would also take 1.5, as the INT64 2."""

_MAY_STILL_BE_NONE = frozenset({"FLOAT64", "DATE", "DATETIME", "TIMESTAMP"})
"""What looks like one may not be: 2024-02-30."""

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
    for source, name, _ in projection.times:
        counts[_OUTSIDE + name] = _count(_outside_calendar(_column(source)))
    for source, name, _ in projection.whole_numbers:
        split = exp.NEQ(this=_column(source), expression=exp.func("TRUNC", _column(source)))
        counts |= {_SPLIT + name: _count(split), _EXAMPLE + name: _least(source, split)}
    for source, name, _ in projection.floats:
        large = exp.func("ABS", _column(source)) > exp.Literal.number(_EXACT_FLOAT)
        counts |= {_SPLIT + name: _count(large), _EXAMPLE + name: _least(source, large)}
    for source, name, type_ in projection.texts:
        unread = _unread(source, type_)
        counts |= {_SPLIT + name: _count(unread), _EXAMPLE + name: _least(source, unread)}
    for source, name, type_ in projection.decimals:
        cents = exp.func("ROUND", _column(source), exp.Literal.number(_scale(type_)))
        counts[_ROUNDED + name] = _count(exp.NEQ(this=_column(source), expression=cents))
    return Statement(_named(counts)) if counts else None


def read_values(projection: Projection, found: Mapping[str, Any], file: str) -> Mapping[str, int]:
    """What the answer of a :func:`value_query` says: canonical column → how many values a cast would round.

    Raises:
        ContractViolation: a value that should be a whole number is not, or a time is none of the calendar's.
    """
    for source, name, _ in projection.times:
        if found[_OUTSIDE + name]:
            raise _refusal(file, source, name, f"has {found[_OUTSIDE + name]} times outside the years 1 to 9999")
    wanted = {
        **dict.fromkeys(projection.whole_numbers, "whole numbers"),
        **dict.fromkeys(projection.floats, f"whole numbers that a FLOAT64 can hold, up to {_EXACT_FLOAT:,}"),
        **{cast: _pattern(cast.type)[1] for cast in projection.texts},
    }
    for (source, name, _), what in wanted.items():
        if found[_SPLIT + name]:
            values = f"{found[_SPLIT + name]} values do not, for example {found[_EXAMPLE + name]}"
            raise _refusal(file, source, name, f"must hold {what}, but {values}")
    return {name: found[_ROUNDED + name] for _, name, _ in projection.decimals if found[_ROUNDED + name]}


def number_query(projection: Projection) -> Statement | None:
    """Of each column of numbers how many values are none, or too large; None where there is no such column.

    Costly, as it reads all values, so it is asked only once a cast has refused one.
    """
    columns = (*projection.whole_numbers, *projection.decimals)
    # Counted by a condition, not by a filter: one that is answered from statistics would leave NaN out.
    counts: dict[str, exp.Expr] = {
        name: dialect.counted(exp.CountIf(this=_not_a_number(source))) for source, name, _ in columns
    }
    return Statement(_named(counts).from_(LANDED)) if counts else None


def require_numbers(projection: Projection, found: Mapping[str, Any], file: str) -> None:
    """Refuse a file by the answer of a :func:`number_query`.

    Raises:
        ContractViolation: a column holds NaN, infinity or what its canonical type cannot.
    """
    for source, name, _ in (*projection.whole_numbers, *projection.decimals):
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


def _pattern(type_: str) -> tuple[str, str]:
    """The pattern of text that becomes a value of a type, and what such values are called."""
    digits = digits_of(type_)
    if digits is None:
        return _PATTERNS[type_]
    precision, scale = digits
    whole = min(precision - scale, 15)
    pattern = rf"^\s*[+-]?[0-9]{{1,{whole}}}(\.[0-9]{{0,{scale}}}0*)?\s*$"
    return pattern, f"numbers of at most {whole} digits before the point and {scale} after it"


def _unread(source: str, type_: str) -> exp.Expr:
    """True of text that is not, or cannot be read as, a value of a type."""
    looks_so = exp.RegexpLike(this=_column(source), expression=exp.Literal.string(_pattern(type_)[0]))
    if type_ not in _MAY_STILL_BE_NONE:
        return exp.not_(looks_so)
    read = exp.TryCast(this=_column(source), to=exp.DataType.build(type_, dialect=dialect.BIGQUERY))
    is_none = exp.and_(exp.Is(this=read, expression=exp.Null()), exp.not_(_is_null(source)))
    return exp.or_(exp.not_(looks_so), is_none)


def _is_null(source: str) -> exp.Expr:
    return exp.Is(this=_column(source), expression=exp.Null())


def _scale(type_: str) -> int:
    digits = digits_of(type_)
    if digits is None:
        raise TypeError(f"{type_} has no scale")
    return digits[1]


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
