"""What the Iceberg tables hold of each month, and whether a run would change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.exceptions import LakehouseError
from lakehouse.models.model import SqlModel
from lakehouse.month import Month
from lakehouse.results import Publication
from lakehouse.schema import TableSpec
from lakehouse.warehouse.local.tables import IcebergTables, Published

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

MONTH_PROPERTY = "lakehouse.month"
"""Property of a snapshot's summary: the month it published."""


class OneLook:
    """What all tables hold, from one look at each: for who asks for all months of all tables."""

    def __init__(self, tables: IcebergTables) -> None:
        self._tables = tables
        self._seen: dict[str, _Seen] = {}

    def published(self, spec: TableSpec, month: Month | None = None) -> Published:
        """As :meth:`IcebergTables.published`."""
        seen = self._see(spec)
        months = seen.files if month is None or spec.partition is None else (month,)
        files = (Path(file.file_path.removeprefix("file://")) for m in months for file in seen.files.get(m, ()))
        return Published(tuple(files), seen.snapshot)

    def publications(
        self, model: SqlModel, fingerprint: Callable[[Month | None], str]
    ) -> Mapping[Month | None, Publication]:
        """Each month of a model's table that has rows; None stands for the whole of an unpartitioned table.

        ``fingerprint`` tells what a month would be computed from now.
        """
        seen = self._see(model.table)
        rejected = self._see(model.rejected).files if model.rejected else {}
        return {
            month: _publication(file, rejected.get(month, ()), month, seen.published.get(month), fingerprint)
            for month, (file, *_) in seen.files.items()
        }

    def _see(self, spec: TableSpec) -> _Seen:
        if spec.name not in self._seen:
            self._seen[spec.name] = _seen(self._tables, spec)
        return self._seen[spec.name]


@dataclass(frozen=True)
class _Seen:
    """A table as it is: the files of each month, and the newest snapshot that published each."""

    files: Mapping[Month | None, tuple[DataFile, ...]]
    published: Mapping[Month | None, Snapshot]
    snapshot: str | None


def _seen(tables: IcebergTables, spec: TableSpec) -> _Seen:
    table = tables.load(spec.name)
    if table is None:
        return _Seen({}, {}, None)
    files: dict[Month | None, tuple[DataFile, ...]] = {}
    for task in tables.plan(table, spec, None):
        month = _month_of(task.file)
        files[month] = (*files.get(month, ()), task.file)
    snapshot = table.current_snapshot()
    return _Seen(files, _by_month(table), str(snapshot.snapshot_id) if snapshot else None)


def _publication(
    file: DataFile,
    rejected: Iterable[DataFile],
    month: Month | None,
    snapshot: Snapshot | None,
    fingerprint: Callable[[Month | None], str],
) -> Publication:
    try:
        wanted = fingerprint(month)
        is_current = all(_is_of(each, wanted) for each in (file, *rejected))
    except LakehouseError:  # what it was made of is gone
        is_current = False
    return Publication(
        rows=file.record_count,
        bytes=file.file_size_in_bytes,
        version=str(snapshot.snapshot_id) if snapshot else None,
        published_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        is_current=is_current,
    )


def _is_of(file: DataFile, fingerprint: str) -> bool:
    """Whether a file is there in its whole length, and was computed from these inputs."""
    path = Path(file.file_path.removeprefix("file://"))
    return path.name.startswith(fingerprint) and path.exists() and path.stat().st_size == file.file_size_in_bytes


def _month_of(file: DataFile) -> Month | None:
    """Iceberg counts months since 1970-01."""
    if not len(file.partition):
        return None
    years, months = divmod(int(file.partition[0]), 12)
    return Month(1970 + years, months + 1)


def _by_month(table: Table) -> Mapping[Month | None, Snapshot]:
    """The newest snapshot that published each month."""
    found: dict[Month | None, Snapshot] = {}
    for snapshot in table.snapshots():
        text = snapshot.summary[MONTH_PROPERTY] if snapshot.summary else None
        found[Month.parse(text) if text else None] = snapshot
    return found
