"""What the Iceberg tables hold of each month, read from the tables themselves: they are the only record.

A data file is named ``<fingerprint>-<content>.parquet``. Another fingerprint that was found to make the same content
is put down in a property of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.files import hash_file, path_of
from lakehouse.month import Month
from lakehouse.schema import TableSpec
from lakehouse.warehouse.local.tables import IcebergTables, data_files
from lakehouse.warehouse.store import Record

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

MONTH_PROPERTY = "lakehouse.month"
"""Property of a snapshot's summary: the month it published."""

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


def confirmed_property(month: Month | None) -> str:
    """Name of the table property that holds :func:`confirmation` of a month's rows."""
    return f"{_CONFIRMED_PROPERTY}{month or 'all'}"


def confirmation(fingerprint: str, content: str) -> str:
    """That what has this fingerprint makes this content: true for good, whatever the month holds later."""
    return f"{fingerprint}-{content}"


def newest_snapshots(table: Table) -> Mapping[Month | None, Snapshot]:
    """The newest snapshot that published each month; None stands for the whole of a table without a partition."""
    named = {each.summary[MONTH_PROPERTY] if each.summary else None: each for each in table.snapshots()}
    return {Month.parse(month) if month else None: snapshot for month, snapshot in named.items()}


def version_of(table: Table, month: Month | None) -> str | None:
    """The snapshot that holds a month; where the one that published it has been expired, the newest of all."""
    snapshot = newest_snapshots(table).get(month) or table.current_snapshot()
    return str(snapshot.snapshot_id) if snapshot else None


class IcebergRecords:
    """Implements :class:`lakehouse.warehouse.store.Records`; each table is loaded once, when first asked for."""

    def __init__(self, tables: IcebergTables) -> None:
        self._tables = tables
        self._states: dict[str, _TableState] = {}

    def month(self, spec: TableSpec, month: Month | None) -> Record | None:
        state = self._state(spec)
        return state.record(month, state.files(month))

    def months(self, spec: TableSpec) -> Mapping[Month | None, Record]:
        state = self._state(spec)
        records = {month: state.record(month, files) for month, files in state.by_month.items()}
        return {month: record for month, record in records.items() if record is not None}

    def was_published(self, spec: TableSpec) -> bool:
        table = self._state(spec).table
        return table is not None and table.current_snapshot() is not None

    def is_intact(self, spec: TableSpec, month: Month | None) -> bool:
        return all(holds_its_content(path) for path in self.paths(spec, month))

    def paths(self, spec: TableSpec, month: Month | None) -> tuple[Path, ...]:
        """Data files of a month; of the whole table if ``month`` is None or it is not partitioned."""
        state = self._state(spec)
        files = [file for each in state.by_month.values() for file in each] if month is None else state.files(month)
        return tuple(sorted(path_of(file.file_path) for file in files))

    def _state(self, spec: TableSpec) -> _TableState:
        if spec.name not in self._states:
            self._states[spec.name] = _TableState(spec, self._tables.load(spec.name))
        return self._states[spec.name]


@dataclass
class _TableState:
    """One table as it was when it was loaded."""

    spec: TableSpec
    table: Table | None

    def __post_init__(self) -> None:
        self._planned: dict[Month | None, tuple[DataFile, ...]] = {}

    def files(self, month: Month | None) -> tuple[DataFile, ...]:
        """Data files of a month; of another month no manifest is read."""
        month = month if self.spec.partition else None
        if "by_month" in self.__dict__:
            return self.by_month.get(month, ())
        if month not in self._planned:
            self._planned[month] = data_files(self.table, self.spec, month) if self.table is not None else ()
        return self._planned[month]

    @cached_property
    def by_month(self) -> Mapping[Month | None, tuple[DataFile, ...]]:
        found: dict[Month | None, tuple[DataFile, ...]] = {}
        for file in data_files(self.table, self.spec, None) if self.table is not None else ():
            month = _month_of(file)
            found[month] = (*found.get(month, ()), file)
        return found

    @cached_property
    def _snapshots(self) -> Mapping[Month | None, Snapshot]:
        return newest_snapshots(self.table) if self.table is not None else {}

    def record(self, month: Month | None, files: Sequence[DataFile]) -> Record | None:
        if self.table is None or not files:
            return None
        paths = [path_of(file.file_path) for file in files]
        snapshot = self._snapshots.get(month) or self.table.current_snapshot()
        return Record(
            fingerprints=self._fingerprints(month, paths),
            content=" ".join(sorted(map(content_of, paths))),
            rows=sum(file.record_count for file in files),
            bytes=sum(file.file_size_in_bytes for file in files),
            version=str(snapshot.snapshot_id) if snapshot else None,
            published_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
            is_there=all(
                path.exists() and path.stat().st_size == file.file_size_in_bytes
                for path, file in zip(paths, files, strict=True)
            ),
        )

    def _fingerprints(self, month: Month | None, paths: Sequence[Path]) -> frozenset[str]:
        """None where there are several files, which another tool must have written."""
        if self.table is None or len(paths) != 1:
            return frozenset()
        known = {fingerprint_of(paths[0])}
        fingerprint, _, content = self.table.properties.get(confirmed_property(month), "").partition("-")
        return frozenset({*known, fingerprint} if content == content_of(paths[0]) else known)


def _month_of(file: DataFile) -> Month | None:
    """Iceberg counts months since 1970-01."""
    if not len(file.partition):
        return None
    years, months = divmod(int(file.partition[0]), 12)
    return Month(1970 + years, months + 1)
