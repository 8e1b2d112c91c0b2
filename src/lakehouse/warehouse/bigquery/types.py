"""Columns and tables as BigQuery's API has them, and Arrow tables with the types that columns are declared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.column_types import arrow_type, is_declarable
from lakehouse.schema import Column
from lakehouse.warehouse.store import TableShape

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import SchemaField, Table

_SHORT = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "DECIMAL": "NUMERIC"}
"""Names that the API gives types, and those that SQL does."""

_CENTS = 2


def schema_field(column: Column) -> SchemaField:
    """A column; all may be NULL, as rows may be older than a column."""
    from google.cloud.bigquery import SchemaField

    base, _, arguments = column.type.rstrip(")").partition("(")
    if not arguments:
        return SchemaField(column.name, base, description=column.doc)
    precision, scale = map(int, arguments.split(","))
    return SchemaField(column.name, base, precision=precision, scale=scale, description=column.doc)


def shape_of(table: Table) -> TableShape:
    """A table's columns and partition."""
    partitioning = table.time_partitioning
    partition = None
    if partitioning is not None:
        by_month = partitioning.type_ == "MONTH"
        partition = partitioning.field if by_month else f"{partitioning.type_} of {partitioning.field}"
    return TableShape(tuple(_column(field) for field in table.schema), partition)


def _column(field: SchemaField) -> Column:
    name = _SHORT.get(field.field_type, field.field_type)
    if field.mode == "REPEATED":
        name = f"ARRAY<{name}>"
    if field.precision:
        name = f"{name}({field.precision},{field.scale or 0})"
    return Column(field.name, name, field.description or "")


def with_declared_types(rows: pa.Table, types: Mapping[str, str]) -> pa.Table:
    """Rows as their columns are declared: NUMERICs come with nine decimals, whatever the column has.

    Where it is not declared, those of cents have two.
    """
    import pyarrow as pa

    for position, field in enumerate(rows.schema):
        if not pa.types.is_decimal(field.type):
            continue
        declared = types.get(field.name, "")
        wanted = arrow_type(declared) if is_declarable(declared) else pa.decimal128(38, _CENTS)
        if field.type == wanted:
            continue
        try:
            values = rows.column(position).cast(wanted)
        except pa.ArrowInvalid:  # it has more decimals than that
            continue
        rows = rows.set_column(position, pa.field(field.name, wanted), values)
    return rows
