"""What every warehouse promises, tested against each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.exceptions import CheckFailed, ConfigurationError, ContractViolation, ModelError, NotLanded, QueryError
from lakehouse.partition import WHOLE, Month
from lakehouse.results import Effect, Preparation
from lakehouse.warehouse import inputs
from lakehouse.warehouse.audit import evaluate
from tests import green_files
from tests.green_files import outside, trip, trips
from tests.warehouse.implementations import House

JANUARY = Month(2024, 1)
FEBRUARY = Month(2024, 2)
COUNT = "SELECT COUNT(*) AS n, SUM(total_amount) AS total FROM silver.green_trips"


def test_a_month_goes_from_landed_file_to_silver_and_gold(house: House) -> None:
    house.land(JANUARY, [*trips(JANUARY, 24), trip(JANUARY, 99, total_amount=-12.0), outside(JANUARY, 5)])
    silver = house.replace("green_silver", JANUARY)
    gold = house.replace("green_gold", JANUARY)
    assert (silver.rows, silver.skipped, gold.rows) == (25, False, 2)
    assert silver.ledger is not None
    assert silver.ledger.rejected == {
        "unreadable_value": 0,
        "missing_pickup_time": 0,
        "pickup_outside_month": 1,
        "dropoff_before_pickup": 0,
    }
    assert house.rows("SELECT * FROM gold.green_trips_by_payment_type ORDER BY payment_type") == [
        {
            "month": date(2024, 1, 1),
            "payment_type": 1,
            "payment_type_name": "Credit card",
            "trip_count": 12,
            "reversal_count": 0,
            "total_amount": Decimal("144.00"),
            "trip_miles": Decimal("15.00"),
        },
        {
            "month": date(2024, 1, 1),
            "payment_type": 2,
            "payment_type_name": "Cash",
            "trip_count": 12,
            "reversal_count": 1,
            "total_amount": Decimal("132.00"),
            "trip_miles": Decimal("16.25"),
        },
    ]


@pytest.mark.parametrize("era", ["until 2023-01", "since 2023-02", "since 2025-01"])
def test_every_era_of_file_gives_the_same_table(house: House, era: green_files.Era) -> None:
    house.land(JANUARY, trips(JANUARY, 3), era)
    house.replace("green_silver", JANUARY)
    (row,) = house.rows("SELECT * FROM silver.green_trips WHERE pickup_at = '2024-01-01 00:07:00'")
    assert (row["vendor_id"], row["rate_code_id"], row["passenger_count"]) == (2, 1, 1)
    assert row["fare_amount"] == Decimal("10.00")
    assert row["ehail_fee"] is None
    assert row["cbd_congestion_fee"] == (Decimal("0.75") if era == "since 2025-01" else None)
    assert (row["taxi_type"], row["is_reversal"], row["duration_seconds"]) == ("green", False, 660)


def test_a_null_payment_type_is_a_row_of_its_own_named_unknown(house: House) -> None:
    house.land(JANUARY, [trip(JANUARY, 1, payment_type=None), trip(JANUARY, 2, payment_type=5), trip(JANUARY, 3)])
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    rows = house.rows("SELECT payment_type, payment_type_name FROM gold.green_trips_by_payment_type ORDER BY 1")
    assert {(row["payment_type"], row["payment_type_name"]) for row in rows} == {
        (None, "Unknown"),
        (5, "Unknown"),
        (2, "Cash"),
    }


def test_the_first_rule_a_record_meets_is_its_reason(house: House) -> None:
    late = outside(JANUARY, 2)
    late["lpep_dropoff_datetime"] = late["lpep_pickup_datetime"] - timedelta(hours=1)
    before = trip(JANUARY, 3, lpep_dropoff_datetime=JANUARY.start - timedelta(seconds=1))
    missing = trip(JANUARY, 4, lpep_pickup_datetime=None)
    house.land(JANUARY, [*trips(JANUARY, 100), late, before, missing])
    house.replace("green_silver", JANUARY)
    rows = house.rows("SELECT reject_reason, COUNT(*) AS n FROM silver.green_trips_rejected GROUP BY 1 ORDER BY 1")
    assert rows == [
        {"reject_reason": "dropoff_before_pickup", "n": 1},
        {"reject_reason": "missing_pickup_time", "n": 1},
        {"reject_reason": "pickup_outside_month", "n": 1},
    ]


def test_the_months_bounds_are_first_instant_included_and_last_excluded(house: House) -> None:
    edge = timedelta(microseconds=1)
    times = [JANUARY.start, JANUARY.end - edge, JANUARY.end, JANUARY.start - edge]
    rows = [
        trip(JANUARY, 100 + number, lpep_pickup_datetime=time, lpep_dropoff_datetime=time)
        for number, time in enumerate(times)
    ]
    house.land(JANUARY, [*trips(JANUARY, 60), *rows])
    house.replace("green_silver", JANUARY)
    (extremes,) = house.rows("SELECT MIN(pickup_at) AS first, MAX(pickup_at) AS last FROM silver.green_trips")
    assert (extremes["first"], extremes["last"]) == (JANUARY.start, JANUARY.end - edge)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.green_trips_rejected") == [{"n": 2}]


def test_exact_duplicates_are_folded_and_counted_and_rejected_ones_are_kept_apart(house: House) -> None:
    twice, thrice = trip(JANUARY, 1), trip(JANUARY, 2, payment_type=None)
    wrong = outside(JANUARY, 3)
    house.land(
        JANUARY,
        [
            *trips(JANUARY, 1),
            twice,
            twice,
            thrice,
            thrice,
            thrice,
            *trips(FEBRUARY, 0),
            *[wrong] * 2,
            *[trip(JANUARY, n) for n in range(10, 60)],
        ],
    )
    result = house.replace("green_silver", JANUARY)
    assert result.ledger is not None
    assert (result.ledger.bronze_rows, result.ledger.silver_rows, result.ledger.duplicate_copies) == (58, 53, 3)
    assert house.rows("SELECT copies, COUNT(*) AS n FROM silver.green_trips GROUP BY 1 ORDER BY 1") == [
        {"copies": 1, "n": 51},
        {"copies": 2, "n": 1},
        {"copies": 3, "n": 1},
    ]
    (ledger,) = house.rows("SELECT * FROM silver.row_ledger")
    assert (ledger["rejected_rows"], ledger["duplicate_copies"], ledger["is_balanced"]) == (2, 3, True)


def test_an_unchanged_month_is_left_as_it_is_and_still_reports_its_checks(house: House) -> None:
    house.land(JANUARY, [*trips(JANUARY, 30), outside(JANUARY, 1)])
    first = [house.replace(key, JANUARY) for key in ("green_silver", "green_gold")]
    house.reopen()
    again = [house.replace(key, JANUARY) for key in ("green_silver", "green_gold")]
    assert [result.skipped for result in again] == [True, True]
    for before, after in zip(first, again, strict=True):
        assert (after.rows, after.content, after.version, after.checks, after.ledger) == (
            before.rows,
            before.content,
            before.version,
            before.checks,
            before.ledger,
        )


def test_months_do_not_touch_each_other(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    house.land(FEBRUARY, trips(FEBRUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_silver", FEBRUARY)
    house.land(JANUARY, trips(JANUARY, 1))
    house.replace("green_silver", JANUARY)
    by_month = (
        "SELECT DATE_TRUNC(pickup_at, MONTH) AS month, COUNT(*) AS n FROM silver.green_trips GROUP BY 1 ORDER BY 1"
    )
    assert [row["n"] for row in house.rows(by_month)] == [1, 4]


def test_a_restated_month_replaces_what_was_there(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    restated = house.land(JANUARY, trips(JANUARY, 5, total_amount=20.0))
    result = house.replace("green_silver", JANUARY)
    assert (result.skipped, result.rows) == (False, 5)
    assert house.rows(COUNT) == [{"n": 5, "total": Decimal("100.00")}]
    assert house.rows("SELECT DISTINCT bronze_sha256 AS sha FROM silver.green_trips") == [
        {"sha": house.sha256(restated)}
    ]


def test_equal_rows_in_another_order_give_equal_gold(house: House) -> None:
    rows = [*trips(JANUARY, 50)]
    house.land(JANUARY, rows)
    house.replace("green_silver", JANUARY)
    first = house.replace("green_gold", JANUARY)
    house.land(JANUARY, rows[::-1])
    house.replace("green_silver", JANUARY)
    assert house.replace("green_gold", JANUARY).content == first.content


def test_a_failed_blocking_check_publishes_nothing_and_reports_all_checks(house: House) -> None:
    house.publish_zones()
    house.land(JANUARY, trips(JANUARY, 30))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, [*trips(JANUARY, 2), *trips(FEBRUARY, 30)])
    with pytest.raises(
        CheckFailed,
        match=r"green_silver 2024-01: its records are of 2024-02: 30 rows; blocking check failed: rejected_share \(30 ",
    ) as error:
        house.replace("green_silver", JANUARY)
    failed = [check.name for check in error.value.checks if not check.passed]
    assert failed == ["rejected_share"]
    assert len(error.value.checks) == 11
    assert house.rows(COUNT) == [{"n": 30, "total": Decimal("360.00")}]
    assert house.rows("SELECT COUNT(*) AS n FROM silver.green_trips_rejected") == [{"n": 0}]


def test_a_check_that_was_made_stricter_fails_a_month_that_is_left_as_it_is(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 30))
    house.replace("green_silver", JANUARY)
    first = house.replace("green_gold", JANUARY)
    house.edit("gold/green_gold.sql", ("\nchecks:\n", "\nchecks:\n  - {type: row_count, min: 3}\n"))
    with pytest.raises(CheckFailed, match=r"green_gold 2024-01: blocking check failed: row_count \(1 failing"):
        house.replace("green_gold", JANUARY)
    assert house.warehouse.holdings()["green_gold"].partitions[JANUARY].version == first.version


def test_a_broken_grain_is_a_blocking_failure(house: House) -> None:
    house.land(JANUARY, [trip(JANUARY, 1), trip(JANUARY, 2)])
    house.replace("green_silver", JANUARY)
    house.edit("gold/green_gold.sql", ("grain: [month, payment_type]", "grain: [month]"))
    with pytest.raises(CheckFailed, match=r"grain \(1 failing: .*: month\)"):
        house.replace("green_gold", JANUARY)


def test_a_warning_is_reported_and_publishes(house: House) -> None:
    house.publish_zones()
    house.land(JANUARY, [trip(JANUARY, 1, payment_type=77), trip(JANUARY, 2, trip_distance=5000.0), trip(JANUARY, 3)])
    result = house.replace("green_silver", JANUARY)
    failed = {check.name: (check.failing, check.severity) for check in result.checks if not check.passed}
    assert failed == {"known_codes": (1, "warn"), "trip_miles_range": (1, "warn")}
    assert result.rows == 3


def test_an_unknown_column_is_a_warning_with_its_name(house: House) -> None:
    table = green_files.table(trips(JANUARY, 2)).append_column("surge_fee", [[1.0, 2.0]])
    house.land(JANUARY, table)
    result = house.replace("green_silver", JANUARY)
    drift = next(check for check in result.checks if check.name == "contract_drift")
    assert (drift.passed, drift.severity, drift.facts["unknown_columns"]) == (False, "warn", "surge_fee")


def test_amounts_finer_than_a_cent_are_rounded_and_counted(house: House) -> None:
    house.land(
        JANUARY,
        [trip(JANUARY, 1, tip_amount=1.005), trip(JANUARY, 2, tip_amount=1.25), trip(JANUARY, 3, tip_amount=0.125)],
    )
    result = house.replace("green_silver", JANUARY)
    drift = next(check for check in result.checks if check.name == "contract_drift")
    assert (drift.passed, drift.facts["rounded_tip_amount"]) == (False, 2)
    tips = house.rows("SELECT tip_amount FROM silver.green_trips ORDER BY pickup_at")
    assert [str(row["tip_amount"]) for row in tips] == ["1.01", "1.25", "0.13"]  # as written, not as stored


def test_amounts_of_32_bits_are_rounded_from_their_own_digits_and_counted_where_they_do_not_tell_cents(
    house: House,
) -> None:
    """1000000.375 is what a float of 32 bits makes of 1000000.38, and of 1000000.40, too."""
    tips = [1.1, 0.07, 131071.99, 1.005, 1000000.375, 200000.5, 16777216.0, 0.285]
    table = green_files.table([trip(JANUARY, number, tip_amount=tip) for number, tip in enumerate(tips)])
    position = table.schema.get_field_index("tip_amount")
    house.land(JANUARY, table.set_column(position, "tip_amount", table.column(position).cast(pa.float32())))
    result = house.replace("green_silver", JANUARY)
    drift = next(check for check in result.checks if check.name == "contract_drift")
    # Where there are no floats of 32 bits, 1000000.375 is what its own digits say from the start.
    assert (drift.passed, drift.facts["rounded_tip_amount"]) in {(False, 3), (False, 2)}
    found = house.rows("SELECT tip_amount FROM silver.green_trips ORDER BY pickup_at")
    assert [str(row["tip_amount"]) for row in found] == [
        "1.10", "0.07", "131071.99", "1.01", "1000000.40", "200000.50", "16777216.00", "0.29",
    ]  # fmt: skip


def test_cents_of_32_bits_are_no_drift(house: House) -> None:
    table = green_files.table([trip(JANUARY, n, fare_amount=n * 1.37, tip_amount=n / 100) for n in range(1000)])
    for name in ("fare_amount", "tip_amount"):
        position = table.schema.get_field_index(name)
        table = table.set_column(position, name, table.column(position).cast(pa.float32()))
    house.land(JANUARY, table)
    drift = next(check for check in house.replace("green_silver", JANUARY).checks if check.name == "contract_drift")
    assert drift.passed
    (sums,) = house.rows("SELECT SUM(fare_amount) AS fares, SUM(tip_amount) AS tips FROM silver.green_trips")
    assert sums == {"fares": Decimal("684315.00"), "tips": Decimal("4995.00")}


def test_a_value_that_a_cast_would_change_stops_the_month(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 3), "until 2023-01")
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, [*trips(JANUARY, 9), trip(JANUARY, 10, passenger_count=2.5)], "until 2023-01")
    message = "column passenger_count .* must hold whole numbers, but 1 values do not.* 2.5"
    with pytest.raises(ContractViolation, match=f"green 2024-01 .*{message}"):
        house.replace("green_silver", JANUARY)
    assert house.rows(COUNT) == [{"n": 3, "total": Decimal("36.00")}]


def test_a_cast_on_the_way_that_changes_makes_a_month_anew(house: House) -> None:
    path = house.sql / "gold" / "far_gold.sql"
    path.write_text(
        "/*\ndescription: Furthest\ntable: gold.far\ngrain: [month]\npartition: month\ncolumns:\n"
        "  month: {type: DATE, description: Month}\n"
        '  far: {type: "NUMERIC(18,2)", description: Miles, unit: miles}\n*/\n'
        "SELECT CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month,\n"
        "  MAX(CAST(LEAST(trip_miles, 35.424) AS NUMERIC(4, 1))) AS far\nFROM silver.green_trips\n"
        "WHERE pickup_at >= @partition_start AND pickup_at < @partition_end\nGROUP BY month\n"
    )
    house.reopen()
    house.land(JANUARY, [trip(JANUARY, 1, trip_distance=35.42), trip(JANUARY, 2, trip_distance=900.0)])
    house.replace("green_silver", JANUARY)
    house.replace("far_gold", JANUARY)
    assert house.rows("SELECT far FROM gold.far") == [{"far": Decimal("35.40")}]
    house.edit("gold/far_gold.sql", ("NUMERIC(4, 1)", "NUMERIC(4, 2)"))
    assert not house.warehouse.holdings()["far_gold"].partitions[JANUARY].is_current
    assert house.replace("far_gold", JANUARY).effect is Effect.PUBLISHED
    assert house.rows("SELECT far FROM gold.far") == [{"far": Decimal("35.42")}]


def test_a_month_before_the_dataset_began_is_empty(house: House) -> None:
    before = Month(2013, 7)
    silver, gold = house.replace("green_silver", before), house.replace("green_gold", before)
    assert (silver.rows, gold.rows) == (0, 0)
    assert all(check.passed for check in (*silver.checks, *gold.checks))


def test_a_month_that_was_not_landed_names_the_asset_to_materialize(house: House) -> None:
    with pytest.raises(NotLanded, match="materialize green_bronze for 2024-01 first"):
        house.replace("green_silver", JANUARY)


def test_gold_of_a_month_without_silver_names_the_asset_to_materialize(house: House) -> None:
    with pytest.raises(
        NotLanded, match=r"green_gold 2024-01: silver.green_trips has nothing for 2024-01: materialize green_silver"
    ):
        house.replace("green_gold", JANUARY)


def test_changed_sql_recomputes_and_a_new_column_evolves_the_table(house: House) -> None:
    for month in (JANUARY, FEBRUARY):
        house.land(month, trips(month, 4))
        house.replace("green_silver", month)
        house.replace("green_gold", month)
    house.edit(
        "gold/green_gold.sql",
        ("  SUM(miles) AS trip_miles\n", "  SUM(miles) AS trip_miles,\n  MAX(miles) AS longest\n"),
        ("\nchecks:", '\n  longest: {type: "NUMERIC(18,2)", description: Longest, unit: miles}\nchecks:'),
    )
    result = house.replace("green_gold", FEBRUARY)
    assert not result.skipped
    rows = house.rows("SELECT DISTINCT month, longest FROM gold.green_trips_by_payment_type ORDER BY month")
    assert [row["longest"] for row in rows] == [None, Decimal("1.25")]


def test_a_column_taken_out_of_a_model_stays_in_its_table_and_is_null_from_then_on(house: House) -> None:
    for month in (JANUARY, FEBRUARY):
        house.land(month, trips(month, 4))
        house.replace("green_silver", month)
        house.replace("green_gold", month)
    house.edit(
        "gold/green_gold.sql",
        ("AS total_amount,\n  SUM(miles) AS trip_miles\n", "AS total_amount\n"),
        ("  trip_miles: {type:", "  # trip_miles: {type:"),
    )
    house.replace("green_gold", FEBRUARY)
    rows = house.rows("SELECT month, SUM(trip_miles) AS m FROM gold.green_trips_by_payment_type GROUP BY 1 ORDER BY 1")
    assert [row["m"] for row in rows] == [Decimal("5.00"), None]


def test_a_failed_check_leaves_the_columns_of_the_table_as_they_were(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    house.edit(
        "gold/green_gold.sql",
        ("grain: [month, payment_type]", "grain: [month]"),
        ("  SUM(miles) AS trip_miles\n", "  SUM(miles) AS trip_miles,\n  MAX(miles) AS longest\n"),
        ("\nchecks:", '\n  longest: {type: "NUMERIC(18,2)", description: Longest, unit: miles}\nchecks:'),
    )
    with pytest.raises(CheckFailed, match="grain"):
        house.replace("green_gold", JANUARY)
    assert "longest" not in house.rows("SELECT * FROM gold.green_trips_by_payment_type")[0]


def test_a_relationship_is_checked_against_the_other_table(house: House) -> None:
    (house.sql / "silver" / "few_silver.sql").write_text(
        "/*\ndescription: Two zones\ntable: silver.few\ngrain: [zone_id]\n"
        "columns: {zone_id: {type: INT64, description: Id}}\n*/\nSELECT 1 AS zone_id\nUNION ALL\nSELECT 2 AS zone_id\n"
    )
    check = "  - {type: relationship, column: pickup_location_id, to: silver.few.zone_id, severity: warn}\n*/"
    house.edit("silver/green_silver.sql", ("*/", check))
    house.replace("few_silver", WHOLE)
    house.land(JANUARY, trips(JANUARY, 5))
    result = house.replace("green_silver", JANUARY)
    failed = next(check for check in result.checks if check.name == "pickup_location_id_relationship")
    assert (failed.passed, failed.failing) == (False, 3)


@pytest.mark.parametrize("parents", ["1, 2", "1, 2, NULL"])
def test_null_is_no_parent_hides_no_orphan_and_is_none_itself(house: House, parents: str) -> None:
    ids = "\nUNION ALL\n".join(f"SELECT CAST({parent} AS INT64) AS zone_id" for parent in parents.split(", "))
    (house.sql / "silver" / "few_silver.sql").write_text(
        "/*\ndescription: A few zones\ntable: silver.few\ngrain: [zone_id]\n"
        f"columns: {{zone_id: {{type: INT64, description: Id}}}}\n*/\n{ids}\n"
    )
    check = (
        "  - {type: relationship, columns: [pickup_location_id, dropoff_location_id], to: silver.few.zone_id, "
        "severity: warn, name: zones_known}\n*/"
    )
    house.edit("silver/green_silver.sql", ("*/", check))
    house.replace("few_silver", WHOLE)
    places = [(1, 2), (3, 1), (4, 4), (None, 2), (None, None)]
    rows = [trip(JANUARY, n, PULocationID=pickup, DOLocationID=dropoff) for n, (pickup, dropoff) in enumerate(places)]
    house.land(JANUARY, rows)
    result = house.replace("green_silver", JANUARY)
    found = next(check for check in result.checks if check.name == "zones_known")
    assert (found.passed, found.failing) == (False, 3)
    facts = {name: fact for name, fact in found.facts.items() if "location" in name}
    assert facts == {"unknown_pickup_location_id": "3: 1 row, 4: 1 row", "unknown_dropoff_location_id": "4: 1 row"}


def test_a_table_that_only_checks_read_does_not_make_a_month_new(house: House) -> None:
    path = house.sql / "silver" / "few_silver.sql"
    columns = "columns: {zone_id: {type: INT64, description: Id}}"
    header = f"/*\ndescription: Zones\ntable: silver.few\ngrain: [zone_id]\n{columns}\n*/\n"
    path.write_text(header + "SELECT 1 AS zone_id")
    check = "  - {type: relationship, column: pickup_location_id, to: silver.few.zone_id, severity: warn}\n*/"
    house.edit("silver/green_silver.sql", ("*/", check))
    house.land(JANUARY, trips(JANUARY, 2))
    house.replace("few_silver", WHOLE)
    first = house.replace("green_silver", JANUARY)
    house.edit("silver/few_silver.sql", ("SELECT 1 AS zone_id", "SELECT 2 AS zone_id"))
    house.replace("few_silver", WHOLE)
    second = house.replace("green_silver", JANUARY)
    assert (second.skipped, second.version) == (True, first.version)
    assert [c.failing for c in (*first.checks, *second.checks) if c.name == "pickup_location_id_relationship"] == [1, 1]


def test_a_renamed_reject_reason_leaves_other_months_balanced(house: House) -> None:
    for month in (JANUARY, FEBRUARY):
        house.land(month, [*trips(month, 40), outside(month, 1)])
        house.replace("green_silver", month)
    house.edit("silver/green_silver.sql", ("pickup_outside_month:", "pickup_elsewhere:"))
    house.replace("green_silver", FEBRUARY)
    ledger = house.rows("SELECT month, rejected_rows, is_balanced FROM silver.row_ledger ORDER BY month")
    assert [(row["rejected_rows"], row["is_balanced"]) for row in ledger] == [(1, True), (1, True)]


def test_a_decimal_column_finer_than_a_cent_is_counted(house: House) -> None:
    table = green_files.table(trips(JANUARY, 2))
    fine = pa.array([Decimal("1.2345"), Decimal("2.5000")], pa.decimal128(10, 4))
    house.land(JANUARY, table.set_column(table.schema.get_field_index("tip_amount"), "tip_amount", fine))
    result = house.replace("green_silver", JANUARY)
    drift = next(check for check in result.checks if check.name == "contract_drift")
    assert (drift.passed, drift.facts["rounded_tip_amount"]) == (False, 1)


def test_a_model_may_read_rejected_records(house: House) -> None:
    (house.sql / "gold" / "rejects_gold.sql").write_text(
        "/*\ndescription: Rejects\ntable: gold.rejects\ngrain: [month, reject_reason]\npartition: month\n"
        "columns: {records: {type: INT64, description: Count}}\n*/\n"
        "SELECT month, reject_reason, COUNT(*) AS records\nFROM silver.green_trips_rejected\n"
        "WHERE month >= DATE(@partition_start) AND month < DATE(@partition_end)\nGROUP BY month, reject_reason\n"
    )
    house.reopen()
    assert house.models.upstream_keys(house.models["rejects_gold"]) == ("green_silver",)
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    house.replace("green_silver", JANUARY)
    assert house.replace("rejects_gold", JANUARY).rows == 1


def test_a_type_that_cannot_change_in_place_is_refused_and_nothing_is_lost(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    house.edit(
        "gold/green_gold.sql",
        ("COUNTIF(is_reversal) AS reversal_count", "CAST(COUNTIF(is_reversal) AS STRING) AS reversal_count"),
        ("reversal_count: {type: INT64", "reversal_count: {type: STRING"),
        ("trip_count + reversal_count", "trip_count"),
    )
    with pytest.raises(
        ModelError, match=r"gold.green_trips_by_payment_type: reversal_count cannot change type in place"
    ):
        house.replace("green_gold", JANUARY)
    assert house.rows("SELECT SUM(reversal_count) AS n FROM gold.green_trips_by_payment_type") == [{"n": 0}]


def test_a_table_that_cannot_be_brought_to_its_model_is_set_aside_and_made_anew(house: House) -> None:
    table = "gold.green_trips_by_payment_type"
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    with pytest.raises(ConfigurationError, match=f"{table} can be read, so it was not set aside"):
        house.warehouse.set_aside(table)
    house.edit(
        "gold/green_gold.sql",
        ("COUNTIF(is_reversal) AS reversal_count", "CAST(COUNTIF(is_reversal) AS STRING) AS reversal_count"),
        ("reversal_count: {type: INT64", "reversal_count: {type: STRING"),
        ("trip_count + reversal_count", "trip_count"),
    )
    with pytest.raises(ModelError, match=f"or make the table anew: lakehouse set-aside {table}, then run its months"):
        house.replace("green_gold", JANUARY)
    house.warehouse.set_aside(table)
    house.reopen()
    assert [remark.partition for remark in house.warehouse.holdings()["green_gold"].remarks] == [JANUARY]
    assert house.replace("green_gold", JANUARY).effect is Effect.PUBLISHED
    assert house.rows(f"SELECT DISTINCT reversal_count FROM {table}") == [{"reversal_count": "0"}]
    assert house.warehouse.holdings()["green_gold"].remarks == ()


def test_another_description_changes_the_table_but_not_its_rows(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    house.edit("gold/green_gold.sql", ("Trips without reversals", "Trips that were not taken back"))
    assert house.replace("green_gold", JANUARY).skipped


def test_preparing_twice_changes_nothing(house: House) -> None:
    house.warehouse.prepare()
    house.land(JANUARY, trips(JANUARY, 4))
    first = house.replace("green_silver", JANUARY)
    house.warehouse.prepare()
    assert house.replace("green_silver", JANUARY).version == first.version


def test_preparing_tells_what_it_created_and_what_it_changed(house: House) -> None:
    tables = {spec.name for spec in house.models.specs()}
    assert set(house.warehouse.prepare().created) == tables
    house.edit(
        "gold/green_gold.sql",
        ("  SUM(miles) AS trip_miles\n", "  SUM(miles) AS trip_miles,\n  MAX(miles) AS longest\n"),
        ("\nchecks:", '\n  longest: {type: "NUMERIC(18,2)", description: Longest, unit: miles}\nchecks:'),
    )
    evolved = house.warehouse.prepare()
    assert (evolved.created, evolved.changed) == ((), ("gold.green_trips_by_payment_type",))
    assert house.warehouse.query("SELECT * FROM gold.green_trips_by_payment_type").column_names[-1] == "longest"
    assert house.warehouse.prepare() == Preparation((), ())


def test_a_month_made_by_an_older_version_is_computed_once_and_not_published_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version of ours may know months by other fingerprints; their rows are the same."""
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    keys = ("green_silver", "green_gold")
    with monkeypatch.context() as older:
        older.setattr(inputs, "_WRITER_VERSION", 1)
        old = [house.replace(key, JANUARY) for key in keys]
    assert [(each.effect, each.reason) for each in old] == [(Effect.PUBLISHED, "nothing of it is published")] * 2
    stale = house.warehouse.holdings()
    assert [stale[key].partitions[JANUARY].is_current for key in keys] == [False, False]

    house.reopen()
    first = [house.replace(key, JANUARY) for key in keys]
    assert [(each.effect, each.reason) for each in first] == [(Effect.CONFIRMED, "older fingerprint")] * 2
    assert [(each.content, each.version) for each in first] == [(each.content, each.version) for each in old]
    assert [each.bytes_written for each in first] == [0, 0]

    house.reopen()
    second = [house.replace(key, JANUARY) for key in keys]
    assert [(each.effect, each.reason) for each in second] == [(Effect.UNCHANGED, None)] * 2
    assert [house.warehouse.holdings()[key].partitions[JANUARY].is_current for key in keys] == [True, True]
    with monkeypatch.context() as older:
        older.setattr(inputs, "_WRITER_VERSION", 1)
        assert [house.replace(key, JANUARY).effect for key in keys] == [Effect.UNCHANGED] * 2


def test_a_month_that_was_confirmed_is_replaced_when_it_is_restated(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    monkeypatch.setattr(inputs, "_WRITER_VERSION", 99)
    assert house.replace("green_silver", JANUARY).effect is Effect.CONFIRMED
    house.land(JANUARY, trips(JANUARY, 5))
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert house.rows(COUNT) == [{"n": 5, "total": Decimal("60.00")}]
    assert house.replace("green_silver", JANUARY).effect is Effect.UNCHANGED


def test_a_version_seen_before_is_taken_for_what_it_made_and_not_for_what_is_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confirmed, restated, put back: what was confirmed of the first file says nothing of the second one's rows."""
    with monkeypatch.context() as older:
        older.setattr(inputs, "_WRITER_VERSION", 1)
        house.land(JANUARY, trips(JANUARY, 4))
        house.replace("green_silver", JANUARY)
    assert house.replace("green_silver", JANUARY).effect is Effect.CONFIRMED
    house.land(JANUARY, trips(JANUARY, 4, total_amount=20.0))  # as many, so that the ledger sees nothing
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    house.land(JANUARY, trips(JANUARY, 4))
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert house.rows(COUNT) == [{"n": 4, "total": Decimal("48.00")}]


def test_a_wider_numeric_makes_a_month_anew(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    house.edit("gold/green_gold.sql", ("NUMERIC(18,2)", "NUMERIC(20,2)"))
    result = house.replace("green_gold", JANUARY)
    # Where rows are no files of their own, those that are there are as wide as their column.
    assert (result.effect is not Effect.UNCHANGED, result.reason) == (True, "older fingerprint")
    assert str(result.preview.schema.field("total_amount").type) == "decimal128(20, 2)"
    assert house.replace("green_gold", JANUARY).effect is Effect.UNCHANGED


def test_rejected_records_of_another_name_are_published_though_the_kept_ones_are_the_same(house: House) -> None:
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    house.replace("green_silver", JANUARY)
    house.edit("silver/green_silver.sql", ("pickup_outside_month:", "pickup_elsewhere:"))
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert house.rows("SELECT reject_reason AS why FROM silver.green_trips_rejected") == [{"why": "pickup_elsewhere"}]


def test_reasons_that_change_places_are_published_though_the_kept_records_and_the_ledger_are_the_same(
    house: House,
) -> None:
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    house.replace("green_silver", JANUARY)
    swapped = [("missing_pickup_time:", "other:"), ("pickup_outside_month:", "missing_pickup_time:")]
    house.edit("silver/green_silver.sql", *swapped, ("other:", "pickup_outside_month:"))
    assert house.replace("green_silver", JANUARY).reason == "older fingerprint"
    assert house.rows("SELECT reject_reason AS why FROM silver.green_trips_rejected") == [
        {"why": "missing_pickup_time"}
    ]


def test_what_arrives_while_a_month_is_computed_is_computed_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    arriving = [lambda: house.land(JANUARY, trips(JANUARY, 7))]

    def audited(*facts: Any) -> Any:
        if arriving:
            arriving.pop()()
        return evaluate(*facts)

    monkeypatch.setattr("lakehouse.warehouse.replacement.evaluate", audited)
    assert house.replace("green_silver", JANUARY).rows == 7
    assert arriving == []
    assert house.rows(COUNT) == [{"n": 7, "total": Decimal("84.00")}]


def test_a_month_keeps_its_version_when_another_one_is_published(house: House) -> None:
    versions = {}
    for month in (JANUARY, FEBRUARY):
        house.land(month, trips(month, 3))
        versions[month] = house.replace("green_silver", month).version
    assert versions[JANUARY] != versions[FEBRUARY]
    assert house.replace("green_silver", JANUARY).version == versions[JANUARY]
    house.land(JANUARY, trips(JANUARY, 4))
    newest = house.replace("green_silver", JANUARY).version
    assert newest not in versions.values()
    published = house.warehouse.holdings()["green_silver"].partitions
    assert {month: each.version for month, each in published.items()} == {**versions, JANUARY: newest}


def test_running_out_of_memory_over_what_a_check_shows_decides_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any) -> None:
        raise ConfigurationError("needs more memory than LAKEHOUSE_MEMORY_LIMIT")

    monkeypatch.setattr("lakehouse.warehouse.failing_rows.causes", exhausted)
    house.land(JANUARY, [*trips(JANUARY, 5), trip(JANUARY, 9, VendorID=9)])
    result = house.replace("green_silver", JANUARY)
    found = next(check for check in result.checks if check.name == "known_codes")
    assert (result.effect, found.passed) == (Effect.PUBLISHED, False)
    assert "needs more memory" in str(found.facts["not_shown"])


def test_a_preview_is_of_the_rows_of_a_month_whether_it_is_made_or_left(house: House) -> None:
    for month in (FEBRUARY, JANUARY):
        house.land(month, trips(month, 9))
        house.replace("green_silver", month)
    for _ in ("left as it is", "left as it is again"):
        preview = house.replace("green_silver", JANUARY).preview
        assert preview.num_rows == 5
        assert all(at < JANUARY.end for at in preview.column("pickup_at").to_pylist())
        assert str(preview.schema.field("total_amount").type) == "decimal128(18, 2)"


@pytest.mark.not_in_bigquery("rows are stored in no order: any are shown")
def test_a_preview_is_the_first_rows_of_a_month(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 9))
    for _ in ("computed", "skipped"):
        preview = house.replace("green_silver", JANUARY).preview
        assert preview.column("pickup_at").to_pylist()[:2] == [JANUARY.start, JANUARY.start + timedelta(minutes=7)]
        assert preview.num_rows == 5


def test_an_integer_sum_comes_back_as_an_integer(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 9))
    house.replace("green_silver", JANUARY)
    result = house.warehouse.query("SELECT SUM(copies) AS n, COUNT(*) AS c FROM silver.green_trips")
    assert [str(field.type) for field in result.schema] == ["int64", "int64"]


@pytest.fixture(params=["America/New_York", "Pacific/Kiritimati"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of this machine, to everything that asks for it from now on."""
    with monkeypatch.context() as there:
        there.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def test_a_query_gives_the_same_in_every_time_zone(house: House, zone: str) -> None:
    landing = house.land(JANUARY, trips(JANUARY, 1))
    earliest = datetime.now(UTC).date()
    (row,) = house.rows(
        "SELECT CAST(TIMESTAMP(observed_at) AS DATETIME) AS landed_at, CURRENT_DATE() AS today,\n"
        "  CAST(TIMESTAMP '2024-01-31 23:30:00+00' AS DATETIME) AS late,\n"
        "  CAST(TIMESTAMP '2024-01-31 23:30:00+00' AS DATE) AS day\n"
        "FROM bronze.landings"
    )
    assert row["landed_at"] == landing.observed_at.replace(tzinfo=None), zone
    assert (row["late"], row["day"]) == (datetime(2024, 1, 31, 23, 30), date(2024, 1, 31))
    assert earliest <= row["today"] <= datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT Borough, zone AS ZoneName FROM silver.zones", ["Borough", "ZoneName"]),
        ("WITH c AS (SELECT COUNT(*) AS HowMany FROM silver.zones) SELECT * FROM c", ["HowMany"]),
        ("SELECT BOROUGH FROM silver.zones UNION ALL SELECT zone AS Other FROM silver.zones", ["BOROUGH"]),
        ("SELECT * FROM silver.zones WHERE Borough IS NULL", ["location_id", "borough", "zone", "service_zone"]),
    ],
)
def test_columns_of_a_result_are_spelt_as_the_query_spells_them(house: House, sql: str, names: list[str]) -> None:
    house.publish_zones()
    assert house.warehouse.query(sql).column_names[: len(names)] == names


def test_landings_can_be_queried(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 2))
    newest = house.land(JANUARY, trips(JANUARY, 3))
    rows = house.rows("SELECT month, `rows`, sha256 FROM bronze.landings WHERE is_current")
    assert rows == [{"month": date(2024, 1, 1), "rows": 3, "sha256": newest.sha256}]


def test_the_ledger_shows_a_landing_that_silver_has_not_followed(house: House) -> None:
    old = house.land(JANUARY, trips(JANUARY, 2))
    house.replace("green_silver", JANUARY)
    new = house.land(JANUARY, trips(JANUARY, 3))
    rows = {row["bronze_sha256"]: row for row in house.rows("SELECT * FROM silver.row_ledger")}
    found = [(rows[house.sha256(each)]["bronze_rows"], rows[house.sha256(each)]["silver_rows"]) for each in (new, old)]
    assert found == [(3, 0), (0, 2)]
    assert not any(row["is_balanced"] for row in rows.values())


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nope FROM silver.green_trips", "there is no column nope"),
        ("SELECT 1 AS a FROM silver.grene_trips", "did you mean silver.green_trips"),
        ("SELECT 1 AS a FROM bronze.green_bronze", "there is no table bronze.green_bronze"),
        ("SELECT @month AS a", "@month has no value"),
        ("SELECT 1 AS a, 2 AS a", "two columns of the result are named a"),
        pytest.param(
            "SELECT SUM(9223372036854775807) AS a FROM silver.green_trips",
            "out of range for the destination type INT64|overflow",
            marks=pytest.mark.emulator_gap("it adds INT64 up in a wider type, and gives what INT64 does not hold"),
        ),
        ("SELECT 1 AS a FROM gold.green_trips_by_payment_type", "has not been materialized yet"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(house: House, sql: str, message: str) -> None:
    house.land(JANUARY, trips(JANUARY, 2))
    house.replace("green_silver", JANUARY)
    with pytest.raises(QueryError, match=message):
        house.rows(sql)


def test_a_model_that_gives_rows_outside_its_month_publishes_nothing(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 9))
    house.replace("green_silver", JANUARY)
    house.replace("green_gold", JANUARY)
    house.edit(
        "gold/green_gold.sql",
        (
            "CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month",
            "CAST(DATE_ADD(CAST(pickup_at AS DATE), INTERVAL 31 DAY) AS DATE) AS month",
        ),
    )
    with pytest.raises(ModelError, match=r"green_gold: .* of its rows for the month have a month outside it"):
        house.replace("green_gold", JANUARY)
    assert house.rows("SELECT DISTINCT month FROM gold.green_trips_by_payment_type") == [{"month": date(2024, 1, 1)}]


def test_a_model_that_gives_rows_without_a_month_publishes_nothing(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 9))
    house.replace("green_silver", JANUARY)
    house.edit(
        "gold/green_gold.sql",
        (
            "CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month",
            "CASE WHEN payment_type = 1 THEN CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) END AS month",
        ),
    )
    with pytest.raises(ModelError, match="green_gold: 1 of its rows for the month have a month outside it or none"):
        house.replace("green_gold", JANUARY)
    assert house.warehouse.holdings()["green_gold"].partitions == {}


def test_the_share_of_rejected_records_is_of_all_that_were_landed_and_may_be_as_large_as_is_allowed(
    house: House,
) -> None:
    kept = [*trips(JANUARY, 9), *[trip(JANUARY, 10)] * 10]
    house.land(JANUARY, [*kept, outside(JANUARY, 1)])  # 1 of 20 records, though 1 of 11 different ones
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    house.land(JANUARY, [*kept[1:], outside(JANUARY, 1)])
    with pytest.raises(CheckFailed, match="rejected_share"):
        house.replace("green_silver", JANUARY)


def test_a_month_refused_for_its_rejects_says_why_they_were_rejected(house: House) -> None:
    house.land(JANUARY, [trip(JANUARY, 1), green_files.outside(JANUARY, 2), green_files.outside(JANUARY, 3)])
    with pytest.raises(
        CheckFailed,
        match=r"its records are of 2009-01: 2 rows; .*rejected_share \(2 .*\); 2 rejected for pickup_outside_month\. ",
    ):
        house.replace("green_silver", JANUARY)


def test_the_ledger_is_of_the_tables_that_account_for_their_records(house: House) -> None:
    house.edit("silver/green_silver.sql", *UNACCOUNTED)
    house.publish_zones()
    house.land(JANUARY, [trip(JANUARY, 1), trip(JANUARY, 2)])
    house.replace("green_silver", JANUARY)
    assert house.rows("SELECT * FROM silver.row_ledger") == []


UNACCOUNTED = (
    ("reject:\n", ""),
    ("  missing_pickup_time: pickup_at IS NULL\n", ""),
    ("  pickup_outside_month: pickup_at < @partition_start OR pickup_at >= @partition_end\n", ""),
    ("  dropoff_before_pickup: dropoff_at < pickup_at\n", ""),
    ("  - {type: rejected_share, max: 0.05}\n", ""),
    (
        "FROM bronze.green_bronze",
        "FROM bronze.green_bronze\nWHERE pickup_at >= @partition_start AND pickup_at < @partition_end",
    ),
)
