"""What a landed file says of its own columns, free of any engine."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.exceptions import CorruptFile


@dataclass(frozen=True)
class SourceColumn:
    """One column of a file: its type as the file's format calls it, and what a cast needs to know of that."""

    name: str
    kind: str
    type: str


def read_footer(path: Path) -> tuple[SourceColumn, ...]:
    """Names and kinds of the columns of a parquet file, or of a CSV file with a header.

    Raises:
        CorruptFile: it has no footer that can be read.
    """
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(SourceColumn(name, "untyped", "text") for name in next(csv.reader(file)))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise CorruptFile(f"{path}: its footer cannot be read ({error}); materialize its bronze again") from None
    return tuple(SourceColumn(field.name, _kind(field.type), str(field.type)) for field in schema)


def _kind(arrow_type: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if types.is_decimal(arrow_type) and arrow_type.scale > 2:
        return "fine decimal"
    kinds = {
        "null": types.is_null,
        "integer": types.is_integer,
        "float": types.is_floating,
        "decimal": types.is_decimal,
        "string": lambda t: types.is_string(t) or types.is_large_string(t),
        "datetime": lambda t: types.is_timestamp(t) and t.tz is None,
    }
    return next((kind for kind, matches in kinds.items() if matches(arrow_type)), str(arrow_type))
