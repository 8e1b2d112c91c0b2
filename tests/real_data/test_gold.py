"""Gold of real months, held against pandas."""

from __future__ import annotations

import dagster as dg
import pyarrow.compute as pc
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.real_data.independent import assert_same, green_by_payment_type
from tests.real_data.published import (
    GREEN_GOLD,
    GREEN_MONTHS,
    TRIPS_GOLD,
    TRIPS_GOLD_MONTHS,
    Pipeline,
    RealMonth,
    assert_gold,
    gold_rows,
    latest_materialization,
    scan,
)

GOLD_COLUMNS = {
    GREEN_GOLD: {
        "month": "date",
        "payment_type": "long",
        "payment_type_name": "string",
        "trip_count": "long",
        "reversal_count": "long",
        "total_amount": "decimal(18, 2)",
        "trip_miles": "decimal(18, 2)",
    },
    TRIPS_GOLD: {
        "month": "date",
        "pickup_location_id": "long",
        "borough": "string",
        "zone": "string",
        "taxi_type": "string",
        "trip_count": "long",
        "reversal_count": "long",
        "total_amount": "decimal(18, 2)",
        "trip_miles": "decimal(18, 2)",
    },
}

by_green_month = pytest.mark.parametrize("month", GREEN_MONTHS)
by_trips_month = pytest.mark.parametrize("month", TRIPS_GOLD_MONTHS)


@by_green_month
def test_green_gold_has_the_trips_and_the_cents_that_pandas_computes(pipeline: Pipeline, month: str) -> None:
    expected = green_by_payment_type(pipeline.expected(RealMonth("green", month)), month)

    assert_gold(f"{month} gold", ("payment_type",), expected, gold_rows(pipeline.project, GREEN_GOLD, month))


@by_green_month
def test_another_reader_of_the_iceberg_tables_counts_and_adds_the_same(
    pipeline: Pipeline, iceberg: SqlCatalog, month: str
) -> None:
    expected = pipeline.expected(RealMonth("green", month))
    total = expected.sums["total_amount"]

    silver, gold = (scan(iceberg, table, month) for table in ("silver.green_trips", GREEN_GOLD))

    assert_same(
        f"{month} read by pyiceberg",
        {
            "silver rows": expected.silver_rows,
            "silver total": total,
            "gold rows": len(green_by_payment_type(expected, month)),
            "gold total": total,
        },
        {
            "silver rows": silver.num_rows,
            "silver total": pc.sum(silver["total_amount"]).as_py(),
            "gold rows": gold.num_rows,
            "gold total": pc.sum(gold["total_amount"]).as_py(),
        },
    )


@by_trips_month
def test_trips_gold_has_the_zones_the_trips_and_the_cents_that_pandas_computes(pipeline: Pipeline, month: str) -> None:
    expected = pipeline.expected_trips_gold(month)
    assert {row["taxi_type"] for row in expected} == set(TRIPS_GOLD_MONTHS[month])

    actual = gold_rows(pipeline.project, TRIPS_GOLD, month)

    assert_gold(f"{month} gold", ("pickup_location_id", "taxi_type"), expected, actual)


def test_trips_without_a_zone_are_counted_with_those_of_zone_264(pipeline: Pipeline) -> None:
    trips = pipeline.expected(RealMonth("fhv", "2020-04")).trips["pickup_location_id"]
    without, unknown = int(trips.isna().sum()), int((trips == 264).sum())
    assert without, "the real month has trips without a zone"
    assert unknown, "the real month has trips in the unknown zone"

    [row] = [
        row
        for row in gold_rows(pipeline.project, TRIPS_GOLD, "2020-04")
        if (row["taxi_type"], row["pickup_location_id"]) == ("fhv", 264)
    ]

    assert (row["borough"], row["zone"], row["trip_count"]) == ("Unknown", "N/A", without + unknown)


@pytest.mark.parametrize(("table", "months"), [(GREEN_GOLD, GREEN_MONTHS), (TRIPS_GOLD, tuple(TRIPS_GOLD_MONTHS))])
def test_gold_holds_the_real_months_and_nothing_else(pipeline: Pipeline, table: str, months: tuple[str, ...]) -> None:
    rows = pipeline.project.rows(f"SELECT DISTINCT month FROM {table} ORDER BY month")

    assert [f"{row['month']:%Y-%m}" for row in rows] == list(months)


@pytest.mark.parametrize("table", GOLD_COLUMNS)
def test_gold_has_the_designed_columns_in_their_order_and_types(iceberg: SqlCatalog, table: str) -> None:
    fields = iceberg.load_table(table).schema().fields

    assert [(field.name, str(field.field_type)) for field in fields] == list(GOLD_COLUMNS[table].items())


@pytest.mark.parametrize("asset", ["green_gold", "trips_gold"])
def test_the_run_reports_the_rows_of_gold_that_pandas_computes(pipeline: Pipeline, asset: str) -> None:
    expected = {
        "green_gold": {
            month: len(green_by_payment_type(pipeline.expected(RealMonth("green", month)), month))
            for month in GREEN_MONTHS
        },
        "trips_gold": {month: len(pipeline.expected_trips_gold(month)) for month in TRIPS_GOLD_MONTHS},
    }[asset]

    reported = {
        month: next((each.rows for each in outcome.assets if each.key == asset), None)
        for month, outcome in pipeline.outcomes.items()
    }

    assert {month: rows for month, rows in reported.items() if rows is not None} == expected


@pytest.mark.parametrize(
    ("month", "present", "is_complete"), [("2020-04", "fhv, yellow", True), ("2025-02", "yellow", False)]
)
def test_trips_gold_says_which_datasets_it_is_made_of_and_warns_of_a_missing_one(
    pipeline: Pipeline, month: str, present: str, is_complete: bool
) -> None:
    with pipeline.project.instance() as instance:
        metadata = latest_materialization(instance, "trips_gold", month).metadata
        records = instance.get_records_for_run(
            pipeline.outcomes[month].run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    evaluations = [
        record.event_log_entry.asset_check_evaluation
        for record in records
        if record.event_log_entry.asset_check_evaluation is not None
    ]
    [check] = [
        each
        for each in evaluations
        if (each.asset_key, each.check_name) == (dg.AssetKey("trips_gold"), "datasets_present")
    ]

    assert ", ".join(sorted(str(metadata["datasets_present"].value).split(", "))) == present
    assert (check.passed, check.severity) == (is_complete, dg.AssetCheckSeverity.WARN)
    if not is_complete:
        assert check.metadata["datasets_missing"].value == "fhv"
