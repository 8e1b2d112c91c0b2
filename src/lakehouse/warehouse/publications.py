"""What the Iceberg tables hold of each month, and whether a run would change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.exceptions import LakehouseError
from lakehouse.model import SqlModel
from lakehouse.month import Month
from lakehouse.warehouse.iceberg_tables import IcebergTables
from lakehouse.warehouse.protocol import Publication

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

MONTH_PROPERTY = "lakehouse.month"
"""Property of a snapshot's summary: the month it published."""


def publications(
    tables: IcebergTables, model: SqlModel, fingerprint: Callable[[Month | None], str]
) -> Mapping[Month | None, Publication]:
    """Each month of a model's table that has rows; None stands for the whole of an unpartitioned table.

    ``fingerprint`` tells what a month would be computed from now.
    """
    table = tables.load(model.table.name)
    if table is None:
        return {}
    snapshots = _by_month(table)
    files = {_month_of(task.file): task.file for task in tables.plan(table, model.table, None)}
    return {month: _publication(files[month], month, snapshots.get(month), fingerprint) for month in files}


def _publication(
    file: DataFile, month: Month | None, snapshot: Snapshot | None, fingerprint: Callable[[Month | None], str]
) -> Publication:
    path = Path(file.file_path.removeprefix("file://"))
    try:
        is_current = path.exists() and path.name.startswith(fingerprint(month))
    except LakehouseError:  # what it was made of is gone
        is_current = False
    return Publication(
        rows=file.record_count,
        bytes=file.file_size_in_bytes,
        version=str(snapshot.snapshot_id) if snapshot else None,
        published_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        is_current=is_current,
    )


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
