"""What a landed file says of its own columns, free of any engine."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lakehouse.exceptions import CorruptFile

_MOST_DIGITS = 38


@dataclass(frozen=True)
class SourceColumn:
    """One column of a file: its type as the file's format calls it, and what a cast needs to know of that.

    A decimal number without decimals is an ``integer``; ``scale`` is how many any other has. ``float32`` has decimals
    of its own: its 1.1 is 1.10000002384 as a wider number.
    """

    name: str
    kind: str
    type: str
    scale: int = 0

    @property
    def is_int64(self) -> bool:
        """Whether it holds signed integers of at most 64 bits."""
        return self.kind == "integer" and self.type.startswith("int")


def read_footer(path: Path) -> tuple[SourceColumn, ...]:
    """Names and kinds of the columns of a parquet file, or of a CSV file with a header.

    Raises:
        CorruptFile: it has no footer that can be read.
    """
    with path.open("rb") as file:
        return footer_of(file, path.suffix.removeprefix("."), str(path))


def footer_of(file: BinaryIO, suffix: str, place: str) -> tuple[SourceColumn, ...]:
    """The same of a file that is open, from wherever it comes; of a large one only a little is read.

    Raises:
        CorruptFile: it has no footer that can be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if suffix == "csv":
            return tuple(SourceColumn(name, "untyped", "text") for name in _first_line(file))
        schema = pq.read_schema(file)
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        raise CorruptFile(f"{place}: its footer cannot be read ({error}); materialize its bronze again") from None
    return tuple(SourceColumn(field.name, *_kind(field.type)) for field in schema)


def _first_line(file: BinaryIO) -> list[str]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        return next(csv.reader(text), [])
    finally:
        text.detach()  # the file is its opener's to close


def _kind(arrow_type: Any) -> tuple[str, str, int]:
    """Kind, type and scale of a column."""
    from pyarrow import types

    value_type = arrow_type.value_type if types.is_dictionary(arrow_type) else arrow_type
    kinds = {
        "null": types.is_null,
        "integer": lambda t: types.is_integer(t) or (_is_decimal(t) and t.scale == 0),
        "float": types.is_float64,
        "float32": lambda t: types.is_float32(t) or types.is_float16(t),
        "decimal": _is_decimal,
        "string": lambda t: types.is_string(t) or types.is_large_string(t) or types.is_string_view(t),
        "bool": types.is_boolean,
        "date": types.is_date,
        "datetime": lambda t: types.is_timestamp(t) and t.tz is None,
        "timestamp": lambda t: types.is_timestamp(t) and t.tz is not None,
    }
    kind = next((kind for kind, matches in kinds.items() if matches(value_type)), str(value_type))
    return kind, str(arrow_type), value_type.scale if kind == "decimal" else 0


def _is_decimal(arrow_type: Any) -> bool:
    """Whether a type is a decimal one whose digits engines hold; of more they would make binary numbers."""
    from pyarrow import types

    return bool(types.is_decimal(arrow_type)) and arrow_type.precision <= _MOST_DIGITS
