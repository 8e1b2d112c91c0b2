"""What a source offers, how a fetch of it is verified, and how a file travels through dlt unopened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dlt_sources.remote_file import RemoteFile, Transfer
from lakehouse.partition import Month

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.extract.items import DataItemWithMeta
    from dlt.sources import DltResource, DltSource


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One kind of record from a source, published whole. ``suffix`` is that of its landed files."""

    name: str
    description: str
    suffix: str = "parquet"


@dataclass(frozen=True, kw_only=True)
class MonthlyDataset(Dataset):
    """One kind of record from a source, published as one file a month since ``began``."""

    began: Month


SAMPLE_MARK = "sample"
"""What generated data says of itself: a parquet file as a key of its metadata, zones and users in their names."""


@dataclass(frozen=True)
class Content:
    """What a verified file holds; ``is_sample`` says that it is generated and marked as such."""

    rows: int
    is_sample: bool = False


@dataclass(frozen=True)
class Download:
    """What one fetch brought: on local disk, byte for byte as served, and verified to be what it should be."""

    path: Path
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str
    is_sample: bool = False


def fetched(
    remote: RemoteFile,
    target: Path,
    transfer: Callable[[Path], Transfer | None],
    verified: Callable[[Path, RemoteFile], Content],
) -> Download | None:
    """What `transfer` brings, at `target` once `verified` has found it sound; None when it is unchanged.

    Nothing is left in the target's folder unless it is whole and verified.

    Raises:
        Whatever `transfer` and `verified` raise.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{uuid4().hex}.part"
    try:
        arrived = transfer(partial)
        if arrived is None:
            return None
        content = verified(partial, remote)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Download(
        path=target,
        url=remote.address,
        etag=arrived.etag,
        last_modified=arrived.last_modified,
        bytes=arrived.bytes,
        rows=content.rows,
        sha256=arrived.sha256,
        is_sample=content.is_sample,
    )


def landed_as(dataset: Dataset) -> Mapping[str, str]:
    """What the filesystem destination must be given as `extra_placeholders` for what `file_source` yields.

    The file travels through dlt under a label that dlt does not open (see there); `{ext}` would be that label.
    """
    return {"ext": dataset.suffix}


def file_source(
    source: str, dataset: Dataset, download: Download | None, columns: TTableSchemaColumns | None = None
) -> DltSource:
    """A dlt source with one resource, named as the dataset, that lands the download byte for byte.

    Without a download it is the skeleton that definitions are made from: it yields nothing.

    The file is imported as "csv" because dlt 1.31 opens what is imported as "parquet" and rewrites it when
    its schema is not to dlt's taste: a null-typed column is enough (`should_normalize_arrow_schema`), and
    green files up to 2023-01 have one. Any other format is passed on unopened (`FileImportNormalizer`). The
    destination gives the file its true extension through :func:`landed_as`.
    """
    import dlt

    def files() -> Iterator[DataItemWithMeta]:
        if download is not None:
            yield dlt.mark.with_file_import(
                str(download.path),
                "csv",
                items_count=download.rows,
                hints=dlt.mark.make_hints(columns=columns or {}),
            )

    files.__doc__ = dataset.description  # dagster-dlt takes an asset's description from here

    @dlt.source(schema=fresh_schema(source, "direct"), max_table_nesting=0)
    def whole_files() -> DltResource:
        return dlt.resource(files, name=dataset.name, write_disposition="append")

    return whole_files()


def fresh_schema(source: str, naming: str) -> Schema:
    """A schema of a run's own: dlt keeps what it learned in it. Naming "direct" leaves names as published."""
    from dlt.common.schema import Schema

    return Schema(source, normalizers={"names": naming, "json": {"module": "dlt.common.normalizers.json.relational"}})
