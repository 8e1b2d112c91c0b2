"""The kinds of checks a model's header can declare, and those that look at more than a row's own values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlglot import exp

from lakehouse.exceptions import ModelError
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, SAMPLE_ROWS, STAGED, CheckBase, literal, named, ordered, select
from lakehouse.models.checks.values import AcceptedValues, KnownCodes, NotNull, Range, Relationship

DATASETS_PRESENT, PUBLISHED, FRESH = "datasets_present", "published", "fresh"
VOLUME, USUAL_VOLUME = "volume", "usual_volume"
RESTATEMENT = "restatement"
USUAL_COST = "usual_cost"

IMPLICIT_CHECKS = {
    "grain": "One row for each combination of the grain's columns",
    "row_ledger": "Bronze rows = silver rows + duplicate copies + rejected rows",
    "contract_drift": "The landed file has every column that a file of its month should have, none unknown to its "
    "contract, no number finer than its column, and, if it comes whole, no record twice",
    VOLUME: "What is published of it is not replaced by another landing with much fewer rows, more NULLs, more "
    "rejected records, or other money a row",
    USUAL_VOLUME: "Rows, NULLs, rejected records and money a row are like those of the months around it",
    RESTATEMENT: "Rows that were published are replaced by few others; what each restatement changes is told here",
    USUAL_COST: "It billed at most a GiB, or three times what the median of its last publications did",
    DATASETS_PRESENT: "Every dataset that is put together here has been published for the month",
    PUBLISHED: "The source has published the month",
    FRESH: "Something new was made of it as lately as its source allows",
}
"""Checks that a model has without declaring them, where they apply, and what they mean."""


class Unique(CheckBase):
    """No two rows agree in all ``unique_columns``; NULL equals NULL."""

    type: Literal["unique"]
    unique_columns: tuple[str, ...] = Field(alias="columns", min_length=1)

    def default_name(self) -> str:
        return f"{'_'.join(self.unique_columns)}_unique"

    def columns(self) -> tuple[str, ...]:
        return self.unique_columns

    def failing(self) -> exp.Expr:
        groups = (
            exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows_alike"))
            .from_(STAGED)
            .group_by(*(named(column) for column in self.unique_columns))
        )
        surplus = exp.select(exp.Sum(this=exp.column("rows_alike") - 1)).from_(groups.subquery("alike"))
        return surplus.subquery()

    def sample(self, columns: Sequence[str]) -> exp.Query | None:
        """Rows of the first groups of several; the groups are found first, which takes what counting them takes."""
        keys = [named(column) for column in self.unique_columns]
        repeated = (
            select(self.unique_columns)
            .group_by(*keys)
            .having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)))
        )
        repeated = repeated.order_by(*map(ordered, self.unique_columns)).limit(SAMPLE_ROWS)
        equal = (
            exp.NullSafeEQ(this=named(column, "staged"), expression=named(column, "repeated"))
            for column in self.unique_columns
        )
        rows = exp.select(*(named(column, "staged") for column in columns))
        rows = rows.from_(exp.alias_(exp.to_table(STAGED), "staged", table=True))
        return rows.join(repeated.subquery("repeated"), on=exp.and_(*equal))

    def meaning(self) -> str:
        return f"one row for each {', '.join(self.unique_columns)}"


class RowCount(CheckBase):
    """At least ``min`` rows."""

    type: Literal["row_count"]
    min: int = Field(ge=1)

    def default_name(self) -> str:
        return "row_count"

    def failing(self) -> exp.Expr:
        return exp.func("GREATEST", exp.Literal.number(self.min) - exp.Count(this=exp.Star()), exp.Literal.number(0))

    def meaning(self) -> str:
        return f"at least {self.min} rows"


class RejectedShare(CheckBase):
    """At most the share ``max`` of the landed rows is rejected: more means a wrong file, not a dirty one."""

    sampled: ClassVar[str] = REJECTED

    type: Literal["rejected_share"]
    max: Decimal = Field(gt=0, lt=1)

    def default_name(self) -> str:
        return "rejected_share"

    def failing(self) -> exp.Expr:
        rejected = exp.select(exp.Count(this=exp.Star())).from_(REJECTED).subquery()
        kept = exp.Coalesce(this=exp.Sum(this=exp.column("copies")), expressions=[exp.Literal.number(0)])
        allowed = exp.paren(rejected.copy() + kept) * literal(self.max)
        return exp.If(this=exp.GT(this=rejected, expression=allowed), true=rejected.copy(), false=exp.Literal.number(0))

    def sample(self, columns: Sequence[str]) -> exp.Query | None:
        """Some records of each reason, by turns."""
        number = exp.Window(
            this=exp.RowNumber(),
            partition_by=[exp.column("reject_reason")],
            order=exp.Order(expressions=[*map(ordered, columns)]),
        )
        numbered = exp.select(*map(exp.column, columns), exp.alias_(number, "turn")).from_(REJECTED)
        rows = exp.select(*map(named, columns)).from_(numbered.subquery("numbered"))
        rows = rows.where(exp.LTE(this=exp.column("turn"), expression=exp.Literal.number(SAMPLE_ROWS)))
        return rows.order_by(ordered("turn"), ordered("reject_reason"))

    def meaning(self) -> str:
        return f"at most {(self.max * 100).normalize():f} % of the landed rows are rejected"


class DuplicatedShare(CheckBase):
    """At most the share ``max`` of the records that are kept are copies of others, which are folded into one."""

    type: Literal["duplicated_share"]
    max: Decimal = Field(gt=0, lt=1)

    def default_name(self) -> str:
        return "duplicated_share"

    def columns(self) -> tuple[str, ...]:
        return ("copies",)

    def failing(self) -> exp.Expr:
        none = exp.Literal.number(0)
        records = exp.Coalesce(this=exp.Sum(this=exp.column("copies")), expressions=[none])
        copies = exp.paren(records - exp.Count(this=exp.Star()))
        return exp.If(
            this=exp.GT(this=copies, expression=records.copy() * literal(self.max)),
            true=copies.copy(),
            false=none.copy(),
        )

    def sample(self, columns: Sequence[str]) -> exp.Query | None:
        """The rows of which there are most copies."""
        rows = select(("copies", *(column for column in columns if column != "copies")))
        rows = rows.where(exp.GT(this=exp.column("copies"), expression=exp.Literal.number(1)))
        return rows.order_by(ordered("copies", descending=True))

    def meaning(self) -> str:
        return f"at most {(self.max * 100).normalize():f} % of the records are copies of others"


class CustomSql(CheckBase):
    """``sql`` selects the failing rows from ``audit.staged`` (or ``audit.rejected``)."""

    type: Literal["sql"]
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str

    def default_name(self) -> str:
        return self.name

    def reads(self) -> tuple[str, ...]:
        return tuple(table for table in dialect.references(self._query()) if table not in (STAGED, REJECTED))

    def failing(self) -> exp.Expr:
        return exp.select(exp.Count(this=exp.Star())).from_(self._query().subquery("failing")).subquery()

    def sample(self, columns: Sequence[str]) -> exp.Query | None:  # noqa: ARG002 - it selects its own
        return self._query()

    def _query(self) -> exp.Query:
        return dialect.parse(self.sql, f"check {self.name}", ModelError)

    def meaning(self) -> str:
        return f"no row in: {' '.join(self.sql.split())}"


Check = Annotated[
    NotNull
    | Unique
    | AcceptedValues
    | KnownCodes
    | Range
    | RowCount
    | RejectedShare
    | DuplicatedShare
    | Relationship
    | CustomSql,
    Field(discriminator="type"),
]
