"""New York's Taxi and Limousine Commission: what it publishes, and how a month or the zone lookup is fetched."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_sources import http_file
from dlt_sources.dataset import SAMPLE_MARK, Content, Dataset, Download, MonthlyDataset, fetched, file_source
from dlt_sources.remote_file import HttpPolicy, RemoteFile, Validators, checked_base_url
from lakehouse.exceptions import CorruptFile
from lakehouse.partition import Month

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.sources import DltSource

_SETTING = "LAKEHOUSE_TLC_URL"
_PARQUET_MAGIC = b"PAR1"
_ZONES_PATH = "misc/taxi_zone_lookup.csv"


# First months: TLC.md, Publication.
YELLOW = MonthlyDataset(
    name="yellow",
    description="Yellow (medallion) taxi trips as TLC publishes them, one file a month.",
    began=Month(2009, 1),
)
GREEN = MonthlyDataset(
    name="green",
    description="Green (boro) taxi trips as TLC publishes them, one file a month.",
    began=Month(2013, 8),
)
FHV = MonthlyDataset(
    name="fhv",
    description="Trips of for-hire vehicles (community cars, black cars, luxury limousines) as TLC publishes them, "
    "one file a month.",
    began=Month(2015, 1),
)
ZONES = Dataset(
    name="zones", description="TLC's lookup of taxi zones as it publishes it, one row for each zone.", suffix="csv"
)

ZONE_COLUMNS = ("LocationID", "Borough", "Zone", "service_zone")
"""The header of the zone lookup, as published in 2024."""


def month_url(base_url: str, dataset: MonthlyDataset, month: Month) -> str:
    """The address of a month's file; a query string of the base address (a signature) stays at the end.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    return _url(base_url, f"trip-data/{_month_file(dataset, month)}", f"{dataset.name} {month}")


def zones_url(base_url: str) -> str:
    """The address of the zone lookup.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    return _url(base_url, _ZONES_PATH, ZONES.name)


def month_file(base_url: str, dataset: MonthlyDataset, month: Month) -> RemoteFile:
    """A month's file, and the neighbour whose answer explains a 403.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    # TLC publishes in order, so the month before exists if this one does; the first month has none.
    neighbour = month.previous() if month > dataset.began else month.next()
    return RemoteFile(
        what=f"{dataset.name} {month}",
        url=month_url(base_url, dataset, month),
        neighbour=str(neighbour),
        neighbour_url=month_url(base_url, dataset, neighbour),
        setting=_SETTING,
    )


def zones_file(base_url: str) -> RemoteFile:
    """The file of the zone lookup, and a month that has been there from the first.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    return RemoteFile(
        what=ZONES.name,
        url=zones_url(base_url),
        neighbour=f"{YELLOW.name} {YELLOW.began}",
        neighbour_url=month_url(base_url, YELLOW, YELLOW.began),
        setting=_SETTING,
    )


def fetch_month(
    base_url: str,
    dataset: MonthlyDataset,
    month: Month,
    into: Path,
    known: Validators | None,
    policy: HttpPolicy,
) -> Download | None:
    """Fetch a month into the folder `into` and verify it; None when it is unchanged since `known`.

    Nothing is left in `into` unless the file is whole and verified.

    Raises:
        ConfigurationError: the base address cannot be used.
        NotPublished: the source has no file for this month.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, or broke off, after bounded retries.
        CorruptFile: what it served is not a parquet file with rows.
        OSError: `into` cannot be written.
    """
    return _fetch(
        month_file(base_url, dataset, month), into / _month_file(dataset, month), known, policy, _verified_trips
    )


def fetch_zones(
    base_url: str,
    into: Path,
    known: Validators | None,
    policy: HttpPolicy,
) -> Download | None:
    """Fetch the zone lookup into the folder `into` and verify it; None when it is unchanged since `known`.

    Raises:
        CorruptFile: what it served is not a CSV file with the lookup's columns and rows.
        Others: as :func:`fetch_month`.
    """
    return _fetch(zones_file(base_url), into / Path(_ZONES_PATH).name, known, policy, _verified_zones)


def trips_source(dataset: MonthlyDataset, download: Download | None) -> DltSource:
    """The dlt source that lands a month's file byte for byte; without a download it yields nothing."""
    return file_source("tlc", dataset, download, _trip_hints(download.path) if download else None)


def zones_source(download: Download | None) -> DltSource:
    """The dlt source that lands the zone lookup byte for byte; without a download it yields nothing."""
    hints: TTableSchemaColumns = {name: {"name": name, "data_type": "text"} for name in ZONE_COLUMNS}
    return file_source("tlc", ZONES, download, hints if download else None)


def _month_file(dataset: MonthlyDataset, month: Month) -> str:
    return f"{dataset.name}_tripdata_{month}.parquet"


def _url(base_url: str, path: str, what: str) -> str:
    parts = checked_base_url(base_url, _SETTING, what)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{path}", fragment="").geturl()


def _fetch(
    remote: RemoteFile,
    target: Path,
    known: Validators | None,
    policy: HttpPolicy,
    verified: Callable[[Path, RemoteFile], Content],
) -> Download | None:
    return fetched(remote, target, lambda into: http_file.download(remote, into, known, policy), verified)


def _corrupt(remote: RemoteFile, problem: str) -> CorruptFile:
    advice = "nothing was kept: open the address to see what it serves, and run it again later"
    return CorruptFile(remote.message(problem, advice))


def _verified_trips(path: Path, remote: RemoteFile) -> Content:
    """What a parquet file of trips holds.

    Raises:
        CorruptFile: it is not a parquet file, its footer cannot be read, or it has no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def corrupt(problem: str) -> CorruptFile:
        return _corrupt(remote, f"is not a trip file: {problem}")

    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        file.seek(max(0, size - len(_PARQUET_MAGIC)))
        tail = file.read()
    if _is_page(head):
        raise corrupt(f"it is an HTML or XML page of {size:,} bytes")
    if not head.startswith(_PARQUET_MAGIC) or tail != _PARQUET_MAGIC:
        raise corrupt(f"its {size:,} bytes begin with {head[:4]!r} and end with {tail!r}, not with PAR1")
    try:
        footer = pq.read_metadata(path)
        footer.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as problem:
        raise corrupt(f"its parquet footer cannot be read ({problem})") from problem
    if footer.num_rows == 0:
        raise corrupt("it has no rows")
    return Content(int(footer.num_rows), SAMPLE_MARK.encode() in (footer.metadata or {}))


def _verified_zones(path: Path, remote: RemoteFile) -> Content:
    """What a CSV file of zones holds.

    Raises:
        CorruptFile: it is not a CSV file in UTF-8 with the lookup's columns, every line complete, and rows.
    """

    def corrupt(problem: str) -> CorruptFile:
        return _corrupt(remote, f"is not the zone lookup: {problem}")

    content = path.read_bytes()
    if _is_page(content):
        raise corrupt(f"it is an HTML or XML page of {len(content):,} bytes")
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise corrupt(f"it is not CSV in UTF-8 ({problem})") from problem
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    if missing := [name for name in ZONE_COLUMNS if name.lower() not in map(str.lower, header)]:
        raise corrupt(f"its header lacks {', '.join(missing)}")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise corrupt(f"line {number} has {len(row)} values for {len(header)} columns")
    if not rows:
        raise corrupt("it has no rows")
    name = [column.lower() for column in header].index("zone")
    return Content(len(rows), any(SAMPLE_MARK in row[name].lower() for row in rows))


def _is_page(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _trip_hints(path: Path) -> TTableSchemaColumns:
    """What the file's own footer says of its columns, in dlt's terms.

    Null-typed columns are left out (dlt has no such type and would warn). Timestamps are naive New York time.
    """
    import pyarrow.parquet as pq
    from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns

    columns = py_arrow_to_table_schema_columns(pq.read_schema(path))
    typed = {name: column for name, column in columns.items() if "data_type" in column}
    for column in typed.values():
        if column["data_type"] == "timestamp":
            column["timezone"] = False
    return typed
