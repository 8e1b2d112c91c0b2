"""What all kinds of checks share: severity, who blocks, the relations they look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlglot import exp

from lakehouse.models import dialect

STAGED = "audit.staged"
"""The month that is about to be published, as checks see it."""
REJECTED = "audit.rejected"
"""The rejected rows that go with it."""

SAMPLE_ROWS = 5
"""How many failing rows, or values of a column, are shown of a check that failed."""

Conditions = Mapping[str, exp.Expr]
"""Column → which staged rows fail a check for its value."""

Literal_ = int | Decimal | str | bool
Literals = tuple[Literal_, ...]


class CheckBase(BaseModel, ABC):
    """What all checks share. A failed blocking check keeps the month from being published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampled: ClassVar[str] = STAGED
    """The relation whose rows :meth:`sample` shows."""

    severity: Literal["error", "warn"] = "error"
    blocking: bool | None = None
    name: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    description: str | None = None

    @property
    def blocks(self) -> bool:
        """An error blocks unless the header says otherwise; a warning never does."""
        return self.severity == "error" and self.blocking is not False

    @property
    def label(self) -> str:
        return self.name or self.default_name()

    @abstractmethod
    def default_name(self) -> str:
        """Name of the check where the header gives none."""

    def columns(self) -> tuple[str, ...]:
        """Columns of the model this check reads by name."""
        return ()

    def literals(self) -> tuple[tuple[str, Literal_], ...]:
        """Values the header compares columns with, which must be of the columns' types."""
        return ()

    def reads(self) -> tuple[str, ...]:
        """Other tables this check reads."""
        return ()

    @abstractmethod
    def failing(self) -> exp.Expr:
        """Counts failing rows; zero means passed."""

    def conditions(self) -> Conditions:
        """Empty where a row does not fail by itself."""
        return {}

    def sample(self, columns: Sequence[str]) -> exp.Query | None:
        """Failing rows with these columns, of which the first few are shown; None where there is no row to show."""
        conditions = self.conditions()
        return select(columns).where(exp.or_(*conditions.values())) if conditions else None

    def causes(self) -> exp.Query | None:
        """``column_name``, ``value`` and ``occurrences`` of values that fail; None where failing rows say it all."""
        return None

    @abstractmethod
    def meaning(self) -> str:
        """The check in words, where the header gives none."""


class OfColumns(CheckBase):
    """A check of one ``column``, or of several ``columns`` counted together, which saves Dagster's cost of each."""

    column: str | None = None
    several: tuple[str, ...] = Field((), alias="columns")

    @model_validator(mode="after")
    def _of_some_column(self) -> Self:
        if (self.column is None) == (not self.several):
            raise ValueError("give column, or columns")
        return self

    def columns(self) -> tuple[str, ...]:
        return self.several if self.column is None else (self.column,)


def named(column: str, table: str | None = None) -> exp.Column:
    """A column that an author names, who may call it as SQL calls something."""
    return exp.column(column, table=table, quoted=True)


def select(columns: Sequence[str]) -> exp.Select:
    """Columns of the staged rows."""
    return exp.select(*map(named, columns)).from_(STAGED)


def ordered(column: str | exp.Expr, *, descending: bool = False) -> exp.Ordered:
    """A key to order by, NULL as the smallest value on every engine."""
    key = named(column) if isinstance(column, str) else column
    return exp.Ordered(this=key, desc=descending, nulls_first=not descending)


def most_frequent(conditions: Conditions) -> exp.Query:
    """Of each column the values that fail most often, as text."""

    def of(column: str, condition: exp.Expr) -> exp.Select:
        values = {
            "column_name": exp.Literal.string(column),
            "value": dialect.cast(named(column), "STRING"),
            "occurrences": exp.Count(this=exp.Star()),
        }
        counted = exp.select(*(exp.alias_(value, name) for name, value in values.items())).from_(STAGED)
        counted = counted.where(condition).group_by(named(column))
        counted = counted.order_by(ordered("occurrences", descending=True), ordered("value")).limit(SAMPLE_ROWS)
        return exp.select(*values).from_(counted.subquery(f"values_of_{column}"))

    parts: list[exp.Query] = [of(column, condition) for column, condition in conditions.items()]
    return reduce(lambda some, more: exp.union(some, more, distinct=False), parts)


def literal(value: int | Decimal | str | bool) -> exp.Expr:
    """A value of a header as SQL."""
    return exp.Literal.number(f"{value:f}") if isinstance(value, Decimal) else exp.convert(value)
