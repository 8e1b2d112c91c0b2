"""The trip records of New York's Taxi and Limousine Commission: what they are, how a month is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

from dlt_sources import http_file
from dlt_sources.remote_file import (
    HttpPolicy,
    RemoteFile,
    Transfer,
    Validators,
    checked_base_url,
    without_secrets,
)
from lakehouse.exceptions import CorruptFile
from lakehouse.month import Month

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.extract.items import DataItemWithMeta
    from dlt.sources import DltResource, DltSource

__all__ = [
    "GREEN",
    "LANDED_AS_PARQUET",
    "Download",
    "HttpPolicy",
    "TlcDataset",
    "Validators",
    "fetch_month",
    "month_url",
    "tlc_source",
    "without_secrets",
]

_SETTING = "LAKEHOUSE_TLC_URL"
_PARQUET_MAGIC = b"PAR1"

LANDED_AS_PARQUET: Mapping[str, str] = MappingProxyType({"ext": "parquet"})
"""What the filesystem destination must be given as `extra_placeholders` for what `tlc_source` yields.

The file travels through dlt under a label that dlt does not open (see there); `{ext}` would be that label.
"""


@dataclass(frozen=True)
class TlcDataset:
    """A kind of trip record, published as one parquet file a month since `began`."""

    name: str
    began: Month
    description: str


# First months: TLC.md, Publication.
GREEN = TlcDataset("green", Month(2013, 8), "Green (boro) taxi trips as TLC publishes them, one file a month.")


@dataclass(frozen=True)
class Download:
    """A month on local disk, byte for byte as served, and verified to be a parquet file with rows."""

    path: Path
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str


def month_url(base_url: str, dataset: TlcDataset, month: Month) -> str:
    """The address of a month's file; a query string of the base address (a signature) stays at the end.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    parts = checked_base_url(base_url, _SETTING, f"{dataset.name} {month}")
    path = f"{parts.path.rstrip('/')}/trip-data/{_file_name(dataset, month)}"
    return parts._replace(path=path, fragment="").geturl()


def fetch_month(
    base_url: str,
    dataset: TlcDataset,
    month: Month,
    into: Path,
    known: Validators | None = None,
    policy: HttpPolicy = HttpPolicy(),  # noqa: B008 - frozen
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
    remote = _remote_file(base_url, dataset, month)
    into.mkdir(parents=True, exist_ok=True)
    target = into / _file_name(dataset, month)
    partial = into / f".{target.name}.{uuid4().hex}.part"
    try:
        transfer = http_file.download(remote, partial, known, policy)
        if transfer is None:
            return None
        rows = _verified_rows(partial, transfer, remote)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Download(
        path=target,
        url=without_secrets(remote.url),
        etag=transfer.etag,
        last_modified=transfer.last_modified,
        bytes=transfer.bytes,
        rows=rows,
        sha256=transfer.sha256,
    )


def tlc_source(dataset: TlcDataset, download: Download | None = None) -> DltSource:
    """The dlt source with one resource, named as the dataset, that lands the download byte for byte.

    Without a download it is the skeleton that definitions are made from: it yields nothing.

    The file is imported as "csv" because dlt 1.31 opens what is imported as "parquet" and rewrites it when
    its schema is not to dlt's taste: a null-typed column is enough (`should_normalize_arrow_schema`), and
    green files up to 2023-01 have one. Any other format is passed on unopened (`FileImportNormalizer`). The
    destination gives the file its true extension through `LANDED_AS_PARQUET`.
    """
    import dlt
    from dlt.common.schema import Schema

    # Naming "direct": column names as published. A new object each time: dlt keeps what it learned in it.
    schema = Schema(
        "tlc", normalizers={"names": "direct", "json": {"module": "dlt.common.normalizers.json.relational"}}
    )

    def months() -> Iterator[DataItemWithMeta]:
        if download is not None:
            yield dlt.mark.with_file_import(
                str(download.path),
                "csv",
                items_count=download.rows,
                hints=dlt.mark.make_hints(columns=_column_hints(download.path)),
            )

    months.__doc__ = dataset.description  # dagster-dlt takes an asset's description from here

    @dlt.source(schema=schema, max_table_nesting=0)
    def tlc() -> DltResource:
        return dlt.resource(months, name=dataset.name, write_disposition="append")

    return tlc()


def _file_name(dataset: TlcDataset, month: Month) -> str:
    return f"{dataset.name}_tripdata_{month}.parquet"


def _remote_file(base_url: str, dataset: TlcDataset, month: Month) -> RemoteFile:
    # TLC publishes in order, so the month before exists if this one does; the first month has none.
    neighbour = month.previous() if month > dataset.began else month.next()
    return RemoteFile(
        what=f"{dataset.name} {month}",
        url=month_url(base_url, dataset, month),
        neighbour=str(neighbour),
        neighbour_url=month_url(base_url, dataset, neighbour),
        setting=_SETTING,
    )


def _verified_rows(path: Path, transfer: Transfer, remote: RemoteFile) -> int:
    """The number of rows in a parquet file.

    Raises:
        CorruptFile: it is not a parquet file, its footer cannot be read, or it has no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def corrupt(problem: str) -> CorruptFile:
        advice = "nothing was kept: open the address to see what it serves, and run the month again later"
        return CorruptFile(remote.message(f"is not a trip file: {problem}", advice))

    with path.open("rb") as file:
        head = file.read(64)
        file.seek(max(0, transfer.bytes - len(_PARQUET_MAGIC)))
        tail = file.read()
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise corrupt(f"it is an HTML or XML page of {transfer.bytes:,} bytes")
    if not head.startswith(_PARQUET_MAGIC) or tail != _PARQUET_MAGIC:
        raise corrupt(f"its {transfer.bytes:,} bytes begin with {head[:4]!r} and end with {tail!r}, not with PAR1")
    try:
        footer = pq.read_metadata(path)
        footer.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as problem:
        raise corrupt(f"its parquet footer cannot be read ({problem})") from problem
    if footer.num_rows == 0:
        raise corrupt("it has no rows")
    return int(footer.num_rows)


def _column_hints(path: Path) -> TTableSchemaColumns:
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
