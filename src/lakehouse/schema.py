"""Columns and tables as every part of the house speaks of them: BigQuery's types, nobody's engine."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMERIC = "NUMERIC(18,2)"
"""Money and miles: exact, two decimals."""

_TYPE = re.compile(r"INT64|FLOAT64|BOOL|STRING|DATE|DATETIME|NUMERIC\((?P<precision>\d+),(?P<scale>\d)\)")


def is_declarable(type_: str) -> bool:
    """Whether a column may be declared with this type; NUMERIC needs its precision, which engines disagree on."""
    match = _TYPE.fullmatch(type_)
    if match is None or match["precision"] is None:
        return match is not None
    return int(match["scale"]) <= int(match["precision"]) <= 29 + int(match["scale"])  # BigQuery's own bounds


@dataclass(frozen=True)
class Column:
    """A column: name, BigQuery type, meaning, and unit where the type cannot say it."""

    name: str
    type: str
    description: str
    unit: str | None = None

    @property
    def doc(self) -> str:
        """Description and unit, for where there is one place for both."""
        return f"{self.description} [{self.unit}]" if self.unit else self.description


BRONZE_COLUMNS = (
    Column("copies", "INT64", "How many records of the file are equal in all canonical columns; one is kept"),
    Column("bronze_sha256", "STRING", "SHA-256 of the landed file the row comes from"),
)
"""What every bronze relation has besides its contract's columns."""


@dataclass(frozen=True)
class TableSpec:
    """What a warehouse needs to know to create a table and keep it in shape.

    ``partition`` names the DATE or DATETIME column whose month is the partition, None for a whole table.
    """

    name: str
    columns: tuple[Column, ...]
    description: str
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    format: str = "table"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
