"""What all kinds of checks share: severity, who blocks, the relations they look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlglot import exp

STAGED = "audit.staged"
"""The month that is about to be published, as checks see it."""
REJECTED = "audit.rejected"
"""The rejected rows that go with it."""

Literal_ = int | Decimal | str | bool
Literals = tuple[Literal_, ...]


class CheckBase(BaseModel, ABC):
    """What all checks share. A failed blocking check keeps the month from being published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


def literal(value: int | Decimal | str | bool) -> exp.Expr:
    """A value of a header as SQL."""
    return exp.Literal.number(f"{value:f}") if isinstance(value, Decimal) else exp.convert(value)
