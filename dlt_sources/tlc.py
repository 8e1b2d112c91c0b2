"""New York's Taxi and Limousine Commission: what it publishes, where, and what it should look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlt_sources.bounds import LOOKUP_BYTES
from dlt_sources.dataset import Dataset, MonthlyDataset, file_of_month, file_source
from dlt_sources.fetch import SAMPLE_MARK, Download
from dlt_sources.remote_file import Address, Neighbour, RemoteFile, url_below
from dlt_sources.verify import csv_with, parquet
from lakehouse.partition import Month, Partition

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.sources import DltSource

ZONES_PATH = "misc/taxi_zone_lookup.csv"


# First months, and records of a month of 2024: TLC.md, Publication.
YELLOW = MonthlyDataset(
    name="yellow",
    description="Yellow (medallion) taxi trips as TLC publishes them, one file a month.",
    first=Month(2009, 1),
    usual_records=3_300_000,
)
GREEN = MonthlyDataset(
    name="green",
    description="Green (boro) taxi trips as TLC publishes them, one file a month.",
    first=Month(2013, 8),
    usual_records=57_000,
)
FHV = MonthlyDataset(
    name="fhv",
    description="Trips of for-hire vehicles (community cars, black cars, luxury limousines) as TLC publishes them, "
    "one file a month.",
    first=Month(2015, 1),
    usual_records=1_300_000,
)
ZONES = Dataset(
    name="zones",
    description="TLC's lookup of taxi zones as it publishes it, one row for each zone.",
    suffix="csv",
    usual_records=265,
)

ZONE_COLUMNS = ("LocationID", "Borough", "Zone", "service_zone")
"""The header of the zone lookup, as published in 2024."""

verify_trips = parquet("a trip file")
verify_zones = csv_with(ZONE_COLUMNS, "the zone lookup", is_sample=lambda row: SAMPLE_MARK in row["zone"].lower())


def month_path(dataset: MonthlyDataset, month: Month) -> str:
    """Where TLC publishes a month, under its base address."""
    return f"trip-data/{dataset.name}_tripdata_{month}.parquet"


def month_file(base: Address, dataset: MonthlyDataset, partition: Partition) -> RemoteFile:
    """A month's file; the first month has none before it, so the next one explains its refusal.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    return file_of_month(base, dataset, partition, lambda month: month_path(dataset, month))


def zones_file(base: Address) -> RemoteFile:
    """The file of the zone lookup, and a month that has been there from the first.

    Raises:
        ConfigurationError: the base address cannot be used.
    """
    return RemoteFile(
        what=ZONES.name,
        url=url_below(base, ZONES_PATH, ZONES.name),
        setting=base.setting,
        neighbour=Neighbour(f"{YELLOW.name} {YELLOW.first}", month_file(base, YELLOW, YELLOW.first).url),
        largest_bytes=LOOKUP_BYTES,
    )


def trips_source(dataset: MonthlyDataset, download: Download | None) -> DltSource:
    """The dlt source that lands a month's file byte for byte; without a download it yields nothing."""
    return file_source("tlc", dataset, download)


def zones_source(download: Download | None) -> DltSource:
    """The dlt source that lands the zone lookup byte for byte; without a download it yields nothing."""
    hints: TTableSchemaColumns = {name: {"name": name, "data_type": "text"} for name in ZONE_COLUMNS}
    return file_source("tlc", ZONES, download, hints)
