"""What a failed check shows: a few of the rows that fail it, and which values of which columns do.

Asked for only once a check has failed, so a month without fault pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.exceptions import ConfigurationError, ModelError, StatementFailed
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, SAMPLE_ROWS, STAGED, CheckBase, ordered
from lakehouse.models.checks.kinds import Unique
from lakehouse.models.model import SqlModel, audit_schema
from lakehouse.results import CheckResult
from lakehouse.schema import UNREADABLE
from lakehouse.warehouse.audit import MONTHS, outside_month
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_COLUMNS = 8
"""How many columns of a failing row are shown."""

_LONGEST_VALUE = 64
_UNORDERED = ("ARRAY", "STRUCT", "JSON", "GEOGRAPHY", "INTERVAL", "UNKNOWN")


class FailingRows:
    """Adds to failed checks what they show. Statements are compiled when first needed and kept for other months."""

    def __init__(self, schema: dialect.Schema) -> None:
        self._schema = schema
        self._compiled: dict[tuple[str, str], _Statements] = {}

    def shown(
        self, session: Session, model: SqlModel, parameters: Mapping[str, object], checks: Iterable[CheckResult]
    ) -> tuple[CheckResult, ...]:
        """The checks of a month whose staged and rejected rows the session knows."""
        return tuple(check if check.passed else self._shown(session, model, parameters, check) for check in checks)

    def _shown(
        self, session: Session, model: SqlModel, parameters: Mapping[str, object], check: CheckResult
    ) -> CheckResult:
        statements = self._statements(model, check.name)
        sample, facts = None, dict(check.facts)
        try:
            if statements.sample is not None:
                rows = session.rows(statements.sample, parameters)
                sample = rows.select(range(min(SAMPLE_COLUMNS, rows.num_columns)))
            if statements.causes is not None:
                facts |= causes(session.rows(statements.causes, parameters))
            if statements.months is not None:
                facts |= months(session.rows(statements.months, parameters))
        except (
            StatementFailed,
            ConfigurationError,
        ) as error:  # what a failed check shows decides nothing about its month
            facts["not_shown"] = str(error)
        return replace(check, sample=sample, facts=facts)

    def _statements(self, model: SqlModel, name: str) -> _Statements:
        known = self._compiled.get((model.key, name))
        if known is None:
            queries = (of(model, self._schema, name) for of in (sample_query, causes_query, months_query))
            known = self._compiled[model.key, name] = _Statements(*(Statement(q) if q else None for q in queries))
        return known


@dataclass(frozen=True)
class _Statements:
    """Of one check; None for what it does not show."""

    sample: Statement | None
    causes: Statement | None
    months: Statement | None


def sample_query(model: SqlModel, schema: dialect.Schema, name: str) -> exp.Query | None:
    """The first failing rows of a check; None where there is no row to show.

    Reads what :func:`lakehouse.warehouse.audit.audit_query` reads. Only the first :data:`SAMPLE_COLUMNS` columns of
    a check in SQL are worth showing.
    """
    check = _check(model, name)
    sample = check.sample(_columns(model, check)) if check else None
    return _first_rows(_resolved(sample, model, schema, name)) if sample else None


def causes_query(model: SqlModel, schema: dialect.Schema, name: str) -> exp.Query | None:
    """The values that fail a check most often, for :func:`causes`; None where failing rows say it all."""
    check = _check(model, name)
    counted = check.causes() if check else None
    return _resolved(counted, model, schema, name) if counted else None


def months_query(model: SqlModel, schema: dialect.Schema, name: str) -> exp.Query | None:
    """The other months that rejected records are of, for :func:`months`; None for a check of something else."""
    check, partition = _check(model, name), model.table.partition
    if check is None or check.sampled != REJECTED or model.rejected is None or partition is None:
        return None
    month = dialect.truncated_to_month(exp.column(partition))
    counted = exp.select(exp.alias_(month, "month_of"), exp.alias_(exp.Count(this=exp.Star()), "occurrences"))
    counted = counted.from_(REJECTED).where(exp.column(partition).is_(exp.Null()).not_(), outside_month(model))
    counted = counted.group_by("month_of")
    counted = counted.order_by(ordered("occurrences", descending=True), ordered("month_of")).limit(SAMPLE_ROWS)
    return _resolved(counted, model, schema, name)


def months(counted: pa.Table) -> dict[str, str | int]:
    """The rows of a :func:`months_query` in words."""
    found = [f"{row['month_of']:%Y-%m}: {_in_rows(row['occurrences'])}" for row in counted.to_pylist()]
    return {MONTHS: ", ".join(found)} if found else {}


def causes(counted: pa.Table) -> dict[str, str | int]:
    """The rows of a :func:`causes_query` in words: how many NULLs a column has, which values nobody knows."""
    nulls: dict[str, str | int] = {}
    values: dict[str, list[str]] = {}
    for row in sorted(counted.to_pylist(), key=lambda row: (-row["occurrences"], row["value"] or "")):
        column, value, occurrences = row["column_name"], row["value"], row["occurrences"]
        if value is None:
            nulls[f"null_{column}"] = occurrences
        else:
            values.setdefault(f"unknown_{column}", []).append(f"{_shown(value)}: {_in_rows(occurrences)}")
    return nulls | {fact: ", ".join(found) for fact, found in values.items()}


def _in_rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _check(model: SqlModel, name: str) -> CheckBase | None:
    """A check that looks at rows; None for the ledger and others that compare counts."""
    if name == "grain":
        return Unique(type="unique", columns=model.grain)
    return next((check for check in model.checks if check.label == name), None)


def _columns(model: SqlModel, check: CheckBase) -> tuple[str, ...]:
    """What is at fault first, then what identifies the row, then the others as far as a reader can take them in."""
    partition = () if model.table.partition is None else (model.table.partition,)
    if check.sampled == STAGED or model.rejected is None:
        at_fault, table = check.columns(), model.table
    else:
        at_fault, table = ("reject_reason", *model.reject_columns, UNREADABLE.name), model.rejected
    there = [column.name for column in table.columns]
    wanted = dict.fromkeys([*at_fault, *model.grain, *partition, *there])
    return tuple(name for name in wanted if name in there)[:SAMPLE_COLUMNS]


def _resolved(query: exp.Query, model: SqlModel, schema: dialect.Schema, name: str) -> exp.Query:
    return dialect.resolve(query, audit_schema(model, schema), f"check {name} of {model.key}", ModelError)


def _first_rows(query: exp.Query) -> exp.Query:
    """The query's first rows, by the order it has and then by its columns, so that a rerun shows the same ones."""
    shown = list(dialect.output_types(query).items())[:SAMPLE_COLUMNS]
    keys = [
        ordered(exp.column(name, quoted=True)) for name, type_ in shown if type_.partition("<")[0] not in _UNORDERED
    ]
    limit = query.args.get("limit")
    own = limit.expression.to_py() if isinstance(limit, exp.Limit) and limit.expression.is_int else SAMPLE_ROWS
    return (query.order_by(*keys) if keys else query).limit(min(own, SAMPLE_ROWS))


def _shown(value: str) -> str:
    line = " ".join(value.split())[:_LONGEST_VALUE]
    return line if line == value.strip() == value != "" else repr(line)
