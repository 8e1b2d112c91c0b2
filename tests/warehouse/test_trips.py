"""Gold of yellow and FHV together, made of what is published of a month; and what FHV is without."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from lakehouse.exceptions import CheckFailed, NotLanded
from lakehouse.partition import WHOLE, Month
from lakehouse.results import CheckResult, ReplaceResult
from tests import fhv_files, yellow_files
from tests.warehouse.implementations import House

MONTH = Month(2024, 1)
GOLD = "SELECT * FROM gold.trips_by_pickup_location ORDER BY taxi_type, pickup_location_id"
COUNTS = "SELECT taxi_type, SUM(trip_count) AS n FROM gold.trips_by_pickup_location GROUP BY 1 ORDER BY 1"


def publish_yellow(house: House, month: Month = MONTH, count: int = 3) -> ReplaceResult:
    house.land_yellow(month, yellow_files.trips(month, count))
    return house.replace("taxi_silver", month)


def publish_fhv(house: House, month: Month = MONTH, count: int = 2) -> ReplaceResult:
    house.land_fhv(month, fhv_files.trips(month, count))
    return house.replace("fhv_silver", month)


def present(result: ReplaceResult) -> CheckResult:
    return next(check for check in result.checks if check.name == "datasets_present")


def check(result: ReplaceResult, name: str) -> CheckResult:
    return next(each for each in result.checks if each.name == name)


# Gold of what is there


def test_trips_of_both_datasets_are_counted_by_the_zone_where_they_began(house: House) -> None:
    house.publish_zones()
    zone = {"PULocationID": 7}
    house.land_yellow(
        MONTH,
        [
            *(yellow_files.trip(MONTH, number, **zone) for number in range(3)),
            yellow_files.trip(MONTH, 4, total_amount=-12.0, **zone),
            yellow_files.trip(MONTH, 5, PULocationID=265, total_amount=20.55, trip_distance=3.1),
        ],
    )
    house.land_fhv(MONTH, fhv_files.trips(MONTH, 2, PUlocationID=7))
    for key in ("taxi_silver", "fhv_silver"):
        house.replace(key, MONTH)
    result = house.replace("trips_gold", MONTH)
    common = {"month": date(2024, 1, 1), "pickup_location_id": 7, "borough": "Queens", "zone": "Zone 7"}
    assert house.rows(GOLD) == [
        {
            **common,
            "taxi_type": "fhv",
            "trip_count": 2,
            "reversal_count": 0,
            "total_amount": None,
            "trip_miles": None,
        },
        {
            **common,
            "taxi_type": "yellow",
            "trip_count": 3,
            "reversal_count": 1,
            "total_amount": Decimal("24.00"),
            "trip_miles": Decimal("5.00"),
        },
        {
            "month": date(2024, 1, 1),
            "pickup_location_id": 265,
            "borough": "N/A",
            "zone": "Outside of NYC",
            "taxi_type": "yellow",
            "trip_count": 1,
            "reversal_count": 0,
            "total_amount": Decimal("20.55"),
            "trip_miles": Decimal("3.10"),
        },
    ]
    assert (result.rows, result.datasets) == (3, ("fhv", "yellow"))
    assert (present(result).passed, present(result).facts) == (True, {"datasets_present": "fhv, yellow"})


@pytest.mark.parametrize(("there", "missing", "rows"), [("yellow", "fhv", 3), ("fhv", "yellow", 2)])
def test_gold_is_made_of_the_dataset_that_is_there_and_warns_of_the_other(
    house: House, there: str, missing: str, rows: int
) -> None:
    house.publish_zones()
    {"yellow": publish_yellow, "fhv": publish_fhv}[there](house)
    result = house.replace("trips_gold", MONTH)
    assert house.rows(COUNTS) == [{"taxi_type": there, "n": rows}]
    assert result.datasets == (there,)
    warning = present(result)
    assert (warning.passed, warning.severity, warning.blocking, warning.failing) == (False, "warn", False, 1)
    assert warning.facts == {"datasets_present": there, "datasets_missing": missing}


def test_gold_follows_when_the_other_dataset_is_published_later(house: House) -> None:
    house.publish_zones()
    publish_yellow(house)
    assert house.replace("trips_gold", MONTH).datasets == ("yellow",)
    publish_fhv(house)
    result = house.replace("trips_gold", MONTH)
    assert (result.skipped, result.datasets, present(result).passed) == (False, ("fhv", "yellow"), True)
    assert house.rows(COUNTS) == [{"taxi_type": "fhv", "n": 2}, {"taxi_type": "yellow", "n": 3}]
    again = house.replace("trips_gold", MONTH)
    assert (again.skipped, again.datasets, again.checks) == (True, result.datasets, result.checks)


def test_gold_of_one_month_does_not_count_the_other_dataset_of_another(house: House) -> None:
    house.publish_zones()
    publish_yellow(house)
    publish_fhv(house, MONTH.next())
    assert house.replace("trips_gold", MONTH).datasets == ("yellow",)
    assert house.rows(COUNTS) == [{"taxi_type": "yellow", "n": 3}]


def test_gold_of_a_month_of_neither_dataset_names_what_to_materialize(house: House) -> None:
    house.publish_zones()
    with pytest.raises(NotLanded) as error:
        house.replace("trips_gold", MONTH)
    assert str(error.value).startswith("trips_gold 2024-01: ")
    assert "have nothing for 2024-01" in str(error.value)
    for key in ("taxi_silver", "fhv_silver"):
        assert key in str(error.value).partition("materialize ")[2]


def test_gold_without_zones_names_them_to_materialize(house: House) -> None:
    publish_yellow(house)
    publish_fhv(house)
    with pytest.raises(
        NotLanded, match=r"^trips_gold 2024-01: silver\.zones has nothing: materialize zones_silver first$"
    ):
        house.replace("trips_gold", MONTH)


def test_a_zone_that_the_lookup_does_not_know_is_counted_without_a_name_and_warned_of(house: House) -> None:
    house.publish_zones()
    house.land_yellow(MONTH, yellow_files.trips(MONTH, 2, PULocationID=300, DOLocationID=301))
    silver = house.replace("taxi_silver", MONTH)
    assert (check(silver, "zones_exist").passed, check(silver, "zones_exist").failing) == (False, 4)
    house.replace("trips_gold", MONTH)
    (row,) = house.rows(GOLD)
    assert (row["pickup_location_id"], row["zone"], row["trip_count"]) == (300, None, 2)


def test_a_changed_zone_name_is_followed_by_gold(house: House) -> None:
    house.publish_zones()
    house.land_yellow(MONTH, yellow_files.trips(MONTH, 1, PULocationID=1))
    house.replace("taxi_silver", MONTH)
    house.replace("trips_gold", MONTH)
    assert [row["zone"] for row in house.rows(GOLD)] == ["Zone 1"]
    renamed = house.land_zones('LocationID,Borough,Zone,service_zone\n1,EWR,"Newark, Airport",EWR\n')
    house.accept("zones_silver", WHOLE, renamed)
    assert not house.replace("trips_gold", MONTH).skipped
    assert [(row["borough"], row["zone"]) for row in house.rows(GOLD)] == [("EWR", "Newark, Airport")]


# Months before FHV


def test_a_month_before_fhv_began_does_not_miss_it(house: House) -> None:
    before = Month(2014, 12)
    house.publish_zones()
    publish_yellow(house, before)
    silver = house.replace("fhv_silver", before)
    assert (silver.rows, all(each.passed for each in silver.checks)) == (0, True)
    result = house.replace("trips_gold", before)
    assert (result.datasets, present(result).passed, present(result).failing) == (("yellow",), True, 0)
    assert present(result).facts == {"datasets_present": "yellow"}


def test_the_first_month_of_fhv_is_missed_where_it_is_not_there(house: House) -> None:
    house.publish_zones()
    publish_yellow(house, Month(2015, 1))
    assert present(house.replace("trips_gold", Month(2015, 1))).facts["datasets_missing"] == "fhv"


def test_a_month_before_fhv_began_without_yellow_is_not_published_either(house: House) -> None:
    house.publish_zones()
    with pytest.raises(NotLanded, match=r"silver\.yellow_trips has nothing for 2014-12: materialize taxi_silver first"):
        house.replace("trips_gold", Month(2014, 12))


# FHV, of which less is recorded


@pytest.mark.parametrize("base", [None, "", "  "])
def test_an_fhv_record_without_a_base_is_rejected(house: House, base: str | None) -> None:
    house.land_fhv(MONTH, [*fhv_files.trips(MONTH, 40), fhv_files.trip(MONTH, 41, dispatching_base_num=base)])
    result = house.replace("fhv_silver", MONTH)
    assert result.ledger is not None
    assert result.ledger.rejected == {
        "unreadable_value": 0,
        "missing_pickup_time": 0,
        "pickup_outside_month": 0,
        "dropoff_before_pickup": 0,
        "missing_base": 1,
    }
    assert house.rows("SELECT dispatching_base_number, reject_reason FROM silver.fhv_trips_rejected") == [
        {"dispatching_base_number": None, "reject_reason": "missing_base"}
    ]
    (ledger,) = house.rows("SELECT * FROM silver.row_ledger WHERE dataset = 'fhv'")
    assert (ledger["bronze_rows"], ledger["silver_rows"], ledger["rejected_missing_base"]) == (41, 40, 1)
    assert ledger["is_balanced"]


def test_fhv_trips_without_a_zone_stay_and_are_counted_under_264(house: House) -> None:
    house.publish_zones()
    trips = [
        *(fhv_files.trip(MONTH, number, PUlocationID=None) for number in range(3)),
        fhv_files.trip(MONTH, 4, PUlocationID=264),
        fhv_files.trip(MONTH, 5, PUlocationID=1),
    ]
    house.land_fhv(MONTH, trips)
    silver = house.replace("fhv_silver", MONTH)
    assert (silver.rows, check(silver, "zones_exist").passed) == (5, True)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.fhv_trips WHERE pickup_location_id IS NULL") == [{"n": 3}]
    house.replace("trips_gold", MONTH)
    assert [(row["pickup_location_id"], row["zone"], row["trip_count"]) for row in house.rows(GOLD)] == [
        (1, "Zone 1", 1),
        (264, "N/A", 4),
    ]


def test_fhv_has_no_amounts_and_no_distances_in_gold_rather_than_zero(house: House) -> None:
    house.publish_zones()
    publish_fhv(house)
    house.replace("trips_gold", MONTH)
    rows = house.rows(GOLD)
    assert len(rows) == 2
    assert [(row["total_amount"], row["trip_miles"]) for row in rows] == [(None, None), (None, None)]


def test_an_fhv_dropoff_in_the_year_3019_or_none_at_all_is_kept(house: House) -> None:
    late = datetime(3019, 2, 3, 17, 30)
    trips = [fhv_files.trip(MONTH, 1, dropOff_datetime=late), fhv_files.trip(MONTH, 2, dropOff_datetime=None)]
    house.land_fhv(MONTH, trips)
    house.replace("fhv_silver", MONTH)
    rows = house.rows("SELECT dropoff_at, duration_seconds FROM silver.fhv_trips ORDER BY pickup_at")
    seconds = int((late - fhv_files.trip(MONTH, 1)["pickup_datetime"]) / timedelta(seconds=1))
    assert rows == [
        {"dropoff_at": late, "duration_seconds": seconds},
        {"dropoff_at": None, "duration_seconds": None},
    ]


def test_yellow_is_rejected_by_the_rules_of_its_own(house: House) -> None:
    start = MONTH.start
    house.land_yellow(
        MONTH,
        [
            *yellow_files.trips(MONTH, 80),
            yellow_files.trip(MONTH, 90, tpep_pickup_datetime=None),
            yellow_files.trip(MONTH, 91, tpep_pickup_datetime=datetime(2041, 8, 17)),
            yellow_files.trip(MONTH, 92, tpep_dropoff_datetime=start - timedelta(seconds=1)),
        ],
    )
    result = house.replace("taxi_silver", MONTH)
    assert result.ledger is not None
    assert result.ledger.rejected == {
        "unreadable_value": 0,
        "missing_pickup_time": 1,
        "pickup_outside_month": 1,
        "dropoff_before_pickup": 1,
    }
    assert result.ledger.is_balanced


def test_each_dataset_has_a_ledger_of_its_own(house: House) -> None:
    publish_yellow(house)
    publish_fhv(house)
    rows = house.rows("SELECT dataset, bronze_rows, silver_rows, is_balanced FROM silver.row_ledger ORDER BY dataset")
    assert rows == [
        {"dataset": "fhv", "bronze_rows": 2, "silver_rows": 2, "is_balanced": True},
        {"dataset": "yellow", "bronze_rows": 3, "silver_rows": 3, "is_balanced": True},
    ]


def test_gold_that_lost_a_trip_is_not_published(house: House) -> None:
    house.publish_zones()
    publish_yellow(house)
    house.edit("gold/trips_gold.sql", ("LEFT JOIN silver.zones AS zones", "JOIN silver.zones AS zones"))
    fewer = house.land_zones("LocationID,Borough,Zone,service_zone\n1,Queens,Zone 1,Boro Zone\n")
    house.accept("zones_silver", WHOLE, fewer)
    with pytest.raises(CheckFailed, match="every_trip_is_counted"):
        house.replace("trips_gold", MONTH)
