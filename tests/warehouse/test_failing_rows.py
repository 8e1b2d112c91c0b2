"""A check that fails shows rows that fail it and what is wrong with them, whether its month is published or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlglot import exp, parse_one

from lakehouse.exceptions import CheckFailed
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import USUAL_COST
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.results import CheckResult, ReplaceResult
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.failing_rows import causes_query, sample_query
from tests.green_files import outside, trip, trips
from tests.loading import models_of
from tests.reference_files import user
from tests.warehouse.implementations import House

MONTH = Month(2024, 1)
GREEN = "silver/green_silver.sql"


def check(result: ReplaceResult | CheckFailed, name: str) -> CheckResult:
    return next(each for each in result.checks if each.name == name)


def sample(result: ReplaceResult | CheckFailed, name: str) -> list[dict[str, Any]]:
    """The rows that a failed check shows."""
    found = check(result, name)
    assert not found.passed
    assert found.sample is not None
    rows: list[dict[str, Any]] = found.sample.to_pylist()
    return rows


def declare(house: House, checks: str, model: str = GREEN) -> None:
    """Add checks to a model's header, at the end of those it has."""
    house.edit(model, ("\n*/", f"\n{checks}\n*/"))


def warned(house: House, rows: list[dict[str, Any]]) -> ReplaceResult:
    """A green month that is published, beside its zones."""
    house.publish_zones()
    house.land(MONTH, rows)
    return house.replace("green_silver", MONTH)


def refused(house: House, key: str, month: Partition) -> CheckFailed:
    with pytest.raises(CheckFailed) as error:
        house.replace(key, month)
    assert "\n" not in str(error.value)
    return error.value


# Which checks show what


def test_a_check_that_passes_shows_nothing(house: House) -> None:
    result = warned(house, trips(MONTH, 3))
    assert [(each.passed, each.sample) for each in result.checks] == [(True, None)] * len(result.checks)


def test_values_outside_their_range_are_shown_the_furthest_first(house: House) -> None:
    result = warned(
        house, [trip(MONTH, n, trip_distance=miles) for n, miles in enumerate((1, 1001, 259_777, -2, 2000))]
    )
    rows = sample(result, "trip_miles_range")
    assert [float(row["trip_miles"]) for row in rows] == [259_777, 2000, 1001, -2]
    assert list(rows[0])[:2] == ["trip_miles", "pickup_at"]
    assert rows[0]["pickup_at"] == MONTH.start + timedelta(minutes=14)


def test_both_bounds_of_a_range_belong_to_it(house: House) -> None:
    result = warned(house, [trip(MONTH, n, trip_distance=miles) for n, miles in enumerate((0, 1000, -0.01, 1000.01))])
    assert [float(row["trip_miles"]) for row in sample(result, "trip_miles_range")] == [1000.01, -0.01]
    assert check(result, "trip_miles_range").failing == 2


def test_values_outside_a_range_are_usual_up_to_the_share_that_it_names(house: House) -> None:
    usual = warned(
        house, [*trips(MONTH, 998), trip(MONTH, 998, trip_distance=5000.0), trip(MONTH, 999, trip_distance=-1)]
    )
    assert (check(usual, "trip_miles_range").passed, check(usual, "trip_miles_range").failing) == (True, 0)
    more = [trip(MONTH, number, trip_distance=5000.0) for number in range(997, 1000)]
    unusual = warned(house, [*trips(MONTH, 997), *more])
    assert (check(unusual, "trip_miles_range").passed, check(unusual, "trip_miles_range").failing) == (False, 3)


def test_values_below_a_range_without_an_end_are_shown_the_lowest_first(house: House) -> None:
    declare(house, "  - {type: range, column: tip_amount, min: 0, severity: warn}")
    result = warned(house, [trip(MONTH, n, tip_amount=tip) for n, tip in enumerate((-1.0, 0.0, -9.0))])
    assert [float(row["tip_amount"]) for row in sample(result, "tip_amount_range")] == [-9, -1]


def test_a_sample_is_of_at_most_five_rows_and_eight_columns(house: House) -> None:
    result = warned(house, trips(MONTH, 60, trip_distance=5000.0))
    found = check(result, "trip_miles_range")
    assert found.sample is not None
    assert (found.failing, found.sample.num_rows, found.sample.num_columns) == (60, 5, 8)
    first = [MONTH.start + timedelta(minutes=7 * number) for number in range(5)]
    assert found.sample.column("pickup_at").to_pylist() == first


def test_unknown_codes_are_shown_with_how_often_they_occur(house: House) -> None:
    rows = [trip(MONTH, n, VendorID=9) for n in range(3)] + [trip(MONTH, 3, VendorID=8, store_and_fwd_flag="?")]
    result = warned(house, [*rows, *[trip(MONTH, n) for n in range(4, 50)]])
    found = check(result, "known_codes")
    assert (found.failing, found.facts) == (
        5,
        {"unknown_vendor_id": "9: 3 rows, 8: 1 row", "unknown_store_and_fwd_flag": "?: 1 row"},
    )
    shown = sample(result, "known_codes")
    assert [row["vendor_id"] for row in shown] == [8, 9, 9, 9]
    assert list(shown[0])[:6] == [
        *("vendor_id", "payment_type", "rate_code_id", "trip_type", "store_and_fwd_flag"),
        "pickup_at",
    ]


def test_of_many_unknown_codes_the_five_most_frequent_are_named(house: House) -> None:
    codes = [code for code in range(20, 28) for _ in range(code - 19)]
    result = warned(house, [trip(MONTH, n, VendorID=code) for n, code in enumerate(codes)])
    assert check(result, "known_codes").facts == {
        "unknown_vendor_id": "27: 8 rows, 26: 7 rows, 25: 6 rows, 24: 5 rows, 23: 4 rows"
    }


def test_values_that_are_not_accepted_are_shown(house: House) -> None:
    declare(house, "  - {type: accepted_values, column: trip_type, values: [1], severity: warn}")
    result = warned(house, [*trips(MONTH, 3), trip(MONTH, 3, trip_type=2), trip(MONTH, 4, trip_type=None)])
    assert [row["trip_type"] for row in sample(result, "trip_type_accepted_values")] == [2]
    assert check(result, "trip_type_accepted_values").facts == {"unknown_trip_type": "2: 1 row"}


def test_values_that_occur_nowhere_are_shown(house: House) -> None:
    rows = [*trips(MONTH, 3), trip(MONTH, 3, PULocationID=999), trip(MONTH, 4, DOLocationID=777, PULocationID=None)]
    result = warned(house, rows)
    shown = [(row["pickup_location_id"], row["dropoff_location_id"]) for row in sample(result, "zones_exist")]
    assert shown == [(None, 777), (999, 22)]
    assert check(result, "zones_exist").facts == {
        "unknown_pickup_location_id": "999: 1 row",
        "unknown_dropoff_location_id": "777: 1 row",
    }


def test_several_columns_that_may_not_be_null_say_which_are(house: House) -> None:
    nowhere = {"geo": {"lat": "north", "lng": ""}}
    house.land_users(user(1), user(2, address={**user(2)["address"], **nowhere}), user(3))
    error = refused(house, "users_silver", WHOLE)
    assert check(error, "not_null").facts == {"null_latitude": 1, "null_longitude": 1}
    (row,) = sample(error, "not_null")
    assert list(row)[:4] == ["user_id", "city", "latitude", "longitude"]
    assert [row["user_id"], row["city"], row["latitude"]] == [2, "City 2", None]


def test_one_column_that_may_not_be_null_shows_the_rows(house: House) -> None:
    house.publish_zones()
    house.land(MONTH, [*trips(MONTH, 3), trip(MONTH, 3, total_amount=None)])
    error = refused(house, "green_silver", MONTH)
    (row,) = sample(error, "total_amount_not_null")
    assert list(row)[:2] == ["total_amount", "pickup_at"]
    assert (row["total_amount"], row["pickup_at"]) == (None, MONTH.start + timedelta(minutes=21))
    assert check(error, "total_amount_not_null").facts == {}


def test_rows_of_one_grain_are_shown_side_by_side(house: House) -> None:
    twice = "".join(f"{n},Queens,{name} {n},Boro Zone\n" for n in (56, 7) for name in ("Corona", "Corona Park"))
    house.land_zones(f"LocationID,Borough,Zone,service_zone\n{twice}2,Queens,Zone 2,Boro Zone\n")
    shown = sample(refused(house, "zones_silver", WHOLE), "grain")
    assert [(row["location_id"], row["zone"]) for row in shown] == [
        (7, "Corona 7"),
        (7, "Corona Park 7"),
        (56, "Corona 56"),
        (56, "Corona Park 56"),
    ]


def test_rows_that_are_not_unique_are_found_also_where_the_value_is_null(house: House) -> None:
    declare(house, "  - {type: unique, columns: [payment_type, trip_miles], severity: warn}")
    pairs = [(None, 1.0), (None, 1.0), (None, 2.0), (1, 1.0), (2, None), (2, None)]
    result = warned(house, [trip(MONTH, n, payment_type=p, trip_distance=m) for n, (p, m) in enumerate(pairs)])
    shown = sample(result, "payment_type_trip_miles_unique")
    assert list(shown[0])[:3] == ["payment_type", "trip_miles", "pickup_at"]
    assert [(row["payment_type"], row["trip_miles"]) for row in shown] == [(None, 1), (None, 1), (2, None), (2, None)]


def test_rejected_records_are_shown_with_some_of_each_reason(house: House) -> None:
    house.publish_zones()
    gone = [outside(MONTH, number) for number in range(20)]
    back = [trip(MONTH, n, lpep_dropoff_datetime=MONTH.start - timedelta(days=1)) for n in range(20, 22)]
    house.land(MONTH, [*trips(MONTH, 10), *gone, *back])
    shown = sample(refused(house, "green_silver", MONTH), "rejected_share")
    reasons = [row["reject_reason"] for row in shown]
    assert reasons == ["dropoff_before_pickup", "pickup_outside_month"] * 2 + ["pickup_outside_month"]
    assert list(shown[0])[:3] == ["reject_reason", "pickup_at", "dropoff_at"]


def test_a_reason_is_shown_with_the_columns_that_its_rule_reads(house: House) -> None:
    house.publish_zones()
    house.edit(GREEN, ("reject:\n", "reject:\n  no_fee: EHAIL_FEE IS NULL AND congestion_surcharge >= 0\n"))
    house.land(MONTH, trips(MONTH, 3))
    shown = sample(refused(house, "green_silver", MONTH), "rejected_share")
    assert list(shown[0])[:3] == ["reject_reason", "ehail_fee", "congestion_surcharge"]


def test_a_check_in_sql_shows_what_it_selects(house: House) -> None:
    house.publish_zones()
    house.land(MONTH, trips(MONTH, 4))
    house.replace("green_silver", MONTH)
    house.edit("gold/green_gold.sql", ("SELECT counted.records\n", "SELECT counted.records, silver.records AS there\n"))
    house.edit("gold/green_gold.sql", ("COUNTIF(NOT is_reversal) AS trip_count", "2 AS trip_count"))
    house.edit("gold/green_gold.sql", ("trip_count + reversal_count", "trip_count + reversal_count + 1"))
    assert sample(refused(house, "green_gold", MONTH), "every_trip_is_counted") == [{"records": 6, "there": 4}]


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT trip_type, pickup_location_id FROM audit.staged", [1, 2, 3, 4, 5]),
        ("SELECT trip_type, pickup_location_id FROM audit.staged ORDER BY 2 DESC", [9, 8, 7, 6, 5]),
        ("SELECT pickup_location_id FROM audit.staged ORDER BY pickup_location_id DESC LIMIT 2", [9, 8]),
        ("SELECT pickup_location_id FROM audit.staged ORDER BY pickup_location_id LIMIT 900", [1, 2, 3, 4, 5]),
        ("SELECT * FROM audit.staged WHERE pickup_location_id > 7 ORDER BY pickup_location_id", [8, 9]),
        (
            "SELECT pickup_location_id FROM audit.staged WHERE pickup_location_id = 3 UNION ALL "
            "SELECT location_id AS pickup_location_id FROM silver.zones WHERE location_id = 2",
            [2, 3],
        ),
        (
            "WITH few AS (SELECT pickup_location_id FROM audit.staged WHERE pickup_at < @partition_end) "
            "SELECT DISTINCT pickup_location_id FROM few WHERE pickup_location_id < 3",
            [1, 2],
        ),
    ],
)
def test_a_check_in_sql_of_any_shape_shows_its_first_rows(house: House, sql: str, shown: list[int]) -> None:
    declare(house, f'  - {{type: sql, name: odd, severity: warn, sql: "{sql}"}}')
    rows = sample(warned(house, [trip(MONTH, n, PULocationID=1 + n) for n in range(9)]), "odd")
    assert [row["pickup_location_id"] for row in rows] == shown
    assert all(len(row) <= 8 for row in rows)


def test_rows_that_cannot_be_ordered_are_shown_all_the_same(house: House) -> None:
    sql = "SELECT [vendor_id, trip_type] AS pair FROM audit.staged"
    declare(house, f'  - {{type: sql, name: odd, severity: warn, sql: "{sql}"}}')
    assert len(sample(warned(house, trips(MONTH, 3)), "odd")) == 3


def test_what_a_failed_check_shows_never_decides_its_month(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = exp.select("no_such_function(1)").from_("audit.staged")
    monkeypatch.setattr("lakehouse.warehouse.failing_rows.sample_query", lambda *_: broken)
    declare(house, "  - {type: row_count, min: 9, severity: warn}")
    found = check(warned(house, trips(MONTH, 3)), "row_count")
    assert (found.passed, found.sample) == (False, None)
    assert "no_such_function" in str(found.facts["not_shown"]).casefold()


def test_too_few_rows_are_no_rows_that_could_be_shown(house: House) -> None:
    declare(house, "  - {type: row_count, min: 9, severity: warn}")
    found = check(warned(house, trips(MONTH, 3)), "row_count")
    assert (found.passed, found.sample) == (False, None)


def test_a_column_may_be_called_as_sql_calls_something(house: House) -> None:
    house.edit(
        "gold/users_gold.sql",
        ("  user_count:", "  order: {type: INT64, description: Users, unit: users}\n  user_count:"),
        ("COUNT(*) AS user_count", "COUNT(*) AS `order`,\n  COUNT(*) AS user_count"),
        ("checks:", "checks:\n  - {type: range, column: order, max: 0, severity: warn}"),
    )
    house.land_users(user(1))
    house.replace("users_silver", WHOLE)
    assert sample(house.replace("users_gold", WHOLE), "order_range") == [
        {"order": 1, "city": "City 1", "user_count": 1}
    ]


@pytest.mark.parametrize("engine", ["duckdb", "bigquery"])
def test_what_the_projects_own_checks_show_is_valid_sql_in_both_dialects(engine: dialect.Engine) -> None:
    models = models_of(PROJECT_ROOT / "sql")
    shown = set()
    for model in models:
        for name in [*(["grain"] if model.grain else []), *(each.label for each in model.checks)]:
            sample = sample_query(model, models.schema, name)
            assert sample is not None
            assert len(sample.named_selects) <= 8
            shown.add(name)
            for query in filter(None, (sample, causes_query(model, models.schema, name))):
                parsed = parse_one(dialect.render(query, engine), read=engine)
                assert isinstance(parsed, exp.Query)
                assert parsed.named_selects == query.named_selects
    assert {"grain", "not_null", "known_codes", "zones_exist", "rejected_share", "every_trip_is_counted"} <= shown


# When


def seen(checks: tuple[CheckResult, ...]) -> Mapping[str, tuple[Any, ...]]:
    return {each.name: (each.failing, each.facts, each.sample) for each in checks if not each.passed}


def test_a_month_that_is_left_as_it_is_shows_the_same_rows_again(house: House) -> None:
    first = warned(house, [*trips(MONTH, 30), trip(MONTH, 30, trip_distance=5000.0, VendorID=9)])
    assert set(seen(first.checks)) == {"trip_miles_range", "known_codes"}
    for _ in ("the same process", "another"):
        again = house.replace("green_silver", MONTH)
        assert again.skipped
        assert seen(again.checks) == seen(first.checks)
        house.reopen()


def test_a_month_that_is_refused_shows_also_what_only_warns(house: House) -> None:
    house.publish_zones()
    house.land(MONTH, [*trips(MONTH, 3), trip(MONTH, 3, total_amount=None, trip_distance=5000.0)])
    error = refused(house, "green_silver", MONTH)
    assert set(seen(error.checks)) == {"total_amount_not_null", "trip_miles_range"}
    assert [float(row["trip_miles"]) for row in sample(error, "trip_miles_range")] == [5000]


def test_checks_of_one_name_on_several_tables_show_rows_of_their_own(house: House) -> None:
    house.land_zones("LocationID,Borough,Zone,service_zone\n1,EWR,Newark,EWR\n1,EWR,New Ark,EWR\n")
    house.land_users(user(1), user(1, name="Another"))
    zones, users = (refused(house, key, WHOLE) for key in ("zones_silver", "users_silver"))
    assert [row["zone"] for row in sample(zones, "grain")] == ["New Ark", "Newark"]
    assert [row["name"] for row in sample(users, "grain")] == ["Another", "Name 1"]


def test_a_refusal_is_one_line_whatever_its_check_is_described_with(house: House) -> None:
    house.publish_zones()
    declare(house, '  - {type: range, column: tip_amount, min: 0, description: "In\\ntwo\\nlines"}')
    house.land(MONTH, [*trips(MONTH, 3), trip(MONTH, 3, tip_amount=-1.0)])
    assert "tip_amount_range (1 failing: In two lines)" in str(refused(house, "green_silver", MONTH))


def test_a_month_that_is_refused_reports_all_its_checks(house: House) -> None:
    published = warned(house, trips(MONTH, 3))
    house.land(MONTH, [*trips(MONTH, 3), trip(MONTH, 3, total_amount=None)])
    error = refused(house, "green_silver", MONTH)
    of_published = [each.name for each in published.checks if each.name != USUAL_COST]  # of what was published alone
    assert [each.name for each in error.checks] == of_published
    assert {each.name for each in error.checks if not each.passed} == {"total_amount_not_null"}


def test_every_month_shows_its_own_rows(house: House) -> None:
    house.publish_zones()
    shown = []
    for number in (1, 2):
        month = Month(2024, number)
        house.land(month, [*trips(month, 3), trip(month, 3, trip_distance=1000.0 + number)])
        shown += sample(house.replace("green_silver", month), "trip_miles_range")
    assert [float(row["trip_miles"]) for row in shown] == [1001, 1002]
