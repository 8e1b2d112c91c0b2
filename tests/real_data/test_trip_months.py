"""Real months of yellow, green and FHV trips through the whole pipeline, held against pandas to the row and the cent.

They span every type era of TLC's files. What no real month holds (exact copies, missing times, fees that are all
null) is put into copies of them in ``test_dirty_months.py``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest
from dagster import AssetKey
from pyiceberg.catalog.sql import SqlCatalog

from lakehouse.cli.outcomes import RunOutcome
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month
from lakehouse.settings import Settings
from tests.project import Project
from tests.real_data.independent import assert_same
from tests.real_data.published import (
    GREEN_GOLD,
    REAL_MONTHS,
    TABLES,
    TRIPS_GOLD,
    Pipeline,
    PublishedMonth,
    RealMonth,
    assert_ledger,
    assert_rejected_by_reason,
    assert_same_records,
    assert_totals,
    data_files,
    data_versions,
    months_by_asset,
    published_months,
    run_all_months,
    scan,
    sha256,
)

AMOUNT = "decimal(18, 2)"
TAXI_COLUMNS = {
    "vendor_id": "long",
    "pickup_at": "timestamp",
    "dropoff_at": "timestamp",
    "passenger_count": "long",
    "trip_miles": AMOUNT,
    "rate_code_id": "long",
    "store_and_fwd_flag": "string",
    "pickup_location_id": "long",
    "dropoff_location_id": "long",
    "payment_type": "long",
    "fare_amount": AMOUNT,
    "extra": AMOUNT,
    "mta_tax": AMOUNT,
    "tip_amount": AMOUNT,
    "tolls_amount": AMOUNT,
    "improvement_surcharge": AMOUNT,
    "total_amount": AMOUNT,
    "congestion_surcharge": AMOUNT,
}
ADDED_COLUMNS = {
    "taxi_type": "string",
    "is_reversal": "boolean",
    "duration_seconds": "long",
    "copies": "long",
    "bronze_sha256": "string",
}
SILVER_COLUMNS = {
    "yellow": {**TAXI_COLUMNS, "airport_fee": AMOUNT, "cbd_congestion_fee": AMOUNT, **ADDED_COLUMNS},
    "green": {
        **TAXI_COLUMNS,
        "cbd_congestion_fee": AMOUNT,
        "ehail_fee": AMOUNT,
        "trip_type": "long",
        **ADDED_COLUMNS,
    },
    "fhv": {
        "dispatching_base_number": "string",
        "pickup_at": "timestamp",
        "dropoff_at": "timestamp",
        "pickup_location_id": "long",
        "dropoff_location_id": "long",
        "shared_ride_flag": "long",
        "affiliated_base_number": "string",
        **ADDED_COLUMNS,
    },
}

by_month = pytest.mark.parametrize("real_month", REAL_MONTHS, ids=str)
by_dataset = pytest.mark.parametrize("dataset", TABLES)


class SmallMachine(Project):
    """The same project on one thread and little memory."""

    def settings(self, **changes: Any) -> Settings:
        return super().settings(**{"threads": 1, "memory_limit": "300MB", **changes})


@pytest.fixture(scope="module")
def published(pipeline: Pipeline) -> dict[RealMonth, PublishedMonth]:
    return {
        RealMonth(dataset, month): found
        for dataset in TABLES
        for month, found in published_months(pipeline.project, dataset).items()
    }


@pytest.fixture(scope="module")
def second_run(pipeline: Pipeline) -> list[RunOutcome]:
    """All months again, with nothing new at the source."""
    return run_all_months(pipeline.project)


def test_every_real_file_of_trips_is_tested(real_data: Path) -> None:
    files = {f"trip-data/{file.name}" for file in (real_data / "tlc" / "trip-data").iterdir()}

    assert {real_month.path for real_month in REAL_MONTHS} == files


@by_month
def test_the_landed_file_is_byte_for_byte_the_published_one(pipeline: Pipeline, real_month: RealMonth) -> None:
    year, month = real_month.month.split("-")
    folder = pipeline.project.home / "bronze" / real_month.dataset / f"year={year}" / f"month={month}"
    published = pipeline.source(real_month).read_bytes()

    landed = list(folder.iterdir())

    assert [file.name for file in landed] == [f"{hashlib.sha256(published).hexdigest()[:32]}.parquet"]
    assert landed[0].read_bytes() == published, f"{real_month}: the landed file differs from the published one"


@by_month
def test_the_row_ledger_accounts_for_every_row_as_pandas_does(
    pipeline: Pipeline, published: dict[RealMonth, PublishedMonth], real_month: RealMonth
) -> None:
    assert_ledger(real_month, pipeline.source(real_month), pipeline.expected(real_month), published[real_month])


@by_month
def test_rejected_records_are_those_that_pandas_rejects_and_for_the_same_reasons(
    pipeline: Pipeline, published: dict[RealMonth, PublishedMonth], iceberg: SqlCatalog, real_month: RealMonth
) -> None:
    expected = pipeline.expected(real_month)

    assert_rejected_by_reason(real_month, expected, published[real_month])
    rejected = scan(iceberg, real_month.tables.rejected, real_month.month)
    assert_same_records(f"{real_month} rejected", expected.rejects, rejected)


@by_month
def test_silver_columns_add_up_to_what_pandas_adds_up(
    pipeline: Pipeline, published: dict[RealMonth, PublishedMonth], real_month: RealMonth
) -> None:
    assert_totals(real_month, pipeline.expected(real_month), published[real_month])


@by_month
def test_silver_holds_just_the_records_that_pandas_keeps(
    pipeline: Pipeline, iceberg: SqlCatalog, real_month: RealMonth
) -> None:
    silver = scan(iceberg, real_month.tables.silver, real_month.month)

    assert_same_records(f"{real_month} silver", pipeline.expected(real_month).trips, silver)
    assert pc.unique(silver["taxi_type"]).to_pylist() == [real_month.dataset]
    assert pc.unique(silver["bronze_sha256"]).to_pylist() == [sha256(pipeline.source(real_month))]


@by_month
def test_the_run_reports_the_rows_that_pandas_counts(pipeline: Pipeline, real_month: RealMonth) -> None:
    expected, tables = pipeline.expected(real_month), real_month.tables
    reported = {asset.key: asset for asset in pipeline.outcomes[real_month.month].assets}

    assert_same(
        f"{real_month} run",
        {
            "bronze rows": expected.bronze_rows,
            "silver rows": expected.silver_rows,
            "rejected": sum(expected.rejected.values()),
        },
        {
            "bronze rows": reported[tables.bronze_asset].rows,
            "silver rows": reported[tables.silver_asset].rows,
            "rejected": reported[tables.silver_asset].rejected,
        },
    )


def test_real_months_warn_of_nothing_but_of_a_dataset_that_is_not_there(pipeline: Pipeline) -> None:
    warnings = {
        (month, asset.key): asset.warnings
        for month, outcome in pipeline.outcomes.items()
        for asset in outcome.assets
        if asset.warnings
    }
    assert warnings == {("2025-02", "trips_gold"): ("datasets_present",)}


@by_dataset
def test_the_tables_hold_the_real_months_and_nothing_else(
    pipeline: Pipeline, iceberg: SqlCatalog, dataset: str
) -> None:
    tables = TABLES[dataset]
    expected = [pipeline.expected(real_month) for real_month in REAL_MONTHS if real_month.dataset == dataset]

    rows = {table: iceberg.load_table(table).scan().count() for table in (tables.silver, tables.rejected)}

    assert rows == {
        tables.silver: sum(month.silver_rows for month in expected),
        tables.rejected: sum(sum(month.rejected.values()) for month in expected),
    }


@by_dataset
def test_silver_has_the_designed_columns_in_their_order_and_types(iceberg: SqlCatalog, dataset: str) -> None:
    fields = iceberg.load_table(TABLES[dataset].silver).schema().fields

    assert [(field.name, str(field.field_type)) for field in fields] == list(SILVER_COLUMNS[dataset].items())


def test_every_month_has_one_ledger_row_and_every_ledger_row_is_balanced(pipeline: Pipeline) -> None:
    ledger = pipeline.project.rows("SELECT dataset, month, is_balanced FROM silver.row_ledger")

    found = sorted(RealMonth(row["dataset"], f"{row['month']:%Y-%m}") for row in ledger)
    assert found == sorted(REAL_MONTHS)
    assert not [row for row in ledger if row["is_balanced"] is not True]


def test_a_second_run_of_all_months_writes_no_file_and_no_snapshot(
    pipeline: Pipeline, second_run: list[RunOutcome]
) -> None:
    assert [failure for outcome in second_run for failure in outcome.failures] == []
    computed = [
        f"{outcome.partition} {asset.key}"
        for outcome in second_run
        for asset in outcome.assets
        if asset.key != "infrastructure" and not asset.unchanged
    ]
    assert computed == []
    assert pipeline.project.files() == pipeline.files
    assert pipeline.project.snapshots() == pipeline.snapshots


@pytest.mark.usefixtures("second_run")
def test_dagster_knows_every_month_of_every_asset_as_materialized(pipeline: Pipeline) -> None:
    graph = build_definitions(pipeline.project.settings()).resolve_asset_graph()
    with pipeline.project.instance() as instance:
        for asset, months in months_by_asset().items():
            key = AssetKey(asset)
            partitions = graph.get(key).partitions_def
            assert partitions is not None
            status = instance.get_status_by_partition(key, list(months), partitions) or {}
            assert status == dict.fromkeys(months, dg.AssetPartitionStatus.MATERIALIZED), asset
            assert instance.get_materialized_partitions(key) == set(months), asset


@pytest.mark.usefixtures("second_run")
def test_a_second_run_leaves_every_data_version_as_it_was(pipeline: Pipeline) -> None:
    again = data_versions(pipeline.project)

    assert again == pipeline.data_versions
    assert len(set(again.values())) == len(again), "each month of each asset has a version of its own"
    for real_month in REAL_MONTHS:
        assert again[real_month.tables.bronze_asset, real_month.month] == sha256(pipeline.source(real_month))


def test_one_thread_and_little_memory_write_the_same_bytes(pipeline: Pipeline, tmp_path: Path) -> None:
    project = pipeline.project
    small = SmallMachine(tmp_path, tlc_url=project.tlc_url, users_url=project.users_url)
    written_tables = {
        "2020-04": [tables.silver for tables in TABLES.values()] + [GREEN_GOLD, TRIPS_GOLD],
        "2025-11": [TABLES["green"].silver, GREEN_GOLD],
    }

    [whole] = small.run(Month.parse("2020-04"), selection="*")
    [green] = small.run(Month.parse("2025-11"), selection="+green_gold")

    assert (whole.failures, green.failures) == ((), ())
    for month, tables in written_tables.items():
        written = data_files(small, month)
        assert {folder.replace("/", ".") for folder, _ in written} >= set(tables)
        assert written == data_files(project, month)
