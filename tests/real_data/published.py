"""Real months as the pipeline published them: which there are, how to read them back, and how to hold them
against pandas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dagster import AssetKey, AssetRecordsFilter
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

from lakehouse.cli.outcomes import RunOutcome
from lakehouse.partition import Month
from tests.project import Project
from tests.real_data import independent
from tests.real_data.independent import LAYOUTS, TripMonth, assert_same, fingerprints

GREEN_GOLD, TRIPS_GOLD = "gold.green_trips_by_payment_type", "gold.trips_by_pickup_location"
ZONES_PATH = "misc/taxi_zone_lookup.csv"


class TripTables(NamedTuple):
    """Where a dataset of trips goes."""

    bronze_asset: str
    silver_asset: str
    silver: str

    @property
    def rejected(self) -> str:
        return f"{self.silver}_rejected"


TABLES = {
    "yellow": TripTables("taxi_bronze", "taxi_silver", "silver.yellow_trips"),
    "green": TripTables("green_bronze", "green_silver", "silver.green_trips"),
    "fhv": TripTables("fhv_bronze", "fhv_silver", "silver.fhv_trips"),
}


class RealMonth(NamedTuple):
    """A month of a dataset of which there is a real file."""

    dataset: str
    month: str

    def __str__(self) -> str:
        return f"{self.dataset} {self.month}"

    @property
    def path(self) -> str:
        """Its file's path at TLC's distribution."""
        return f"trip-data/{self.dataset}_tripdata_{self.month}.parquet"

    @property
    def tables(self) -> TripTables:
        return TABLES[self.dataset]


GREEN_MONTHS = ("2020-04", "2022-01", "2023-01", "2023-02", "2023-03", "2024-01", "2025-11")
TRIPS_GOLD_MONTHS = {"2020-04": ("yellow", "fhv"), "2025-02": ("yellow",)}
"""Months of ``trips_gold``, and the datasets of which there is a file."""

REAL_MONTHS = (
    *(RealMonth("green", month) for month in GREEN_MONTHS),
    *(RealMonth(dataset, month) for month, datasets in TRIPS_GOLD_MONTHS.items() for dataset in datasets),
)

ASSETS_BY_MONTH = {
    **dict.fromkeys(GREEN_MONTHS, "+green_gold"),
    "2020-04": "*",
    "2025-02": "+taxi_silver,trips_gold",
}
"""What is run of each month: all of whose sources there is a file."""


@dataclass(frozen=True)
class PublishedMonth:
    """What queries over the published tables answer for one month of a dataset."""

    ledger: list[dict[str, Any]]
    rejected: dict[str, int]
    totals: dict[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """A project after its first run of all months, and what the files it read say by pandas."""

    project: Project
    outcomes: dict[str, RunOutcome]
    data_versions: dict[tuple[str, str], str]
    files: dict[str, int]
    snapshots: dict[str, int]

    def source(self, real_month: RealMonth) -> Path:
        return self._tlc / real_month.path

    def expected(self, real_month: RealMonth) -> TripMonth:
        return _computed(*real_month, self.source(real_month))

    def expected_trips_gold(self, month: str) -> tuple[Mapping[str, Any], ...]:
        trips = {dataset: self.expected(RealMonth(dataset, month)) for dataset in TRIPS_GOLD_MONTHS[month]}
        zones = independent.zones(self._tlc / ZONES_PATH)
        return independent.trips_by_pickup_location(trips.get("yellow"), trips.get("fhv"), zones, month)

    @property
    def _tlc(self) -> Path:
        return Path(self.project.tlc_url.removeprefix("file://"))


@cache
def _computed(dataset: str, month: str, file: Path) -> TripMonth:
    return independent.compute(dataset, file, month)


def real_project(folder: Path, real_data: Path) -> Project:
    """A project whose sources are the real files."""
    users = real_data / "jsonplaceholder" / "users.json"
    return Project(folder, tlc_url=f"file://{real_data / 'tlc'}", users_url=f"file://{users}")


def run_all_months(project: Project) -> list[RunOutcome]:
    """Everything of which there is a file, a run for each month."""
    by_selection: dict[str, list[Month]] = {}
    for month, selection in sorted(ASSETS_BY_MONTH.items()):
        by_selection.setdefault(selection, []).append(Month.parse(month))
    return project.run_each(by_selection.items())


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def published_months(project: Project, dataset: str) -> dict[str, PublishedMonth]:
    """Each month of a dataset, by three queries."""
    tables, layout = TABLES[dataset], LAYOUTS[dataset]
    ledger = project.rows(f"SELECT * FROM silver.row_ledger WHERE dataset = '{dataset}'")
    rejected = project.rows(f"SELECT month, reject_reason, COUNT(*) AS n FROM {tables.rejected} GROUP BY 1, 2")
    summed = (*layout.whole_numbers, *layout.amounts, "duration_seconds", "copies")
    counted = (*layout.columns, "duration_seconds")
    totals = project.rows(
        f"""
        SELECT
          DATE(DATE_TRUNC(pickup_at, MONTH)) AS month,
          COUNT(*) AS n,
          COUNTIF(is_reversal) AS reversals,
          {", ".join(f"SUM({name}) AS sum_{name}" for name in summed)},
          {", ".join(f"COUNTIF({name} IS NULL) AS nulls_{name}" for name in counted)}
        FROM {tables.silver}
        GROUP BY 1
        """
    )
    return {
        f"{total['month']:%Y-%m}": PublishedMonth(
            ledger=[row for row in ledger if row["month"] == total["month"]],
            rejected={row["reject_reason"]: row["n"] for row in rejected if row["month"] == total["month"]},
            totals={
                "rows": total["n"],
                "reversals": total["reversals"],
                **{f"sum of {name}": total[f"sum_{name}"] for name in summed},
                **{f"nulls of {name}": total[f"nulls_{name}"] for name in counted},
            },
        )
        for total in totals
    }


def gold_rows(project: Project, table: str, month: str) -> list[dict[str, Any]]:
    """A month of a gold table, in the order that the independent computation has."""
    order = "payment_type NULLS FIRST" if table == GREEN_GOLD else "pickup_location_id, taxi_type"
    return project.rows(f"SELECT * FROM {table} WHERE month = DATE '{month}-01' ORDER BY {order}")


def assert_ledger(real_month: RealMonth, source: Path, expected: TripMonth, published: PublishedMonth) -> None:
    """One balanced row, equal term by term; a reason that the dataset does not have counts nothing."""
    assert len(published.ledger) == 1, f"{real_month}: one ledger row expected, found {published.ledger}"
    reasons = {reason for layout in LAYOUTS.values() for reason in layout.reject_reasons}
    golden = {
        "dataset": real_month.dataset,
        "month": Month.parse(real_month.month).first_day,
        "bronze_sha256": sha256(source),
        "bronze_rows": expected.bronze_rows,
        "silver_rows": expected.silver_rows,
        "duplicate_copies": expected.duplicate_copies,
        **{f"rejected_{reason}": expected.rejected.get(reason, 0) for reason in reasons},
        "rejected_unreadable_value": 0,
        "rejected_rows": sum(expected.rejected.values()),
        "is_balanced": True,
    }
    assert_same(f"{real_month} ledger", golden, published.ledger[0])


def assert_rejected_by_reason(real_month: RealMonth, expected: TripMonth, published: PublishedMonth) -> None:
    golden = {reason: records for reason, records in expected.rejected.items() if records}
    assert_same(f"{real_month} rejected", golden, published.rejected)


def assert_totals(real_month: RealMonth, expected: TripMonth, published: PublishedMonth) -> None:
    golden = {
        "rows": expected.silver_rows,
        "reversals": expected.reversals,
        **{f"sum of {name}": total for name, total in expected.sums.items()},
        **{f"nulls of {name}": count for name, count in expected.nulls.items()},
    }
    assert_same(f"{real_month} silver", golden, published.totals)


def assert_silver_month(project: Project, real_month: RealMonth, source: Path, expected: TripMonth) -> None:
    """All that is said of a month at once: ledger, reasons, totals and the records themselves."""
    published = published_months(project, real_month.dataset)[real_month.month]
    assert_ledger(real_month, source, expected, published)
    assert_rejected_by_reason(real_month, expected, published)
    assert_totals(real_month, expected, published)
    with open_catalog(project) as catalog:
        silver, rejected = (
            scan(catalog, table, real_month.month) for table in (real_month.tables.silver, real_month.tables.rejected)
        )
    assert_same_records(f"{real_month} silver", expected.trips, silver)
    assert_same_records(f"{real_month} rejected", expected.rejects, rejected)


def assert_gold(
    where: str,
    key: Sequence[str],
    expected: Sequence[Mapping[str, Any]],
    actual: Sequence[Mapping[str, Any]],
) -> None:
    """The same rows in the same order, each column equal and in its place."""

    def keys(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in key) for row in rows]

    assert keys(actual) == keys(expected), f"{where}: rows by {', '.join(key)}"
    for row, golden in zip(actual, expected, strict=True):
        assert_same(f"{where} of {', '.join(f'{name} {golden[name]}' for name in key)}", golden, row)
        assert list(row) == list(golden), f"{where}: order of columns"


@contextmanager
def open_catalog(project: Project) -> Iterator[SqlCatalog]:
    """The tables as any Iceberg reader opens them: from the catalog alone."""
    catalog = SqlCatalog("local", uri=f"sqlite:///{project.home / 'catalog.db'}", warehouse=str(project.home))
    yield catalog
    catalog.close()


def scan(catalog: SqlCatalog, name: str, month: str) -> pa.Table:
    """A month of a table, read by pyiceberg."""
    bounds = Month.parse(month)
    column, start, end = "month", f"{month}-01", f"{bounds.next()}-01"
    if name in {tables.silver for tables in TABLES.values()}:
        column, start, end = "pickup_at", bounds.start.isoformat(), bounds.end.isoformat()
    return (
        catalog.load_table(name)
        .scan(And(GreaterThanOrEqual(term=column, value=start), LessThan(term=column, value=end)))
        .to_arrow()
    )


def assert_same_records(where: str, expected: pd.DataFrame, table: pa.Table) -> None:
    """Compare records without regard to their order, so that a value in the wrong row shows too."""
    actual = _as_frame(table.select(expected.columns.tolist()))
    types = {name: (str(expected[name].dtype), str(actual[name].dtype)) for name in expected}
    assert not {name: pair for name, pair in types.items() if pair[0] != pair[1]}, f"{where}: types by column"
    ours, theirs = fingerprints(actual), fingerprints(expected)
    assert len(ours) == len(theirs), f"{where}: pandas has {len(theirs)} records, the pipeline {len(ours)}"
    if not ours.equals(theirs):
        columns = [name for name in expected if not fingerprints(expected[[name]]).equals(fingerprints(actual[[name]]))]
        pytest.fail(
            f"{where}: {(~ours.isin(theirs)).sum()} of {len(ours)} records are not what pandas computes; "
            f"columns: {', '.join(columns) or 'each alone is right, but values are in the wrong records'}"
        )


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """Arrow as pandas, with amounts in hundredths as the independent computation has them."""
    for position, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            hundredths = pc.multiply(table.column(position), pa.scalar(100)).cast(pa.int64())
            table = table.set_column(position, field.name, hundredths)
    nullable = {pa.int64(): pd.Int64Dtype(), pa.string(): pd.StringDtype(), pa.large_string(): pd.StringDtype()}
    return table.to_pandas(types_mapper=nullable.get)


def latest_materialization(instance: dg.DagsterInstance, asset: str, month: str) -> dg.AssetMaterialization:
    latest = AssetRecordsFilter(asset_key=AssetKey(asset), asset_partitions=[month])
    [record] = instance.fetch_materializations(latest, limit=1).records
    assert record.asset_materialization is not None
    return record.asset_materialization


def months_by_asset() -> dict[str, tuple[str, ...]]:
    """The months that each asset of trips has."""
    assets: dict[str, tuple[str, ...]] = {}
    for dataset, tables in TABLES.items():
        months = tuple(sorted(each.month for each in REAL_MONTHS if each.dataset == dataset))
        assets |= {tables.bronze_asset: months, tables.silver_asset: months}
    return {**assets, "green_gold": GREEN_MONTHS, "trips_gold": tuple(TRIPS_GOLD_MONTHS)}


def data_versions(project: Project) -> dict[tuple[str, str], str]:
    """Data version of the latest materialization of each month of each asset of trips."""
    versions = {}
    with project.instance() as instance:
        for asset, months in months_by_asset().items():
            for month in months:
                tags = latest_materialization(instance, asset, month).tags
                assert tags is not None
                versions[asset, month] = tags["dagster/data_version"]
    return versions


def data_files(project: Project, month: str) -> dict[tuple[str, str], str]:
    """Hash of each data file of a month by table and name."""
    root = project.home / "warehouse"
    return {
        (str(file.relative_to(root).parents[2]), file.name): sha256(file)
        for file in root.glob(f"*/*/data/{month}/*.parquet")
    }
