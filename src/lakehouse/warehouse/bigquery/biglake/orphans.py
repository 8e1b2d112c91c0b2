"""Files of extracts that no snapshot names: of runs that were ended before they committed them, or of months replaced.

Nobody reads them, and no run removes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.bronze.gcs.objects import Kept, Objects
from lakehouse.warehouse.bigquery.biglake.answers import told_as_ours
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.iceberg.files import reading_manifests

if TYPE_CHECKING:
    from pyiceberg.table import Table

LEFT_ALONE = timedelta(days=1)
"""How old they are before they are told of: a run may be about to commit younger ones."""


@dataclass(frozen=True)
class Orphans:
    """Those of one job of a table: all that are in its folder."""

    table: str
    folder: str
    files: int
    bytes: int


def orphans(tables: CatalogTables, older_than: timedelta = LEFT_ALONE) -> Iterator[Orphans]:
    """What no snapshot that a table still has names, by job.

    Raises:
        ConfigurationError, StorageUnavailable: catalog or bucket cannot be looked at.
        CorruptFile: manifests of a table cannot be read.
    """
    for name in sorted(tables.names):
        table = tables.table(name)
        if table is not None:
            yield from _of_table(tables, name, table, datetime.now(UTC) - older_than)


def _of_table(tables: CatalogTables, name: str, table: Table, before: datetime) -> Iterator[Orphans]:
    folder = f"{table.location()}/data/"
    objects = Objects(tables.bucket, folder.removeprefix(f"gs://{tables.bucket.name}/"))
    there = objects.under("")  # first: what is committed after is named by then
    newest = tables.table(name)
    with told_as_ours(name), reading_manifests(name):
        named = _named(table if newest is None else newest)
    left: dict[str, list[Kept]] = {}
    for each in there:
        if objects.uri(each.name) not in named and each.changed_at <= before:
            left.setdefault(each.name.rpartition("/")[0], []).append(each)
    for job, files in sorted(left.items()):
        yield Orphans(name, objects.uri(f"{job}/"), len(files), sum(each.bytes for each in files))


def _named(table: Table) -> frozenset[str]:
    """Every data file that any of its snapshots names."""
    manifests = {each.manifest_path: each for snapshot in table.snapshots() for each in snapshot.manifests(table.io)}
    return frozenset(
        entry.data_file.file_path
        for manifest in manifests.values()
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
    )
