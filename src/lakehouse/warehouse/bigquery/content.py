"""What tells rows from any others: a hash of all their values, whatever order they are in.

It is the sums of the parts of the rows' own hashes: no worker of BigQuery has to hold more of them than these.
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.schema import Column, TableSpec

ROW_COUNT, CONTENT = "row_count", "content"
_DIGITS = 32
"""That a row's hash has, in base 16."""

_PART = 8
"""So many of them are summed up, so that two thousand million rows fit into an INT64."""


def count(rows: exp.Query) -> exp.Select:
    """One row: how many there are."""
    return exp.select(exp.alias_(exp.Count(this=exp.Star()), ROW_COUNT)).from_(rows.subquery("held"))


def query(spec: TableSpec, rows: exp.Query) -> exp.Select:
    """One row: how many rows of a table there are, and their hash, which a column of NULLs does not change."""
    values = (  # told apart by what no name has: a1 of 1 is not a of 11
        f"IF(`{column.name}` IS NULL, '', CONCAT('{column.name}=', TO_JSON_STRING({_value(column)}), ','))"
        for column in sorted(spec.columns, key=lambda column: column.name)
    )
    row = exp.alias_(_read(f"TO_HEX(MD5(CONCAT({', '.join(values)})))"), "row_hash")
    parts = (
        f"CAST(SUM(CAST(CONCAT('0x', SUBSTR(row_hash, {first + 1}, {_PART})) AS INT64)) AS STRING)"
        for first in range(0, _DIGITS, _PART)
    )
    joined = ", '-', ".join(parts)
    told = (
        exp.alias_(exp.Count(this=exp.Star()), ROW_COUNT),
        exp.alias_(_read(f"COALESCE(CONCAT({joined}), '')"), CONTENT),
    )
    return exp.select(*told).from_(exp.select(row).from_(rows.subquery("held")).subquery("hashed"))


def _value(column: Column) -> str:
    """A column whose values are written the same however wide it is."""
    return f"CAST(`{column.name}` AS NUMERIC)" if column.base_type == "NUMERIC" else f"`{column.name}`"


def _read(sql: str) -> exp.Expr:
    return exp.maybe_parse(sql, dialect=dialect.BIGQUERY)
