"""BigQuery's types as Iceberg and parquet files have them, and a table's schema made and changed accordingly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.column_types import arrow_type, digits_of
from lakehouse.exceptions import CorruptFile
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.evolution import Evolution
from lakehouse.warehouse.store import TableShape

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.update.schema import UpdateSchema
    from pyiceberg.types import IcebergType

_ICEBERG = {
    "INT64": "LongType",
    "FLOAT64": "DoubleType",
    "BOOL": "BooleanType",
    "STRING": "StringType",
    "DATE": "DateType",
    "DATETIME": "TimestampType",
    "TIMESTAMP": "TimestamptzType",
}
"""BigQuery's name of a type, and pyiceberg's class of it."""


def iceberg_schema(spec: TableSpec) -> Schema:
    """The Iceberg schema of a new table; all fields are optional, as files may be older than a column."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    return Schema(
        *(
            NestedField(position, column.name, _iceberg_type(column.type), required=False, doc=column.doc)
            for position, column in enumerate(spec.columns, start=1)
        )
    )


def shape_of(table: Table) -> TableShape:
    """A table's columns and partition."""
    columns = (Column(f.name, _bigquery_type(f.field_type), f.doc or "") for f in table.schema().fields)
    partitions = [
        table.schema().find_column_name(field.source_id)
        if str(field.transform) == "month"
        else f"{field.transform} of {table.schema().find_column_name(field.source_id)}"
        for field in table.spec().fields
    ]
    return TableShape(tuple(columns), ", ".join(map(str, partitions)) or None)


def evolve(update: UpdateSchema, changes: Evolution) -> None:
    """Stage what brings a table to its spec."""
    for column in changes.added:
        update.add_column(column.name, _iceberg_type(column.type), doc=column.doc)
    for column in changes.changed():
        update.update_column(column.name, field_type=_iceberg_type(column.type), doc=column.doc)


def require_exact_types(file: Any, name: str, spec: TableSpec) -> None:
    """A file, by its path or open: Iceberg would take int32 for long, or do without a column, and reads would break.

    Raises:
        CorruptFile: the file's columns or types are not exactly the spec's.
    """
    import pyarrow.parquet as pq

    written = {field.name: field.type for field in pq.read_schema(file)}
    wanted = {column.name: arrow_type(column.type) for column in spec.columns}
    if written != wanted:
        differing = sorted(name for name in written.keys() | wanted.keys() if written.get(name) != wanted.get(name))
        raise CorruptFile(f"{name}: columns {', '.join(differing)} are not those of {spec.name}; nothing was published")


def _iceberg_type(type_: str) -> IcebergType:
    from pyiceberg import types

    if digits := digits_of(type_):
        return types.DecimalType(*digits)
    simple: IcebergType = getattr(types, _ICEBERG[type_])()
    return simple


def _bigquery_type(type_: IcebergType) -> str:
    """BigQuery's name of an Iceberg type that :func:`iceberg_schema` can make; Iceberg's own of any other."""
    from pyiceberg import types

    if isinstance(type_, types.DecimalType):
        return f"NUMERIC({type_.precision},{type_.scale})"
    names = (name for name, kind in _ICEBERG.items() if isinstance(type_, getattr(types, kind)))
    return next(names, str(type_))
