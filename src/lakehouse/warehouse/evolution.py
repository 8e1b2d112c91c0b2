"""How a table is brought to its model's schema in place: columns added, widened, described; none is ever dropped.

A column that the model has no more is NULL from then on, and its name stays taken: readers by any engine would meet old
rows with the old column under a name that came to mean another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.column_types import digits_of
from lakehouse.exceptions import ModelError
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.store import TableShape


@dataclass(frozen=True)
class Evolution:
    """What is to be done to a table, in the order of its model's columns; empty where it is as it should be."""

    added: tuple[Column, ...]
    widened: tuple[Column, ...]
    described: tuple[Column, ...]
    """Those of which only the description changes."""

    def __bool__(self) -> bool:
        return bool(self.added or self.widened or self.described)

    def changed(self) -> Iterator[Column]:
        """The columns that are there, and change."""
        yield from self.widened
        yield from self.described


def evolution(shape: TableShape, spec: TableSpec) -> Evolution:
    """What brings a table to its spec; changes nothing.

    A NUMERIC may get more digits before its point, which every engine can do to rows that are there.

    Raises:
        ModelError: the partition differs, or a type that cannot change in place.
    """
    if shape.partition != spec.partition:
        raise ModelError(
            f"{spec.name} is partitioned by {shape.partition or 'nothing'}, its model by {spec.partition or 'nothing'}"
            f": a partition cannot be changed in place; give the model a new table name, {_or_anew(spec)}"
        )
    there = {column.name: column for column in shape.columns}
    added = tuple(column for column in spec.columns if column.name not in there)
    kept = [column for column in spec.columns if column.name in there]
    retyped = [column for column in kept if column.type != there[column.name].type]
    if impossible := [column for column in retyped if not _widens(there[column.name].type, column.type)]:
        changes = ", ".join(f"{there[column.name].type} to {column.type}" for column in impossible)
        raise ModelError(
            f"{spec.name}: {', '.join(column.name for column in impossible)} cannot change type in place ({changes}); "
            f"give the column or the table a new name, {_or_anew(spec)}"
        )
    described = (c for c in kept if c not in retyped and c.doc != there[c.name].doc)
    return Evolution(added, tuple(retyped), tuple(described))


def _or_anew(spec: TableSpec) -> str:
    return f"or make the table anew: lakehouse set-aside {spec.name}, then run its months"


def _widens(old: str, new: str) -> bool:
    narrow, wide = digits_of(old), digits_of(new)
    if narrow is None or wide is None:
        return False
    (precision, scale), (wider, same_scale) = narrow, wide
    return scale == same_scale and precision <= wider
