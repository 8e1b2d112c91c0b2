"""What the Iceberg tables hold of each month, read from the tables themselves: they are the only record.

A data file is named ``<fingerprint>-<content>.parquet``. Another fingerprint that was found to make the same content
is put down in a property of the table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.files import hash_file, path_of
from lakehouse.partition import WHOLE, Partition, partition_named, partition_of
from lakehouse.results import Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.iceberg.files import data_files, partition_of_file
from lakehouse.warehouse.iceberg.types import shape_of
from lakehouse.warehouse.local.outdated import in_words, outdated
from lakehouse.warehouse.local.private_pyiceberg import Pointer
from lakehouse.warehouse.local.tables import IcebergTables, is_set_back
from lakehouse.warehouse.store import Record, TableShape

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

MONTH_PROPERTY = "lakehouse.month"
"""Property of a snapshot's summary: the month it published."""

NOTE_PROPERTY = "lakehouse.note"
"""Property of a snapshot's summary: what was written down with the month it published."""

_NOTE_SINCE = "lakehouse.note."

CONTENT_DIGITS = 32

_CONFIRMED_PROPERTY = "lakehouse.confirmed."


def file_name(fingerprint: str, content: str) -> str:
    """Name of the data file of a month."""
    return f"{fingerprint}-{content}.parquet"


def fingerprint_of(file: Path) -> str:
    """Fingerprint that a data file was made of, as its name says."""
    return file.stem.partition("-")[0]


def content_of(file: Path) -> str:
    """Content of a data file, as its name says."""
    return file.stem.partition("-")[2]


def content_hash(file: Path) -> str:
    """Content of a data file, read in full."""
    return hash_file(file)[:CONTENT_DIGITS]


def holds_its_content(file: Path) -> bool:
    """Whether a data file is there with the content that its name says."""
    return file.exists() and content_hash(file) == content_of(file)


def confirmed_property(partition: Partition) -> str:
    """Name of the table property that holds :func:`confirmation` of a month's rows."""
    return f"{_CONFIRMED_PROPERTY}{partition}"


def confirmation(fingerprint: str, content: str) -> str:
    """That what has this fingerprint makes this content: true for good, whatever the month holds later."""
    return f"{fingerprint}-{content}"


def note_property(partition: Partition) -> str:
    """Name of the table property that holds what was written down of a month when its rows were confirmed."""
    return f"{_NOTE_SINCE}{partition}"


def note_of(table: Table, partition: Partition, snapshot: Snapshot | None) -> str | None:
    """What was written down last of a month that this snapshot published."""
    summary = snapshot.summary if snapshot else None
    return table.properties.get(note_property(partition)) or (summary[NOTE_PROPERTY] if summary else None)


def newest_snapshots(table: Table) -> Mapping[Partition, Snapshot]:
    """The newest snapshot that published each month; the whole is that of a table without partitions."""
    named = {each.summary[MONTH_PROPERTY] if each.summary else None: each for each in table.snapshots()}
    return {partition_of(partition): snapshot for partition, snapshot in named.items()}


def version_of(table: Table, partition: Partition) -> str | None:
    """The snapshot that holds a month; where the one that published it has been expired, the newest of all."""
    snapshot = newest_snapshots(table).get(partition) or table.current_snapshot()
    return str(snapshot.snapshot_id) if snapshot else None


class IcebergRecords:
    """Implements :class:`lakehouse.warehouse.store.Records`: all tables as of the first look at any of them."""

    def __init__(self, tables: IcebergTables) -> None:
        self._tables = tables
        self._states: dict[str, _TableState] = {}

    def shape(self, spec: TableSpec) -> TableShape | None:
        table = self._state(spec).table
        return None if table is None else shape_of(table)

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        table, pointer = self._state(spec).table, self._pointers.get(spec.name)
        if table is None or pointer is None:
            return ()
        found = [Remark(spec.name, month, in_words(spec, names)) for month, names in outdated(table).items()]
        if is_set_back(table, pointer):
            gone = f"its newest table metadata cannot be read ({path_of(pointer.location).name})"
            found.append(Remark(spec.name, WHOLE, f"{gone}, so it is as it was before the last change"))
        return tuple(found)

    def partition(self, spec: TableSpec, partition: Partition) -> Record | None:
        state = self._state(spec)
        return state.record(partition, state.files(partition))

    def partitions(self, spec: TableSpec) -> Mapping[Partition, Record]:
        state = self._state(spec)
        records = {partition: state.record(partition, files) for partition, files in state.by_partition.items()}
        return {partition: record for partition, record in records.items() if record is not None}

    def changed(self, spec: TableSpec) -> Collection[Partition]:
        held = self._state(spec).by_partition
        return [partition for partition, files in held.items() if not all(map(_is_there, files))]

    def notes(self, spec: TableSpec) -> Mapping[Partition, str]:
        state = self._state(spec)
        if state.table is None:
            return {}
        confirmed = (name for name in state.table.properties if name.startswith(_NOTE_SINCE))
        without_rows = {partition_named(name.removeprefix(_NOTE_SINCE)): None for name in confirmed}
        published = {**without_rows, **state.snapshots}
        notes = {month: note_of(state.table, month, snapshot) for month, snapshot in published.items()}
        return {month: note for month, note in notes.items() if note is not None}

    def was_published(self, spec: TableSpec) -> bool:
        table = self._state(spec).table
        return table is not None and table.current_snapshot() is not None

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> None:  # noqa: ARG002 - tables are counted
        return None

    def is_intact(self, spec: TableSpec, partition: Partition) -> bool:
        return all(holds_its_content(path) for path in self.paths(spec, partition))

    def paths(self, spec: TableSpec, partition: Partition) -> tuple[Path, ...]:
        """Data files of a month; of the whole table if that is what is asked for, or if it has no partitions."""
        state = self._state(spec)
        files = (
            [file for each in state.by_partition.values() for file in each]
            if partition is WHOLE
            else state.files(partition)
        )
        return tuple(sorted(path_of(file.file_path) for file in files))

    def _state(self, spec: TableSpec) -> _TableState:
        if spec.name not in self._states:
            pointer = self._pointers.get(spec.name)
            self._states[spec.name] = _TableState(spec, None if pointer is None else self._tables.at(pointer))
        return self._states[spec.name]

    @cached_property
    def _pointers(self) -> Mapping[str, Pointer]:
        return self._tables.pointers()


@dataclass
class _TableState:
    """One table as it was when it was loaded."""

    spec: TableSpec
    table: Table | None

    def __post_init__(self) -> None:
        self._planned: dict[Partition, tuple[DataFile, ...]] = {}

    def files(self, partition: Partition) -> tuple[DataFile, ...]:
        """Data files of a month; of another month no manifest is read."""
        partition = partition if self.spec.partition else WHOLE
        if "by_partition" in self.__dict__:
            return self.by_partition.get(partition, ())
        if partition not in self._planned:
            self._planned[partition] = data_files(self.table, self.spec, partition) if self.table is not None else ()
        return self._planned[partition]

    @cached_property
    def by_partition(self) -> Mapping[Partition, tuple[DataFile, ...]]:
        found: dict[Partition, tuple[DataFile, ...]] = {}
        for file in data_files(self.table, self.spec, WHOLE) if self.table is not None else ():
            partition = partition_of_file(file)
            found[partition] = (*found.get(partition, ()), file)
        return found

    @cached_property
    def snapshots(self) -> Mapping[Partition, Snapshot]:
        return newest_snapshots(self.table) if self.table is not None else {}

    def record(self, partition: Partition, files: Sequence[DataFile]) -> Record | None:
        if self.table is None or not files:
            return None
        paths = [path_of(file.file_path) for file in files]
        snapshot = self.snapshots.get(partition) or self.table.current_snapshot()
        return Record(
            fingerprints=self._fingerprints(partition, paths),
            content=" ".join(sorted(map(content_of, paths))),
            rows=sum(file.record_count for file in files),
            bytes=sum(file.file_size_in_bytes for file in files),
            version=str(snapshot.snapshot_id) if snapshot else None,
            published_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        )

    def _fingerprints(self, partition: Partition, paths: Sequence[Path]) -> frozenset[str]:
        """None where there are several files, which another tool must have written."""
        if self.table is None or len(paths) != 1:
            return frozenset()
        known = {fingerprint_of(paths[0])}
        fingerprint, _, content = self.table.properties.get(confirmed_property(partition), "").partition("-")
        return frozenset({*known, fingerprint} if content == content_of(paths[0]) else known)


def _is_there(file: DataFile) -> bool:
    path = path_of(file.file_path)
    return path.exists() and path.stat().st_size == file.file_size_in_bytes
