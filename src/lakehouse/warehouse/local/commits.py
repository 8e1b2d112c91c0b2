"""A month of Iceberg tables replaced by staged files, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

from lakehouse.exceptions import CorruptFile, StaleInputs
from lakehouse.files import file_uri, make_durable, make_folder, path_of
from lakehouse.partition import WHOLE, Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.iceberg.files import data_files
from lakehouse.warehouse.iceberg.types import evolve, require_exact_types, shape_of
from lakehouse.warehouse.local.outdated import held, mark_outdated, outdated_property
from lakehouse.warehouse.local.private_pyiceberg import Change, Pointer, commit, transaction_of
from lakehouse.warehouse.local.racing import racing
from lakehouse.warehouse.local.records import (
    NOTE_PROPERTY,
    confirmation,
    confirmed_property,
    content_of,
    file_name,
    holds_its_content,
    newest_snapshots,
    note_of,
    note_property,
    version_of,
)
from lakehouse.warehouse.local.tables import IcebergTables, is_set_back
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


def publish(
    tables: IcebergTables,
    wanted: Sequence[Replaced],
    is_current: Callable[[], bool],
    *,
    reads: Sequence[str] = (),
    read_by: Mapping[str, Sequence[TableSpec]] = MappingProxyType({}),
) -> Commit:
    """Make staged files the content of a month of some tables, and the specs' columns those of the tables.

    One commit of all of them, one snapshot of each; no snapshot if the month holds just these rows. ``is_current`` is
    asked before each attempt, after the tables were looked at: a change that another writer commits later, to them or
    to the tables that the files were computed from (``reads``), makes the attempt a conflict, and the next one asks
    again, so an overtaken writer never undoes a newer month. What was staged stays: an attempt is made of it again, on
    the tables as they are then.

    Where rows are others than before, the commit lets the tables that are made of them (``read_by``) say so, see
    :mod:`lakehouse.warehouse.local.outdated`; publishing a month of those takes it back.

    Returns:
        The version of the last table.

    Raises:
        StaleInputs: what the files were computed from is no longer current; nothing was published.
        CommitConflict: other writers kept changing the tables.
        CorruptFile: a file's columns or types are not exactly the spec's.
    """

    def once() -> Commit:
        there = tables.pointers()
        targets = [_Target(each, there[each.spec.name], tables.at(there[each.spec.name])) for each in wanted]
        if not is_current():
            raise StaleInputs(f"{wanted[-1]}: its inputs changed while it was computed")
        is_held = all(target.has_these_rows for target in targets)
        if not is_held:
            for target in targets:
                target.place()
        was_mended = not is_held and all(target.paths == target.places for target in targets)
        if is_held or was_mended:
            if settled := [change for target in targets if (change := target.settled()) is not None]:
                commit(tables.catalog, settled, given=_given(there, settled, reads))
            return Commit(version_of(targets[-1].table, wanted[-1].partition), is_new=was_mended)
        publication = uuid4().hex
        changes = [target.overwritten(publication) for target in targets]
        changed = [target.wanted.spec.name for target in targets if target.has_other_rows]
        readers = {
            spec: [name for name in changed if spec in read_by.get(name, ())]
            for spec in (spec for name in changed for spec in read_by.get(name, ()))
        }
        changes += _marks(tables, there, wanted[-1].partition, readers)
        commit(tables.catalog, changes, given=_given(there, changes, [*reads, *(spec.name for spec in readers)]))
        published = changes[len(targets) - 1].transaction.table_metadata
        return Commit(str(published.current_snapshot_id), is_new=True)

    return racing(str(wanted[-1]), once, tables.turns)


def _given(
    there: Mapping[str, Pointer], changes: Sequence[Change], names: Iterable[str]
) -> Mapping[str, Pointer | None]:
    """Tables that a commit leaves as they are, and that are to be as they were when they were looked at."""
    moved = {change.pointer.name for change in changes}
    return {name: there.get(name) for name in sorted({*names} - moved)}


def _marks(
    tables: IcebergTables,
    there: Mapping[str, Pointer],
    partition: Partition,
    readers: Mapping[TableSpec, Sequence[str]],
) -> list[Change]:
    """What lets tables say that those have changed which they were made of; one that cannot be read says nothing."""
    marks = []
    for spec, changed in readers.items():
        if (pointer := there.get(spec.name)) is None:
            continue
        with suppress(CorruptFile):
            table = tables.at(pointer)
            if is_set_back(table, pointer):  # what it has lost is not to be hidden by a change of another
                continue
            if (transaction := mark_outdated(table, spec, partition, changed)) is not None:
                marks.append(Change(pointer, transaction))
    return marks


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

    @property
    def has_other_rows(self) -> bool:
        """Whether what the month holds is not what it is to hold, as file names tell."""
        return [content_of(path) for path in self.paths] != [content_of(place) for place in self.places]

    def settled(self) -> Change | None:
        """Put down that what was computed is what is there, and take back what was said of it; None if all is said."""
        news = {**(self._confirmation if self.paths != self.places else {}), **self._note}
        if not news and not self._is_marked and not is_set_back(self.table, self.pointer):
            return None
        transaction = transaction_of(self.table)
        if news:
            transaction.set_properties(news)
        self._mend(transaction)
        return Change(self.pointer, transaction)

    @property
    def _confirmation(self) -> dict[str, str]:
        name = confirmed_property(self.wanted.partition)
        value = confirmation(self.wanted.fingerprint, self.wanted.content)
        return {} if self.table.properties.get(name) == value else {name: value}

    @property
    def _note(self) -> dict[str, str]:
        """What is to be written down of the month, where that is not what is."""
        note = self.wanted.summary.get(NOTE_PROPERTY)
        known = note_of(self.table, self.wanted.partition, newest_snapshots(self.table).get(self.wanted.partition))
        return {} if note in (None, known) else {note_property(self.wanted.partition): str(note)}

    @property
    def _is_marked(self) -> bool:
        return outdated_property(self.wanted.partition) in self.table.properties

    def _mend(self, transaction: Transaction) -> None:
        """The month is as it should be; what a lost change did to others shows when they are run."""
        if self._is_marked:
            transaction.remove_properties(outdated_property(self.wanted.partition))
        if is_set_back(self.table, self.pointer):
            others = held(self.table, self.wanted.spec, WHOLE) - {self.wanted.partition}
            transaction.set_properties({outdated_property(each): self.wanted.spec.name for each in others})

    def place(self) -> None:
        """Give the staged file its final name; one of that name has, or should have, its bytes."""
        for place in self.places:
            make_folder(place.parent)
            if self.wanted.staged.exists():  # else an earlier attempt has moved it
                require_exact_types(str(self.wanted.staged), str(self.wanted.staged), self.wanted.spec)
                self.wanted.staged.replace(place)
                make_durable(place.parent)

    def overwritten(self, publication: str) -> Change:
        """One snapshot: the month's files out, the new one in, the columns evolved."""
        from pyiceberg.io.pyarrow import parquet_file_to_data_file

        changes = evolution(shape_of(self.table), self.wanted.spec)
        transaction = transaction_of(self.table)
        if changes:
            with transaction.update_schema() as update:
                evolve(update, changes)
        self._mend(transaction)
        if note_property(self.wanted.partition) in self.table.properties:
            transaction.remove_properties(note_property(self.wanted.partition))
        summary = {**self.wanted.summary, PUBLICATION_PROPERTY: publication}
        with transaction.update_snapshot(snapshot_properties=summary).overwrite() as overwrite:
            for file in self._files:
                overwrite.delete_data_file(file)
            for place in self.places:
                overwrite.append_data_file(
                    parquet_file_to_data_file(self.table.io, transaction.table_metadata, file_uri(place))
                )
        return Change(self.pointer, transaction)
