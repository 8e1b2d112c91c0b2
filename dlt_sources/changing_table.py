"""A table of somebody's database whose rows change in place: which it is, what is read of it, and what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from dlt_sources.dataset import Dataset
from lakehouse.column_types import arrow_type, is_declarable
from lakehouse.exceptions import ConfigurationError, ContractViolation

if TYPE_CHECKING:
    import pyarrow as pa

AS_TEXT, IN_UTC = "landed as its text", "landed as DATETIME in UTC"
"""Notes of what a column is landed as."""


@dataclass(frozen=True, kw_only=True)
class ChangingTable(Dataset):
    """A table that is read in windows of its ``cursor``, the column that says when a row was changed last.

    ``database`` is the source address that it is at, ``table`` its name there, ``schema.table`` where there are
    schemas. Each window begins ``look_back`` before the end of the one before: for so long a transaction may have a row
    stamped before others see it. A cursor without a time zone is taken for UTC.
    """

    database: str
    table: str
    key: tuple[str, ...]
    cursor: str
    look_back: timedelta

    def __post_init__(self) -> None:
        """Refuse what could not be read.

        Raises:
            ConfigurationError: there is no key, the cursor is part of it, or the look-back is negative.
        """
        if not self.key or len(set(self.key)) < len(self.key):
            raise ConfigurationError(f"{self.name}: a changing table needs a key of columns, each of them once")
        if self.cursor in self.key:
            raise ConfigurationError(f"{self.name}: the cursor {self.cursor} is part of the key; a key does not change")
        if self.look_back < timedelta(0):
            raise ConfigurationError(f"{self.name}: its look-back is negative")

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"{self.name} ({self.table})"

    @property
    def parts(self) -> tuple[str, ...]:
        """Schema and name, or the name alone."""
        return tuple(self.table.split("."))


@dataclass(frozen=True)
class DeclaredColumn:
    """A column as the table's catalog declares it, and the type that it is landed with, one of BigQuery's.

    What no such type holds exactly is landed as its text. ``note`` says where the landed type is another than declared.
    """

    name: str
    declared: str
    type: str
    is_nullable: bool
    note: str = ""


class Snapshot(Protocol):
    """A table at one moment: whatever is asked of it is answered as of then. Closed with its transaction."""

    @property
    def high(self) -> datetime:
        """The source's own clock, UTC, read before it was settled which rows are seen."""
        ...

    @property
    def settled(self) -> datetime:
        """The same clock a moment later, once it was settled what is seen: what is stamped later is so in error."""
        ...

    @property
    def columns(self) -> Sequence[DeclaredColumn]:
        """All columns, in the table's order."""
        ...

    @property
    def has_unique_key(self) -> bool:
        """Whether the database itself keeps two rows from having one key."""
        ...

    def nulls(self, column: str) -> int:
        """Rows without a value of a column."""
        ...

    def misfits(self) -> int:
        """Rows whose cursor is none of the times in UTC that windows are made of, where a database lets that be."""
        ...

    def repeated_key(self, low: datetime | None) -> Sequence[object] | None:
        """A key that several rows have, of those since ``low``; None if there is none."""
        ...

    def rows(self, columns: Sequence[DeclaredColumn], low: datetime | None) -> Iterator[pa.RecordBatch]:
        """These columns of every row whose cursor is ``low`` or later, of all without; by cursor and key.

        Values come as :func:`landed_schema` has them, or as what becomes that exactly.
        """
        ...


def landed_schema(columns: Sequence[DeclaredColumn]) -> pa.Schema:
    """What a landed file has of these columns, with what was declared as a note of each field."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(each.name, arrow_type(each.type), metadata={"declared": each.declared}) for each in columns]
    )


def numeric(precision: int | None, scale: int | None) -> str:
    """The type of a decimal number with so many digits; that of a text where no engine holds it exactly."""
    declared = f"NUMERIC({precision},{scale})"
    return declared if is_declarable(declared) else "STRING"


def require_columns(table: ChangingTable, columns: Sequence[DeclaredColumn]) -> None:
    """Look whether a table has what windows of it need.

    Raises:
        ContractViolation: it lacks the cursor or a column of the key, or the cursor is no time.
    """
    by_name = {each.name: each for each in columns}
    for role, name in (*(("key", each) for each in table.key), ("cursor", table.cursor)):
        if name not in by_name:
            has = ", ".join(by_name)
            raise ContractViolation(f"{table.what}: has no column {name}, its {role}; it has {has}; nothing was read")
    if by_name[table.cursor].type != "DATETIME":
        declared = by_name[table.cursor].declared
        raise ContractViolation(f"{table.what}: its cursor {table.cursor} is {declared}, and no time; nothing was read")


def naive(moment: datetime) -> datetime:
    """A moment as a column of UTC without a time zone has it."""
    return moment.astimezone(UTC).replace(tzinfo=None)
