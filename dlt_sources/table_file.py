"""Record batches of a table as one parquet file: each value exactly what it was, the same rows the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt_sources.changing_table import ChangingTable, DeclaredColumn, landed_schema, naive
from lakehouse.exceptions import ContractViolation

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class WrittenTable:
    """A file of rows, which is not there if there were none; ``latest`` names the last of those ``beyond``."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    beyond: int
    latest: str


def write_table(
    table: ChangingTable,
    columns: Sequence[DeclaredColumn],
    batches: Iterable[pa.RecordBatch],
    high: datetime,
    path: Path,
) -> WrittenTable:
    """Write batches that are ordered by the cursor; rows stamped after ``high`` are counted.

    Raises:
        ContractViolation: a value is none of its column's type, or a time that no engine holds.
        OSError: the file cannot be written.
    """
    import pyarrow.parquet as pq

    schema = landed_schema(columns)
    rows, beyond, latest, writer = 0, 0, "", None
    try:
        for batch in batches:
            if not batch.num_rows:
                continue
            landed = _conformed(table, batch, schema)
            writer = writer or pq.ParquetWriter(path, schema)
            writer.write_batch(landed)
            rows += landed.num_rows
            if after := _after(landed.column(table.cursor), high):
                beyond += after
                latest = _named(table, landed.slice(landed.num_rows - 1))
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        return WrittenTable(path, 0, 0, hashlib.sha256().hexdigest(), 0, "")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return WrittenTable(path, rows, path.stat().st_size, sha256, beyond, latest)


def _conformed(table: ChangingTable, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same rows in the types that are landed."""
    import pyarrow as pa
    from pyarrow import compute

    columns = []
    for field in schema:
        column = batch.column(field.name)
        try:
            landed = column if column.type == field.type else compute.cast(column, field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            said = str(error).partition("\n")[0]
            raise ContractViolation(
                f"{table.what}: column {field.name} has a value that is no {field.type} ({said}); nothing was landed"
            ) from None
        _require_times(table, field, landed)
        columns.append(landed)
    return pa.record_batch(columns, schema=schema)


def _require_times(table: ChangingTable, field: pa.Field, values: Any) -> None:
    """Refuse what databases know beyond the calendar of engines, such as infinity."""
    from pyarrow import compute, int32, int64, types

    if types.is_timestamp(field.type):
        first, last = (_microseconds(each) for each in (_FIRST, _LAST))
        bounds = compute.min_max(values.view(int64())).as_py()
    elif types.is_date32(field.type):
        first, last = ((each.date() - date(1970, 1, 1)).days for each in (_FIRST, _LAST))
        bounds = compute.min_max(values.view(int32())).as_py()
    else:
        return
    if bounds["min"] is not None and (bounds["min"] < first or bounds["max"] > last):
        raise ContractViolation(
            f"{table.what}: column {field.name} has a time before the year 1 or after 9999, or infinity; nothing was "
            "landed. Mend the table at its source"
        )


def _microseconds(moment: datetime) -> int:
    between = moment - _EPOCH
    return (between.days * 86_400 + between.seconds) * 1_000_000 + between.microseconds


def _after(cursor: Any, high: datetime) -> int:
    """How many values are later; they are in order."""
    import pyarrow as pa
    from pyarrow import compute

    bound = pa.scalar(naive(high), cursor.type)
    if not compute.greater(cursor[-1], bound).as_py():
        return 0
    return int(compute.sum(compute.greater(cursor, bound)).as_py())


def _named(table: ChangingTable, row: pa.RecordBatch) -> str:
    """The key and cursor of one row."""
    return ", ".join(f"{name}={row.column(name)[0]}" for name in (*table.key, table.cursor))
