"""A month of Iceberg tables replaced by staged files, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from lakehouse.exceptions import StaleInputs
from lakehouse.files import file_uri, make_durable, make_folder, path_of
from lakehouse.partition import Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.local.private_pyiceberg import Change, Pointer, commit
from lakehouse.warehouse.local.records import (
    confirmation,
    confirmed_property,
    content_of,
    file_name,
    holds_its_content,
    version_of,
)
from lakehouse.warehouse.local.tables import IcebergTables, data_files, racing
from lakehouse.warehouse.local.types import evolve, require_exact_types, shape_of
from lakehouse.warehouse.store import Commit

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table, Transaction

PUBLICATION_PROPERTY = "lakehouse.publication"
"""Property of the summaries of the snapshots that published a month together: the same in all of them."""


@dataclass(frozen=True)
class Replaced:
    """What a month of a table is to hold: the rows of a staged file, or none; ``summary`` is its snapshot's."""

    spec: TableSpec
    partition: Partition
    staged: Path
    rows: int
    fingerprint: str
    content: str
    summary: Mapping[str, str]

    def __str__(self) -> str:
        return self.partition.of(self.spec.name)


def publish(tables: IcebergTables, wanted: Sequence[Replaced], is_current: Callable[[], bool]) -> Commit:
    """Make staged files the content of a month of some tables, and the specs' columns those of the tables.

    One commit of all of them, one snapshot of each; none if the month holds just these rows already. ``is_current`` is
    asked before each attempt, after the tables were looked at: a change that another writer commits later makes the
    attempt a conflict, and the next one asks again, so an overtaken writer never undoes a newer month. What was staged
    stays: an attempt is made of it again, on the tables as they are then.

    Returns:
        The version of the last table.

    Raises:
        StaleInputs: what the files were computed from is no longer current; nothing was published.
        CommitConflict: other writers kept changing the tables.
        CorruptFile: a file's columns or types are not exactly the spec's.
    """
    return racing(str(wanted[-1]), lambda: _publish_once(tables, wanted, is_current))


def _publish_once(tables: IcebergTables, wanted: Sequence[Replaced], is_current: Callable[[], bool]) -> Commit:
    there = tables.pointers()
    targets = [_Target(each, there[each.spec.name], tables.at(there[each.spec.name])) for each in wanted]
    if not is_current():
        raise StaleInputs(f"{wanted[-1]}: its inputs changed while it was computed")
    table = targets[-1].table
    if all(target.has_these_rows for target in targets):
        if confirmed := [change for target in targets if (change := target.confirmed()) is not None]:
            commit(tables.catalog, confirmed)
        return Commit(version_of(table, wanted[-1].partition), is_new=False)
    for target in targets:
        target.place()
    if any(target.paths != target.places for target in targets):
        publication = uuid4().hex
        changes = [target.overwritten(publication) for target in targets]
        commit(tables.catalog, changes)
        return Commit(str(changes[-1].transaction.table_metadata.current_snapshot_id), is_new=True)
    return Commit(version_of(table, wanted[-1].partition), is_new=True)  # files were damaged, and are what they were


@dataclass(frozen=True)
class _Target:
    """One table as it was looked at, and what a month of it is to be."""

    wanted: Replaced
    pointer: Pointer
    table: Table

    @cached_property
    def _files(self) -> tuple[DataFile, ...]:
        return data_files(self.table, self.wanted.spec, self.wanted.partition)

    @cached_property
    def paths(self) -> list[Path]:
        """Files of the month."""
        return [path_of(file.file_path) for file in self._files]

    @property
    def places(self) -> list[Path]:
        """Files that the month is to have."""
        if not self.wanted.rows:
            return []
        folder = path_of(self.table.location()) / "data" / str(self.wanted.partition)
        return [folder / file_name(self.wanted.fingerprint, self.wanted.content)]

    @property
    def has_these_rows(self) -> bool:
        if not self.wanted.rows or len(self.paths) != 1:
            return not self.wanted.rows and not self.paths
        (held,) = self.paths
        return content_of(held) == self.wanted.content and holds_its_content(held)

    def confirmed(self) -> Change | None:
        """Put down that what was computed is what is there; None if that is known."""
        name, value = (
            confirmed_property(self.wanted.partition),
            confirmation(self.wanted.fingerprint, self.wanted.content),
        )
        if self.paths == self.places or self.table.properties.get(name) == value:
            return None
        return Change(self.pointer, self.table.transaction().set_properties({name: value}))

    def place(self) -> None:
        """Give the staged file its final name; one of that name has, or should have, its bytes."""
        for place in self.places:
            make_folder(place.parent)
            if self.wanted.staged.exists():  # else an earlier attempt has moved it
                require_exact_types(self.wanted.staged, self.wanted.spec)
                self.wanted.staged.replace(place)
                make_durable(place.parent)

    def overwritten(self, publication: str) -> Change:
        """One snapshot: the month's files out, the new one in, the columns evolved."""
        from pyiceberg.io.pyarrow import parquet_file_to_data_file

        changes = evolution(shape_of(self.table), self.wanted.spec)
        transaction: Transaction = self.table.transaction()
        if changes:
            with transaction.update_schema() as update:
                evolve(update, changes)
        summary = {**self.wanted.summary, PUBLICATION_PROPERTY: publication}
        with transaction.update_snapshot(snapshot_properties=summary).overwrite() as overwrite:
            for file in self._files:
                overwrite.delete_data_file(file)
            for place in self.places:
                overwrite.append_data_file(
                    parquet_file_to_data_file(self.table.io, transaction.table_metadata, file_uri(place))
                )
        return Change(self.pointer, transaction)
