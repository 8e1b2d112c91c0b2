"""Months of a table that were made of rows which are others now: put down in the table's properties, for any reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.partition import WHOLE, Partition, partition_named
from lakehouse.schema import TableSpec
from lakehouse.warehouse.iceberg.files import data_files, partition_of_file
from lakehouse.warehouse.local.private_pyiceberg import transaction_of

if TYPE_CHECKING:
    from pyiceberg.table import Table, Transaction

_PREFIX = "lakehouse.outdated."
_ANEW = "anew since "


def outdated_property(partition: Partition) -> str:
    """Name of the table property that lists the tables which have changed since a month was made of them.

    The table itself is one where a change of it was lost.
    """
    return f"{_PREFIX}{partition}"


def outdated(table: Table) -> Mapping[Partition, str]:
    """The months of a table that are outdated, and the names of the tables which have changed."""
    marks = {name: value for name, value in table.properties.items() if name.startswith(_PREFIX)}
    return {partition_named(name.removeprefix(_PREFIX)): value for name, value in sorted(marks.items())}


def made_anew(at: datetime) -> str:
    """What is put down instead of names for a month that was lost with the table it was in, and is to be made again."""
    return f"{_ANEW}{at:%Y-%m-%d}"


def in_words(spec: TableSpec, changed: str) -> str:
    """What a reader of an outdated month should know of it."""
    if changed.startswith(_ANEW):
        return f"made anew, empty, on {changed.removeprefix(_ANEW)}, and not published since"
    return (
        "perhaps as it was before a change that was lost" if changed == spec.name else f"made before {changed} changed"
    )


def mark_outdated(table: Table, spec: TableSpec, partition: Partition, changed: Iterable[str]) -> Transaction | None:
    """Let a table say that other tables have changed in a month that it was made of; None if it says so, or was not.

    Raises:
        CorruptFile: the table's files cannot be told.
    """
    known = {month: set(names.split(", ")) for month, names in outdated(table).items()}
    own = partition if spec.partition else WHOLE
    wanted = {month: known.get(month, set()).union(changed) for month in sorted(held(table, spec, own), key=str)}
    news = {outdated_property(month): ", ".join(sorted(names)) for month, names in wanted.items()}
    news = {name: value for name, value in news.items() if table.properties.get(name) != value}
    return transaction_of(table).set_properties(news) if news else None


def held(table: Table, spec: TableSpec, partition: Partition) -> AbstractSet[Partition]:
    """Months that have rows: that one, or all of the whole.

    Raises:
        CorruptFile: the table's files cannot be told.
    """
    return {partition_of_file(file) for file in data_files(table, spec, partition)}
