"""Seven real months of green trips through the whole pipeline, held against pandas to the row and the cent.

The seven span every type era of TLC's files. What no real month holds (exact copies, missing times, fees that
are all null) is put into a copy of one: see the last test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dagster import AssetKey, AssetRecordsFilter
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

from lakehouse.definitions import build_definitions
from lakehouse.month import Month
from lakehouse.runs import RunOutcome
from lakehouse.settings import Settings
from tests import green_files
from tests.project import Project
from tests.real_data.independent_green import (
    AMOUNTS,
    COLUMNS,
    REJECT_REASONS,
    WHOLE_NUMBERS,
    GreenMonth,
    assert_same,
    compute,
    fingerprints,
)

MONTHS = ("2020-04", "2022-01", "2023-01", "2023-02", "2023-03", "2024-01", "2025-11")
ASSETS = ("green_bronze", "green_silver", "green_gold")
SILVER, REJECTED, GOLD = "silver.green_trips", "silver.green_trips_rejected", "gold.green_trips_by_payment_type"

SILVER_COLUMNS = {
    "vendor_id": "long",
    "pickup_at": "timestamp",
    "dropoff_at": "timestamp",
    "passenger_count": "long",
    "trip_miles": "decimal(18, 2)",
    "rate_code_id": "long",
    "store_and_fwd_flag": "string",
    "pickup_location_id": "long",
    "dropoff_location_id": "long",
    "payment_type": "long",
    "fare_amount": "decimal(18, 2)",
    "extra": "decimal(18, 2)",
    "mta_tax": "decimal(18, 2)",
    "tip_amount": "decimal(18, 2)",
    "tolls_amount": "decimal(18, 2)",
    "improvement_surcharge": "decimal(18, 2)",
    "total_amount": "decimal(18, 2)",
    "congestion_surcharge": "decimal(18, 2)",
    "cbd_congestion_fee": "decimal(18, 2)",
    "ehail_fee": "decimal(18, 2)",
    "trip_type": "long",
    "taxi_type": "string",
    "is_reversal": "boolean",
    "duration_seconds": "long",
    "copies": "long",
    "bronze_sha256": "string",
}

by_month = pytest.mark.parametrize("month", MONTHS)


@dataclass(frozen=True)
class Published:
    """What queries over the published tables answer for one month."""

    ledger: list[dict[str, Any]]
    rejected: dict[str, int]
    totals: dict[str, Any]
    gold: list[dict[str, Any]]


@dataclass(frozen=True)
class Pipeline:
    """A project after its first run of all months, and what the files it read say by pandas."""

    project: Project
    outcomes: dict[str, RunOutcome]
    data_versions: dict[tuple[str, str], str]
    files: dict[str, int]
    snapshots: dict[str, int]

    def expected(self, month: str) -> GreenMonth:
        return _computed(self.source(month), month)

    def source(self, month: str) -> Path:
        return Path(self.project.tlc_url.removeprefix("file://")) / green_files.source_path(Month.parse(month))


class SmallMachine(Project):
    """The same project on one thread and little memory."""

    def settings(self, **changes: Any) -> Settings:
        return super().settings(**{"threads": 1, "memory_limit": "300MB", **changes})


@pytest.fixture(scope="module")
def pipeline(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    project = Project(tmp_path_factory.mktemp("months"), tlc_url=f"file://{real_data / 'tlc'}")
    outcomes = project.run(*map(Month.parse, MONTHS))
    assert [outcome.failures for outcome in outcomes] == [()] * len(MONTHS)
    return Pipeline(
        project,
        {str(outcome.month): outcome for outcome in outcomes},
        _data_versions(project),
        project.files(),
        project.snapshots(),
    )


@pytest.fixture(scope="module")
def second_run(pipeline: Pipeline) -> list[RunOutcome]:
    """All months again, with nothing new at the source."""
    return pipeline.project.run(*map(Month.parse, MONTHS))


@pytest.fixture(scope="module")
def iceberg(pipeline: Pipeline) -> Iterator[SqlCatalog]:
    """The tables as any Iceberg reader opens them: from the catalog alone."""
    catalog = _open_catalog(pipeline.project)
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def published(pipeline: Pipeline) -> dict[str, Published]:
    return _published(pipeline.project, MONTHS)


@by_month
def test_the_landed_file_is_byte_for_byte_the_published_one(pipeline: Pipeline, month: str) -> None:
    folder = pipeline.project.home / "bronze" / "green" / f"year={month[:4]}" / f"month={month[5:]}"
    published = pipeline.source(month).read_bytes()

    landed = list(folder.iterdir())

    assert [file.name for file in landed] == [f"{hashlib.sha256(published).hexdigest()[:32]}.parquet"]
    assert landed[0].read_bytes() == published, f"{month}: the landed file differs from the published one"


@by_month
def test_the_row_ledger_accounts_for_every_row_as_pandas_does(
    pipeline: Pipeline, published: dict[str, Published], month: str
) -> None:
    _assert_ledger(month, pipeline.source(month), pipeline.expected(month), published[month])


@by_month
def test_rejected_records_are_those_that_pandas_rejects_and_for_the_same_reasons(
    pipeline: Pipeline, published: dict[str, Published], iceberg: SqlCatalog, month: str
) -> None:
    expected = pipeline.expected(month)

    _assert_rejected(month, expected, published[month])
    _assert_same_records(f"{month} rejected", expected.rejects, _scan(iceberg, REJECTED, month))


@by_month
def test_silver_columns_add_up_to_what_pandas_adds_up(
    pipeline: Pipeline, published: dict[str, Published], month: str
) -> None:
    _assert_totals(month, pipeline.expected(month), published[month])


@by_month
def test_silver_holds_just_the_records_that_pandas_keeps(pipeline: Pipeline, iceberg: SqlCatalog, month: str) -> None:
    silver = _scan(iceberg, SILVER, month)

    _assert_same_records(f"{month} silver", pipeline.expected(month).trips, silver)
    assert pc.unique(silver["taxi_type"]).to_pylist() == ["green"]
    assert pc.unique(silver["bronze_sha256"]).to_pylist() == [_sha256(pipeline.source(month))]


@by_month
def test_gold_has_the_trips_and_the_cents_that_pandas_computes(
    pipeline: Pipeline, published: dict[str, Published], month: str
) -> None:
    _assert_gold(month, pipeline.expected(month), published[month])


@by_month
def test_another_reader_of_the_iceberg_tables_counts_and_adds_the_same(
    pipeline: Pipeline, iceberg: SqlCatalog, month: str
) -> None:
    expected = pipeline.expected(month)

    silver, gold = (_scan(iceberg, table, month) for table in (SILVER, GOLD))

    total = expected.sums["total_amount"]
    assert_same(
        f"{month} read by pyiceberg",
        {
            "silver rows": expected.silver_rows,
            "silver total": total,
            "gold rows": len(expected.gold),
            "gold total": total,
        },
        {
            "silver rows": silver.num_rows,
            "silver total": pc.sum(silver["total_amount"]).as_py(),
            "gold rows": gold.num_rows,
            "gold total": pc.sum(gold["total_amount"]).as_py(),
        },
    )


@by_month
def test_the_run_reports_the_rows_that_pandas_counts(pipeline: Pipeline, month: str) -> None:
    expected = pipeline.expected(month)
    reported = {asset.key: asset for asset in pipeline.outcomes[month].assets}

    assert_same(
        f"{month} run",
        {
            "green_bronze": expected.bronze_rows,
            "green_silver": expected.silver_rows,
            "green_silver rejected": sum(expected.rejected.values()),
            "green_gold": len(expected.gold),
        },
        {
            **{key: reported[key].rows for key in ASSETS},
            "green_silver rejected": reported["green_silver"].rejected,
        },
    )


def test_the_tables_hold_the_seven_months_and_nothing_else(pipeline: Pipeline, iceberg: SqlCatalog) -> None:
    expected = [pipeline.expected(month) for month in MONTHS]

    rows = {table: iceberg.load_table(table).scan().count() for table in (SILVER, REJECTED, GOLD)}

    assert rows == {
        SILVER: sum(month.silver_rows for month in expected),
        REJECTED: sum(sum(month.rejected.values()) for month in expected),
        GOLD: sum(len(month.gold) for month in expected),
    }


def test_silver_has_the_designed_columns_in_their_order_and_types(iceberg: SqlCatalog) -> None:
    fields = iceberg.load_table(SILVER).schema().fields

    assert {field.name: str(field.field_type) for field in fields} == SILVER_COLUMNS
    assert [field.name for field in fields] == list(SILVER_COLUMNS)


def test_every_month_has_one_ledger_row_and_every_ledger_row_is_balanced(pipeline: Pipeline) -> None:
    ledger = pipeline.project.rows("SELECT dataset, month, is_balanced FROM silver.row_ledger ORDER BY month")

    assert [(row["dataset"], f"{row['month']:%Y-%m}") for row in ledger] == [("green", month) for month in MONTHS]
    assert not [row for row in ledger if row["is_balanced"] is not True]


def test_a_second_run_of_all_months_writes_no_file_and_no_snapshot(
    pipeline: Pipeline, second_run: list[RunOutcome]
) -> None:
    assert [outcome.failures for outcome in second_run] == [()] * len(MONTHS)
    computed = [
        f"{outcome.month} {asset.key}"
        for outcome in second_run
        for asset in outcome.assets
        if asset.key in ASSETS and not asset.unchanged
    ]
    assert computed == []
    assert pipeline.project.files() == pipeline.files
    assert pipeline.project.snapshots() == pipeline.snapshots


@pytest.mark.usefixtures("second_run")
def test_dagster_knows_every_month_of_every_asset_as_materialized(pipeline: Pipeline) -> None:
    graph = build_definitions(pipeline.project.settings()).resolve_asset_graph()
    with pipeline.project.instance() as instance:
        for asset in ASSETS:
            key = AssetKey(asset)
            partitions = graph.get(key).partitions_def
            assert partitions is not None
            status = instance.get_status_by_partition(key, list(MONTHS), partitions) or {}
            assert status == dict.fromkeys(MONTHS, dg.AssetPartitionStatus.MATERIALIZED), asset
            assert instance.get_materialized_partitions(key) == set(MONTHS), asset


@pytest.mark.usefixtures("second_run")
def test_a_second_run_leaves_every_data_version_as_it_was(pipeline: Pipeline) -> None:
    again = _data_versions(pipeline.project)

    assert again == pipeline.data_versions
    assert len(set(again.values())) == len(ASSETS) * len(MONTHS), "each month of each asset has a version of its own"
    for month in MONTHS:
        assert again["green_bronze", month] == _sha256(pipeline.source(month))


def test_one_thread_and_little_memory_write_the_same_bytes(pipeline: Pipeline, tmp_path: Path) -> None:
    month = "2025-11"
    small = SmallMachine(tmp_path, tlc_url=pipeline.project.tlc_url)

    [outcome] = small.run(Month.parse(month))

    assert outcome.succeeded, outcome.failures
    written = _data_files(small, month)
    assert sorted(folder for folder, _ in written) == sorted(_table_folder(name) for name in (SILVER, REJECTED, GOLD))
    assert written == _data_files(pipeline.project, month)


def test_a_month_with_all_the_dirt_there_can_be_still_agrees_with_pandas(project: Project, real_data: Path) -> None:
    month = "2023-02"
    path = green_files.source_path(Month.parse(month))
    file = project.source / path
    file.parent.mkdir(parents=True)
    _make_dirty(pd.read_parquet(real_data / "tlc" / path)).to_parquet(file, index=False)
    expected = compute(file, month)
    assert expected.rejected == {"missing_pickup_time": 8, "pickup_outside_month": 30, "dropoff_before_pickup": 5}
    assert expected.duplicate_copies == 100
    assert {row["payment_type"] for row in expected.gold} == {None, 0, 1, 2, 3, 4, 5, 6, 99}

    [outcome] = project.run(Month.parse(month))

    assert outcome.succeeded, outcome.failures
    published = _published(project, [month])[month]
    _assert_ledger(month, file, expected, published)
    _assert_rejected(month, expected, published)
    _assert_totals(month, expected, published)
    _assert_gold(month, expected, published)
    catalog = _open_catalog(project)
    try:
        _assert_same_records(f"{month} silver", expected.trips, _scan(catalog, SILVER, month))
        _assert_same_records(f"{month} rejected", expected.rejects, _scan(catalog, REJECTED, month))
    finally:
        catalog.close()


def _make_dirty(trips: pd.DataFrame) -> pd.DataFrame:
    """A real month with every case the rules name; amounts that must be rounded are exact in binary."""
    pickup, dropoff = "lpep_pickup_datetime", "lpep_dropoff_datetime"
    valid = trips[trips[pickup].between("2023-02-02", "2023-02-27")].reset_index(drop=True)
    with_code, without_code = valid[valid["payment_type"].notna()], valid[valid["payment_type"].isna()]

    hour = pd.Timedelta(hours=1)
    no_pickup = with_code[100:107].assign(**{pickup: pd.NaT})
    a_dollar_more = with_code[200:210]
    at = pd.Timestamp
    extra_rows = [
        with_code[0:50],
        *[without_code[0:10]] * 5,
        a_dollar_more.assign(tip_amount=a_dollar_more["tip_amount"] + 1),
        no_pickup,
        no_pickup[:1],
        with_code[110:113].assign(**{pickup: at("2023-03-01"), dropoff: at("2023-03-01") + hour}),
        with_code[113:114].assign(**{pickup: at("2023-01-31 23:59:59.999999"), dropoff: at("2023-01-31 23:00")}),
        with_code[114:118].assign(**{pickup: at("2023-02-01"), dropoff: at("2023-02-01") + hour}),
        with_code[118:120].assign(
            **{pickup: at("2023-02-28 23:59:59.999999"), dropoff: at("2023-03-01 00:59:59.999999")}
        ),
        with_code[120:125].assign(**{dropoff: with_code[120:125][pickup] - pd.Timedelta(seconds=1)}),
        with_code[125:130].assign(**{dropoff: pd.NaT}),
        with_code[130:135].assign(payment_type=0.0, cbd_congestion_fee=0.75),
        with_code[135:139].assign(payment_type=6.0, total_amount=-0.01),
        with_code[139:142].assign(payment_type=5.0, total_amount=0.0),
        with_code[142:144].assign(payment_type=99.0, store_and_fwd_flag=None),
        with_code[144:148].assign(ehail_fee=2.125, trip_distance=1.375, total_amount=-10.125),
        without_code[20:23].assign(ehail_fee=0.5, total_amount=-3.0),
    ]
    outside = trips[(trips[pickup] < "2023-02-01") | (trips[pickup] >= "2023-03-01")]
    typed = trips.assign(ehail_fee=trips["ehail_fee"].astype("float64"), cbd_congestion_fee=float("nan"))
    return pd.concat(
        [
            frame.astype({"ehail_fee": "float64"}).reindex(columns=typed.columns)
            for frame in (valid, outside, *extra_rows)
        ],
        ignore_index=True,
    )


@cache
def _computed(file: Path, month: str) -> GreenMonth:
    return compute(file, month)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _published(project: Project, months: Sequence[str]) -> dict[str, Published]:
    """Four queries, each for all months."""
    ledger = project.rows("SELECT * FROM silver.row_ledger")
    rejected = project.rows(f"SELECT month, reject_reason, COUNT(*) AS records FROM {REJECTED} GROUP BY 1, 2")
    summed = (*WHOLE_NUMBERS, *AMOUNTS, "duration_seconds", "copies")
    counted = (*COLUMNS, "duration_seconds")
    totals = project.rows(
        f"""
        SELECT
          DATE(DATE_TRUNC(pickup_at, MONTH)) AS month,
          COUNT(*) AS n,
          COUNTIF(is_reversal) AS reversals,
          {", ".join(f"SUM({name}) AS sum_{name}" for name in summed)},
          {", ".join(f"COUNTIF({name} IS NULL) AS nulls_{name}" for name in counted)}
        FROM {SILVER}
        GROUP BY 1
        """
    )
    gold = project.rows(f"SELECT * FROM {GOLD} ORDER BY month, payment_type NULLS FIRST")
    found = {}
    for month in months:
        day = Month.parse(month).first_day
        [total] = [row for row in totals if row["month"] == day]
        found[month] = Published(
            ledger=[row for row in ledger if row["month"] == day],
            rejected={row["reject_reason"]: row["records"] for row in rejected if row["month"] == day},
            totals={
                "rows": total["n"],
                "reversals": total["reversals"],
                **{f"sum of {name}": total[f"sum_{name}"] for name in summed},
                **{f"nulls of {name}": total[f"nulls_{name}"] for name in counted},
            },
            gold=[row for row in gold if row["month"] == day],
        )
    return found


def _assert_ledger(month: str, source: Path, expected: GreenMonth, published: Published) -> None:
    assert len(published.ledger) == 1, f"{month}: one ledger row expected, found {published.ledger}"
    golden = {
        "dataset": "green",
        "month": Month.parse(month).first_day,
        "bronze_sha256": _sha256(source),
        "bronze_rows": expected.bronze_rows,
        "silver_rows": expected.silver_rows,
        "duplicate_copies": expected.duplicate_copies,
        **{f"rejected_{reason}": expected.rejected[reason] for reason in REJECT_REASONS},
        "rejected_rows": sum(expected.rejected.values()),
        "is_balanced": True,
    }
    assert_same(f"{month} ledger", golden, published.ledger[0])


def _assert_rejected(month: str, expected: GreenMonth, published: Published) -> None:
    golden = {reason: records for reason, records in expected.rejected.items() if records}
    assert_same(f"{month} rejected", golden, published.rejected)


def _assert_totals(month: str, expected: GreenMonth, published: Published) -> None:
    golden = {
        "rows": expected.silver_rows,
        "reversals": expected.reversals,
        **{f"sum of {name}": total for name, total in expected.sums.items()},
        **{f"nulls of {name}": count for name, count in expected.nulls.items()},
    }
    assert_same(f"{month} silver", golden, published.totals)


def _assert_gold(month: str, expected: GreenMonth, published: Published) -> None:
    rows, golden_rows = published.gold, expected.gold
    assert [row["payment_type"] for row in rows] == [row["payment_type"] for row in golden_rows], f"{month} gold rows"
    for row, golden in zip(rows, golden_rows, strict=True):
        assert_same(f"{month} gold of payment type {golden['payment_type']}", golden, row)
        assert list(row) == list(golden), f"{month} gold: order of columns"


def _open_catalog(project: Project) -> SqlCatalog:
    return SqlCatalog("local", uri=f"sqlite:///{project.home / 'catalog.db'}", warehouse=str(project.home))


def _scan(catalog: SqlCatalog, name: str, month: str) -> pa.Table:
    """A month of a table, read by pyiceberg."""
    bounds = Month.parse(month)
    column, start, end = "month", f"{month}-01", f"{bounds.next()}-01"
    if name == SILVER:
        column, start, end = "pickup_at", bounds.start.isoformat(), bounds.end.isoformat()
    return (
        catalog.load_table(name)
        .scan(And(GreaterThanOrEqual(term=column, value=start), LessThan(term=column, value=end)))
        .to_arrow()
    )


def _assert_same_records(where: str, expected: pd.DataFrame, table: pa.Table) -> None:
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


def _data_versions(project: Project) -> dict[tuple[str, str], str]:
    """Data version of the latest materialization of each month of each asset."""
    versions = {}
    with project.instance() as instance:
        for asset in ASSETS:
            for month in MONTHS:
                latest = AssetRecordsFilter(asset_key=AssetKey(asset), asset_partitions=[month])
                [record] = instance.fetch_materializations(latest, limit=1).records
                materialization = record.asset_materialization
                assert materialization is not None
                assert materialization.tags is not None
                versions[asset, month] = materialization.tags["dagster/data_version"]
    return versions


def _table_folder(name: str) -> str:
    return name.replace(".", "/")


def _data_files(project: Project, month: str) -> dict[tuple[str, str], str]:
    """Hash of each data file of a month by table and name."""
    root = project.home / "warehouse"
    return {
        (str(file.relative_to(root).parents[2]), file.name): _sha256(file)
        for file in root.glob(f"*/*/data/{month}/*.parquet")
    }
