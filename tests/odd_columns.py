"""Columns of every type that parquet files can hold and trips do not have."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pyarrow as pa

ODD_COLUMNS: dict[str, Callable[[int], pa.Array]] = {
    "string_view": lambda rows: pa.array([f"t{row}" for row in range(rows)], pa.string_view()),
    "binary_view": lambda rows: pa.array([bytes([row % 256]) for row in range(rows)], pa.binary_view()),
    "binary": lambda rows: pa.array([bytes([row % 256]) for row in range(rows)]),
    "fixed_binary": lambda rows: pa.array([bytes([row % 256]) for row in range(rows)], pa.binary(1)),
    "duration": lambda rows: pa.array(range(rows), pa.duration("us")),
    "uuid": lambda rows: _extension(pa.uuid(), [UUID(int=row).bytes for row in range(rows)]),
    "json": lambda rows: _extension(pa.json_(), [f'{{"row": {row}}}' for row in range(rows)]),
    "bool8": lambda rows: _extension(pa.bool8(), [row % 2 for row in range(rows)]),
    "opaque": lambda rows: _extension(pa.opaque(pa.int64(), "type", "vendor"), list(range(rows))),
    "tensor": lambda rows: _extension(pa.fixed_shape_tensor(pa.int32(), [2]), [[row, row] for row in range(rows)]),
    "half_float": lambda rows: pa.array([row % 100 for row in range(rows)], pa.float32()).cast(pa.float16()),
    "time32": lambda rows: pa.array(range(rows), pa.time32("ms")),
    "time64": lambda rows: pa.array(range(rows), pa.time64("ns")),
    "decimal32": lambda rows: pa.array([Decimal(row % 100) for row in range(rows)], pa.decimal32(5, 1)),
    "decimal256": lambda rows: pa.array([Decimal(row) for row in range(rows)], pa.decimal256(50, 2)),
    "dictionary": lambda rows: pa.array([f"t{row % 3}" for row in range(rows)]).dictionary_encode(),
    "list": lambda rows: pa.array([[row] for row in range(rows)]),
    "list_view": lambda rows: pa.array([[row] for row in range(rows)], pa.list_view(pa.int64())),
    "list_of_views": lambda rows: pa.array([[f"t{row}"] for row in range(rows)], pa.list_(pa.string_view())),
    "struct": lambda rows: pa.array([{"a": row, "b": {"c": f"t{row}"}} for row in range(rows)]),
    "map": lambda rows: pa.array([[("a", row)] for row in range(rows)], pa.map_(pa.string(), pa.int64())),
}
"""What each is called → its values in so many rows."""


def with_odd_columns(table: pa.Table) -> pa.Table:
    """The table with all of these columns besides its own, the last row of each NULL."""
    for name, values in ODD_COLUMNS.items():
        given = values(len(table) - 1)
        table = table.append_column(name, pa.chunked_array([given, pa.nulls(1, given.type)]))
    return table


def _extension(type_: pa.DataType, values: list[object]) -> pa.Array:
    return pa.ExtensionArray.from_storage(type_, pa.array(values, type_.storage_type))
