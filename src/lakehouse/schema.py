"""Columns and tables as every part of the house speaks of them: BigQuery's types, nobody's engine."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_SHA256 = 64
"""Hexadecimal digits of a SHA-256."""


@dataclass(frozen=True)
class Column:
    """A column: name, BigQuery type, meaning, and unit where the type cannot say it."""

    name: str
    type: str
    description: str
    unit: str | None = None

    @property
    def base_type(self) -> str:
        """The type without precision and scale."""
        return self.type.partition("(")[0]

    @property
    def doc(self) -> str:
        """Description and unit, for where there is one place for both."""
        return f"{self.description} [{self.unit}]" if self.unit else self.description


BRONZE_COLUMNS = (
    Column("copies", "INT64", "How many records of the file are equal in all canonical columns; one is kept"),
    Column("bronze_sha256", "STRING", "SHA-256 of the landed file the row comes from, or its first digits"),
)
"""What every bronze relation has besides its contract's columns."""

UNREADABLE = Column("unreadable_column", "STRING", "First column with a value that cannot be read, NULL if all can be")
"""What the relation of every record has besides those; a record that is kept has none."""


def rejected_name(table: str) -> str:
    """Name of the table of the records that a table's model rejects."""
    return f"{table}_rejected"


def rejected_count(reason: str) -> str:
    """What the number of records that were rejected for a reason is called."""
    return f"rejected_{reason}"


def records_name(bronze_relation: str) -> str:
    """Name of the relation of every record of a landed file, beside that of the distinct ones."""
    return f"{bronze_relation}_records"


@dataclass(frozen=True)
class TableSpec:
    """What a warehouse needs to know to create a table and keep it in shape.

    ``partition`` names the DATE or DATETIME column whose month is the partition, None for a whole table. ``grain`` are
    the columns that tell its rows apart, none where a row is a record that may be there more than once.
    """

    name: str
    columns: tuple[Column, ...]
    description: str
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    format: str = "table"
    grain: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
