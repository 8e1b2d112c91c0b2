"""What is looked at of a catalog: that it is there, where and whose, and which files in its bucket are of nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.bronze.gcs.findings import beside_findings
from lakehouse.exceptions import LakehouseError
from lakehouse.findings.finding import Finding, ok, told, unseen, warning
from lakehouse.warehouse.bigquery.biglake.catalog import BigLake
from lakehouse.warehouse.bigquery.biglake.orphans import LEFT_ALONE, Orphans, orphans

_FILES, _BUCKET = "catalog, files", "catalog, bucket"
_SHOWN = 3
_MIB = 1 << 20


def catalog_findings(lake: BigLake) -> Iterator[Finding]:
    """A line for each thing; nothing is changed."""
    yield from _of_catalog(lake)
    if lake.name != lake.place.bucket:  # else it is looked at as that
        yield from beside_findings(lake.tables.bucket, lake.place, _BUCKET)


def _of_catalog(lake: BigLake) -> Iterator[Finding]:
    what = f"catalog {lake.name}"
    try:
        found = lake.look()
    except LakehouseError as error:
        yield told(what, error)
        yield unseen(_FILES, "the catalog cannot be looked at")
        return
    if found is None:
        yield ok(what, "is not made yet; materializing infrastructure makes it")
        return
    where = ", ".join(found.storage_regions) or "a place that it does not tell"
    try:
        tables = {name: lake.tables.table(name) for name in sorted(lake.tables.names)}
    except LakehouseError as error:
        yield told(what, error)
        yield unseen(_FILES, "the catalog cannot be read")
        return
    missing = [name for name, table in tables.items() if table is None]
    snapshots = [f"{name} has {len(table.snapshots())}" for name, table in tables.items() if table is not None]
    if missing and snapshots:
        yield warning(what, f"in {where}; without {', '.join(missing)}", "materialize infrastructure, which makes it")
    else:
        yield ok(what, f"in {where}; snapshots: {', '.join(snapshots) or 'no tables yet'}")
    yield _files(lake)


def _files(lake: BigLake) -> Finding:
    try:
        found = list(orphans(lake.tables))
    except LakehouseError as error:
        return told(_FILES, error)
    if not found:
        return ok(_FILES, f"every file of an extract that is older than {LEFT_ALONE.days} day is of a snapshot")
    return warning(_FILES, *orphans_told(found))


def orphans_told(found: list[Orphans]) -> tuple[str, str]:
    """What no snapshot names, and how to delete it."""
    size = sum(each.bytes for each in found) / _MIB
    tables = ", ".join(sorted({each.table for each in found}))
    what = f"{sum(each.files for each in found)} files ({size:,.1f} MiB) of extracts are of no snapshot of {tables}"
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    folders = " ".join(each.folder for each in found[:_SHOWN])
    return what, f"nobody reads them; to delete them say gcloud storage rm --recursive {folders}{more}"
