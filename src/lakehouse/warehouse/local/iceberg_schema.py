"""BigQuery's types in Iceberg and Arrow, and a table's schema brought to its model's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.exceptions import CorruptFile, ModelError
from lakehouse.schema import Column, TableSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.update.schema import UpdateSchema
    from pyiceberg.types import IcebergType


_BIGQUERY_NAMES = {
    "long": "INT64",
    "double": "FLOAT64",
    "boolean": "BOOL",
    "string": "STRING",
    "date": "DATE",
    "timestamp": "DATETIME",
}


def require_evolvable(table: Table, spec: TableSpec) -> None:
    """Whether the table can be brought to its spec in place; changes nothing.

    Raises:
        ModelError: the partition differs, or a type that Iceberg cannot widen.
    """
    partition = {
        table.schema().find_column_name(field.source_id): str(field.transform) for field in table.spec().fields
    }
    if partition != ({spec.partition: "month"} if spec.partition else {}):
        raise ModelError(
            f"{spec.name} is partitioned by {', '.join(map(str, partition)) or 'nothing'}, its model by "
            f"{spec.partition or 'nothing'}: a partition cannot be changed in place; give the model a new table name"
        )
    transaction = table.transaction()
    with _named_errors(table, spec):
        evolve(transaction.update_schema(), table, spec)


def evolve(update: UpdateSchema, table: Table, spec: TableSpec) -> None:
    """Stage what brings the table to its spec: columns added, widened, described.

    None is dropped: a column that the model has no more is NULL from now on, and its name stays taken, for
    readers by any engine would meet old files with the old column under a name that came to mean another.
    """
    existing = {field.name: field for field in table.schema().fields}
    for field in iceberg_schema(spec).fields:
        known = existing.get(field.name)
        if known is None:
            update.add_column(field.name, field.field_type, doc=field.doc)
        elif known.field_type != field.field_type or known.doc != field.doc:
            update.update_column(field.name, field_type=field.field_type, doc=field.doc)


def differs(table: Table, spec: TableSpec) -> bool:
    """Whether :func:`evolve` would change anything."""
    existing = {field.name: (field.field_type, field.doc) for field in table.schema().fields}
    return any(existing.get(f.name) != (f.field_type, f.doc) for f in iceberg_schema(spec).fields)


@contextmanager
def _named_errors(table: Table, spec: TableSpec) -> Iterator[None]:
    from pyiceberg.exceptions import ResolveError, ValidationError

    try:
        yield
    except (ResolveError, ValidationError) as error:
        types = {field.name: field.field_type for field in iceberg_schema(spec).fields}
        changed = [f.name for f in table.schema().fields if types.get(f.name, f.field_type) != f.field_type]
        raise ModelError(
            f"{spec.name}: {', '.join(changed)} cannot change type in place ({error}); "
            "give the column or the table a new name"
        ) from None


def iceberg_schema(spec: TableSpec) -> Schema:
    """The Iceberg schema of a new table; all fields are optional, as files may be older than a column."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    return Schema(
        *(
            NestedField(position, column.name, _iceberg_type(column.type), required=False, doc=_doc(column))
            for position, column in enumerate(spec.columns, start=1)
        )
    )


def _doc(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def _iceberg_type(type_: str) -> IcebergType:
    from pyiceberg import types

    if type_.startswith("NUMERIC("):
        precision, _, scale = type_.removeprefix("NUMERIC(").removesuffix(")").partition(",")
        return types.DecimalType(int(precision), int(scale))
    simple: dict[str, IcebergType] = {
        "INT64": types.LongType(),
        "FLOAT64": types.DoubleType(),
        "BOOL": types.BooleanType(),
        "STRING": types.StringType(),
        "DATE": types.DateType(),
        "DATETIME": types.TimestampType(),
    }
    return simple[type_]


def bigquery_type(type_: IcebergType) -> str:
    """BigQuery's name of an Iceberg type that :func:`iceberg_schema` can make."""
    from pyiceberg import types

    if isinstance(type_, types.DecimalType):
        return f"NUMERIC({type_.precision},{type_.scale})"
    return _BIGQUERY_NAMES[str(type_)]


def require_exact_types(file: Path, spec: TableSpec) -> None:
    """Iceberg would take int32 for long, or a file without some columns, and reads would then break."""
    import pyarrow.parquet as pq

    written = {field.name: field.type for field in pq.read_schema(file)}
    wanted = {column.name: _arrow_type(column.type) for column in spec.columns}
    if written != wanted:
        differing = sorted(name for name in written.keys() | wanted.keys() if written.get(name) != wanted.get(name))
        raise CorruptFile(f"{file}: columns {', '.join(differing)} are not those of {spec.name}; nothing was published")


def _arrow_type(type_: str) -> pa.DataType:
    import pyarrow as pa

    if type_.startswith("NUMERIC("):
        precision, _, scale = type_.removeprefix("NUMERIC(").removesuffix(")").partition(",")
        return pa.decimal128(int(precision), int(scale))
    simple = {
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "DATETIME": pa.timestamp("us"),
    }
    return simple[type_]
