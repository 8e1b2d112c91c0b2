"""All checks of a staged month as one statement, what its answer means, and what keeps a month from being published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.exceptions import CheckFailed, ModelError
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.checks.kinds import DATASETS_PRESENT, IMPLICIT_CHECKS, Unique
from lakehouse.models.model import PARTITION_END, PARTITION_START, SqlModel, audit_schema
from lakehouse.models.rejects import UNREADABLE_VALUE
from lakehouse.results import CheckResult, Ledger
from lakehouse.schema import UNREADABLE, rejected_count

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = "rows"
_OUTSIDE = "outside"
_DUPLICATES = "duplicates"
_CHECK_PREFIX = "check_"
_GRAIN = "check_grain"
MONTHS = "rejected_months"
"""The fact that tells of which other months records are that are rejected."""
_UNREADABLE = "unreadable_columns"


def audit_query(model: SqlModel, schema: dialect.Schema) -> exp.Query:
    """One row: the terms of the ledger and, for each check, how many rows fail it.

    Reads ``audit.staged`` and ``audit.rejected``; plain counts share one scan.
    """
    counts: dict[str, exp.Expr] = {ROWS: exp.Count(this=exp.Star())}
    if model.table.partition is not None:
        counts[_OUTSIDE] = exp.CountIf(this=outside_month(model))
    if model.rejected is not None:
        counts[_DUPLICATES] = exp.Sum(this=exp.column("copies") - 1)
        for reason in model.reject_reasons:
            matches = exp.column("reject_reason").eq(exp.Literal.string(reason))
            counts[rejected_count(reason)] = _count_rejected(matches)
    if model.grain:
        counts[_GRAIN] = Unique(type="unique", columns=model.grain).failing()
    for check in model.checks:
        counts[_CHECK_PREFIX + check.label] = check.failing()
    projections = [exp.alias_(dialect.counted(count), name) for name, count in counts.items()]
    if model.rejected is not None:
        projections.append(exp.alias_(_unreadable_columns(), _UNREADABLE))
    query = exp.select(*projections).from_(STAGED)
    return dialect.resolve(query, audit_schema(model, schema), f"checks of {model.key}", ModelError)


def outside_month(model: SqlModel) -> exp.Expr:
    """Which rows of a partitioned model are not of the month in hand, or of none.

    Raises:
        TypeError: the model has no partitions.
    """
    if model.table.partition is None:
        raise TypeError(f"{model.key} has no partitions")
    column = exp.column(model.table.partition)
    type_ = model.table.column(model.table.partition).type
    start, end = (exp.cast(exp.Parameter(this=exp.var(name)), type_) for name in (PARTITION_START, PARTITION_END))
    return exp.or_(column.is_(exp.Null()), column < start, exp.GTE(this=column.copy(), expression=end))


def _count_rejected(matches: exp.Expr) -> exp.Expr:
    return exp.select(exp.Count(this=exp.Star())).from_(REJECTED).where(matches).subquery()


def _unreadable_columns() -> exp.Expr:
    """The columns that records were rejected for, between commas."""
    names = f"STRING_AGG(DISTINCT {UNREADABLE.name}, ', ' ORDER BY {UNREADABLE.name})"
    return exp.select(names, dialect=dialect.BIGQUERY).from_(REJECTED).subquery()


def evaluate(
    model: SqlModel, counts: Mapping[str, Any], bronze_rows: int | None
) -> tuple[Ledger | None, tuple[CheckResult, ...]]:
    """The ledger and check results that an :func:`audit_query`'s row stands for.

    ``bronze_rows`` is how many records the landed file has, None for a model without a landed file.

    Raises:
        ModelError: the model gives rows that do not belong to the month.
    """
    if counts.get(_OUTSIDE):
        raise ModelError(
            f"{model.key}: {counts[_OUTSIDE]:,} of its rows for the month have a {model.table.partition} outside it or "
            f"none; nothing was published. Select the month with @{PARTITION_START} and @{PARTITION_END}"
        )
    results = [
        CheckResult(
            name=check.label,
            passed=counts[_CHECK_PREFIX + check.label] == 0,
            failing=counts[_CHECK_PREFIX + check.label],
            severity=check.severity,
            blocking=check.blocks,
            description=check.description or check.meaning(),
            reads_others=bool(check.reads()),
        )
        for check in model.checks
    ]
    if model.grain:
        failing = counts[_GRAIN]
        grain = ", ".join(model.grain)
        results.insert(
            0, CheckResult("grain", failing == 0, failing, "error", True, f"{IMPLICIT_CHECKS['grain']}: {grain}")
        )
    if model.rejected is None or bronze_rows is None:
        return None, tuple(results)
    ledger = Ledger(
        bronze_rows=bronze_rows,
        silver_rows=counts[ROWS],
        duplicate_copies=counts[_DUPLICATES],
        rejected={reason: counts[rejected_count(reason)] for reason in model.reject_reasons},
        unreadable_columns=counts[_UNREADABLE],
    )
    unaccounted = ledger.bronze_rows - ledger.silver_rows - ledger.duplicate_copies - sum(ledger.rejected.values())
    balance = CheckResult(
        "row_ledger",
        ledger.is_balanced,
        abs(unaccounted),
        "error",
        True,
        IMPLICIT_CHECKS["row_ledger"],
        {
            "bronze_rows": ledger.bronze_rows,
            "silver_rows": ledger.silver_rows,
            "duplicate_copies": ledger.duplicate_copies,
            **{rejected_count(reason): rows for reason, rows in ledger.rejected.items()},
            **({"unreadable_columns": ledger.unreadable_columns} if ledger.unreadable_columns else {}),
        },
    )
    return ledger, (balance, *results)


@dataclass(frozen=True)
class Audit:
    """What the audit of a staged or published month says."""

    rows: int
    ledger: Ledger | None
    checks: tuple[CheckResult, ...]
    preview: pa.Table

    def require_blocking_checks(self, month: str, table: str) -> None:
        """Stop a month that may not be published; ``month`` is what it is called in messages.

        Raises:
            CheckFailed: a blocking check failed.
        """
        failed = [check for check in self.checks if check.blocking and not check.passed]
        if failed:
            words = {check.name: " ".join(check.description.split()) for check in failed}  # a header may break lines
            named = "; ".join(f"{check.name} ({check.failing:,} failing: {words[check.name]})" for check in failed)
            reasons = self.ledger.rejected if self.ledger else {}
            unreadable = f" in {self.ledger.unreadable_columns}" if self.ledger else ""
            counted = "; ".join(
                f"{rows:,} rejected for {reason}{unreadable if reason == UNREADABLE_VALUE else ''}"
                for reason, rows in reasons.items()
                if rows
            )
            of = "".join(f"its records are of {check.facts[MONTHS]}; " for check in failed if MONTHS in check.facts)
            raise CheckFailed(
                f"{month}: {of}blocking check failed: {'; '.join(filter(None, (named, counted)))}. "
                f"Nothing was published; {table} still holds what it held before",
                self.checks,
            )


def datasets_present(present: Sequence[str], missing: Sequence[str]) -> CheckResult:
    """Where one dataset is out and another is not, a month is made of what there is, with a warning."""
    facts = {"datasets_present": ", ".join(present), "datasets_missing": ", ".join(missing)}
    return CheckResult(
        name=DATASETS_PRESENT,
        passed=not missing,
        failing=len(missing),
        severity="warn",
        blocking=False,
        description=IMPLICIT_CHECKS[DATASETS_PRESENT],
        facts={name: value for name, value in facts.items() if value},
    )
