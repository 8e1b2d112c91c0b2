"""What a source offers: datasets that come whole or a month at a time, and how a file travels through dlt unopened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlt_sources.fetch import Download
from dlt_sources.remote_file import Address, Neighbour, RemoteFile, url_below
from lakehouse.partition import WHOLE, Month, Partition, Period, partition_of

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.extract.items import DataItemWithMeta
    from dlt.sources import DltResource, DltSource


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One kind of record from a source, published whole. ``suffix`` is that of its landed files.

    ``usual_records`` is about how many its newest files have, for whoever asks before anything is landed.
    """

    name: str
    description: str
    suffix: str = "parquet"
    usual_records: int | None = None

    @property
    def began(self) -> Period | None:
        """The first period there is; None of what comes whole."""
        return None

    @property
    def is_partitioned(self) -> bool:
        return self.began is not None

    def partition(self, key: str | None) -> Partition:
        """The part of it that Dagster calls so: what comes whole is whole in a run for a period, too."""
        return partition_of(key) if self.is_partitioned else WHOLE

    def has_begun(self, partition: Partition) -> bool:
        """Whether there is anything of a partition; of what comes whole there always is."""
        return self.began is None or not isinstance(partition, Period) or partition.start >= self.began.start


@dataclass(frozen=True, kw_only=True)
class MonthlyDataset(Dataset):
    """One kind of record from a source, published as one file a month since ``first``."""

    first: Month

    @property
    def began(self) -> Month:
        return self.first

    def month(self, partition: Partition) -> Month:
        """The month that a partition of it is.

        Raises:
            TypeError: it is none.
        """
        if not isinstance(partition, Month):
            raise TypeError(f"{self.name} comes a month at a time")
        return partition


def file_of_month(
    base: Address, dataset: MonthlyDataset, partition: Partition, path: Callable[[Month], str]
) -> RemoteFile:
    """The file that is published for a month at ``path`` below a base address.

    Months are published in order, so the one before exists if this one does: its answer explains a refusal.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    month = dataset.month(partition)
    neighbour = month.previous() if month > dataset.first else month.next()
    what = f"{dataset.name} {month}"
    return RemoteFile(
        what=what,
        url=url_below(base, path(month), what),
        setting=base.setting,
        neighbour=Neighbour(str(neighbour), url_below(base, path(neighbour), what)),
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

    Without a download it is the skeleton that definitions are made from: it yields nothing. What ``columns`` say,
    dlt shows; of a parquet file it is read from the footer.

    The file is imported as "csv" because dlt 1.31 opens what is imported as "parquet" and rewrites it when
    its schema is not to dlt's taste: a null-typed column is enough (`should_normalize_arrow_schema`), and
    green files up to 2023-01 have one. Any other format is passed on unopened (`FileImportNormalizer`). The
    destination gives the file its true extension through :func:`landed_as`.
    """
    import dlt

    def files() -> Iterator[DataItemWithMeta]:
        if download is not None:
            is_parquet = dataset.suffix == "parquet" and columns is None
            yield dlt.mark.with_file_import(
                str(download.path),
                "csv",
                items_count=download.rows,
                hints=dlt.mark.make_hints(columns=_footer_hints(download) if is_parquet else columns or {}),
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


def _footer_hints(download: Download) -> TTableSchemaColumns:
    """What a parquet file's own footer says of its columns, in dlt's terms.

    Left out are null-typed columns (dlt has no such type and would warn) and those of types that it cannot describe,
    such as durations: a file is landed unopened whatever it holds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from dlt.common.libs.pyarrow import UnsupportedArrowTypeException, py_arrow_to_table_schema_columns

    alike = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    columns: TTableSchemaColumns = {}
    for field in pq.read_schema(download.path):
        with suppress(UnsupportedArrowTypeException):
            columns |= py_arrow_to_table_schema_columns(pa.schema([field.with_type(alike.get(field.type, field.type))]))
    return {name: column for name, column in columns.items() if "data_type" in column}
