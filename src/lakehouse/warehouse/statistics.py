"""How much a month holds of what: what guards compare, taken when it is staged, kept with its publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlglot import exp

from lakehouse.exceptions import ModelError
from lakehouse.models import dialect
from lakehouse.models.checks.base import STAGED
from lakehouse.models.model import SqlModel, audit_schema

MONEY_UNIT = "USD"

LEAST_MONEY = 0.01
"""USD a row. What comes to less than a cent changes by any share when a handful of records do."""

SMALL_PART = 0.10
"""Of the largest column's money. What few records have, tolls for one, is so small a part, and so uneven."""

ROWS_FOR_SMALL_PARTS = 10_000
"""So many rows make small parts even. Tolls a trip of two samples of green 2024-01 differ by 26 % as often as not where
each has 500 trips, by 6 % where it has 10,000, and then one time in 200 by 21 %. TLC's smallest month has 35,000."""


@dataclass(frozen=True)
class Statistics:
    """Of a month, or a whole: its rows, those with NULL by column, rejected records by reason, sums of money by column.

    A column or reason that is not named was not looked at; ``records`` of the landed file are 0 where unknown.
    """

    rows: int
    records: int = 0
    nulls: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def null_shares(self) -> dict[str, float]:
        """Of the rows, by column."""
        return {column: count / self.rows for column, count in self.nulls.items()} if self.rows else {}

    @property
    def reject_shares(self) -> dict[str, float]:
        """Of the records, by reason."""
        return {reason: count / self.records for reason, count in self.rejected.items()} if self.records else {}

    @property
    def money_a_row(self) -> dict[str, float]:
        """By column."""
        return {column: float(total) / self.rows for column, total in self.money.items()} if self.rows else {}

    @property
    def telling_money_a_row(self) -> dict[str, float]:
        """By column, of those whose share of change says something."""
        least = LEAST_MONEY
        if self.rows < ROWS_FOR_SMALL_PARTS:
            least = max([least, *(abs(amount) * SMALL_PART for amount in self.money_a_row.values())])
        return {column: amount for column, amount in self.money_a_row.items() if abs(amount) >= least}

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "rows": self.rows,
            "records": self.records,
            "nulls": dict(self.nulls),
            "rejected": dict(self.rejected),
            "money": {column: str(total) for column, total in self.money.items()},
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Statistics:
        """What :meth:`plain` gave."""
        money = {column: Decimal(total) for column, total in plain["money"].items()}
        return cls(plain["rows"], plain["records"], plain["nulls"], plain["rejected"], money)


def money_columns(model: SqlModel) -> tuple[str, ...]:
    """Exact amounts of money."""
    return tuple(c.name for c in model.table.columns if c.base_type == "NUMERIC" and c.unit == MONEY_UNIT)


def money_query(model: SqlModel, schema: dialect.Schema) -> exp.Query | None:
    """One row: the sum of each column of money of the staged rows, 0 where there is none; None without such columns."""
    columns = money_columns(model)
    if not columns:
        return None
    sums = (exp.Coalesce(this=exp.Sum(this=exp.column(c)), expressions=[exp.Literal.number(0)]) for c in columns)
    query = exp.select(*map(exp.alias_, sums, columns)).from_(STAGED)
    return dialect.resolve(query, audit_schema(model, schema), f"money of {model.key}", ModelError)
