"""The data files of a table that are of a month."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.exceptions import CorruptFile, ModelError, first_line
from lakehouse.partition import WHOLE, Month, Partition, Period
from lakehouse.schema import TableSpec

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

_UNREADABLE = (
    FileNotFoundError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    zlib.error,
    TypeError,
    SystemError,
)
"""What pyiceberg raises of a manifest that is none, besides its own :class:`ResolveError`."""


def data_files(table: Table, spec: TableSpec, partition: Partition) -> tuple[DataFile, ...]:
    """The data files of a month, or of the whole table.

    Raises:
        CorruptFile: its manifests cannot be read; or another tool has deleted single rows, which what reads whole
            files would not see.
    """
    scan = table.scan()
    if isinstance(partition, Period) and spec.partition:
        scan = table.scan(row_filter=month_filter(spec, partition))
    with reading_manifests(spec.name):
        tasks = list(scan.plan_files())
    if any(task.delete_files for task in tasks):
        raise CorruptFile(
            f"{spec.name} has row-level deletes, which another tool must have written; "
            "rewrite the table without them (its reader here takes whole files)"
        )
    return tuple(task.file for task in tasks)


@contextmanager
def reading_manifests(table: str) -> Iterator[None]:
    """Read manifests of a table that is called so in messages.

    Raises:
        CorruptFile: one is not there, or is none.
    """
    from pyiceberg.exceptions import ResolveError

    try:
        yield
    except (*_UNREADABLE, ResolveError) as error:
        raise CorruptFile(
            f"{table}: its manifests cannot be read ({type(error).__name__}: {first_line(error)}); was a file "
            f"removed? {_remedy(table)}"
        ) from error


def partition_of_file(file: DataFile) -> Partition:
    """The month that a data file is of; Iceberg counts them since 1970-01."""
    if not len(file.partition):
        return WHOLE
    years, months = divmod(int(file.partition[0]), 12)
    return Month(1970 + years, months + 1)


def month_filter(spec: TableSpec, partition: Period) -> BooleanExpression:
    """What is true of the rows of a month.

    Raises:
        ModelError: the table has no months.
    """
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

    if spec.partition is None:
        raise ModelError(f"{spec.name} has no partition column, so it has no month {partition}")
    is_date = spec.column(spec.partition).type == "DATE"
    start, end = (
        bound.date().isoformat() if is_date else bound.isoformat() for bound in (partition.start, partition.end)
    )
    return And(GreaterThanOrEqual(term=spec.partition, value=start), LessThan(term=spec.partition, value=end))


def _remedy(table: str) -> str:
    return f"Put it back, or make the table anew: lakehouse set-aside {table}, then run its months"
