"""Zones and users, which come whole: from landed file to the tables that read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lakehouse.exceptions import CheckFailed, ContractViolation, CorruptFile, NotLanded
from lakehouse.partition import WHOLE, Month
from lakehouse.results import CheckResult, ReplaceResult
from tests import green_files
from tests.reference_files import user
from tests.warehouse.implementations import House

MONTH = Month(2024, 1)
ZONES_HEADER = "LocationID,Borough,Zone,service_zone\n"


def check(result: ReplaceResult, name: str) -> CheckResult:
    return next(each for each in result.checks if each.name == name)


def in_place(number: int, latitude: str, longitude: str, city: str = "Gwenborough") -> dict[str, object]:
    address = {"street": "S", "suite": "A", "city": city, "zipcode": "1", "geo": {"lat": latitude, "lng": longitude}}
    return user(number, address=address)


# Zones


def test_zones_are_published_as_they_are_called(house: House) -> None:
    house.land_zones()
    result = house.replace("zones_silver", WHOLE)
    assert (result.rows, [each.passed for each in result.checks]) == (265, [True] * len(result.checks))
    rows = house.rows("SELECT * FROM silver.zones WHERE location_id IN (7, 264, 265) ORDER BY location_id")
    assert [tuple(row.values()) for row in rows] == [
        (7, "Queens", "Zone 7", "Boro Zone"),
        (264, "Unknown", "N/A", "N/A"),
        (265, "N/A", "Outside of NYC", "N/A"),
    ]


@pytest.mark.parametrize("name", ["N/A", "NA", "NULL", "None", "nan", "true", "007"])
def test_a_name_that_readers_like_to_take_for_something_else_stays_text(house: House, name: str) -> None:
    house.land_zones(f"{ZONES_HEADER}1,{name},{name},{name}\n")
    house.replace("zones_silver", WHOLE)
    assert [tuple(row.values()) for row in house.rows("SELECT * FROM silver.zones")] == [(1, name, name, name)]


def test_a_byte_order_mark_another_order_and_another_case_of_the_names_make_no_difference(house: House) -> None:
    house.land_zones('\ufeffZONE,service_zone,borough,locationid\r\n"Alley, Pond ""Park""",Boro Zone,Queens,2\r\n')
    house.replace("zones_silver", WHOLE)
    assert house.rows("SELECT * FROM silver.zones") == [
        {"location_id": 2, "borough": "Queens", "zone": 'Alley, Pond "Park"', "service_zone": "Boro Zone"}
    ]


def test_an_unknown_column_of_zones_is_a_warning(house: House) -> None:
    house.land_zones("LocationID,Borough,Zone,service_zone,area\n1,EWR,Newark,EWR,9.5\n")
    drift = check(house.replace("zones_silver", WHOLE), "contract_drift")
    assert (drift.passed, drift.severity, drift.facts) == (False, "warn", {"unknown_columns": "area"})


@pytest.mark.parametrize("sign", ["#", "--", "'", "\\", "%"])
def test_a_line_that_begins_with_what_is_a_comment_elsewhere_is_a_zone(house: House, sign: str) -> None:
    header = "Borough,LocationID,Zone,service_zone\n"
    house.land_zones(f"{header}Queens,1,A,B\n{sign}Queens,2,A,B\nQueens,3,A,B\n")
    house.replace("zones_silver", WHOLE)
    assert house.rows("SELECT borough FROM silver.zones WHERE location_id = 2") == [{"borough": f"{sign}Queens"}]


def test_a_record_that_comes_twice_is_kept_once_and_reported(house: House) -> None:
    house.land_users(user(1), user(1), user(2))
    result = house.replace("users_silver", WHOLE)
    drift = check(result, "contract_drift")
    assert (result.rows, drift.passed, drift.facts["duplicate_records"]) == (2, False, 1)


def test_a_file_that_is_not_read_as_all_the_records_that_were_landed_publishes_nothing(
    house: House,
) -> None:
    landing = house.land_zones()
    later = landing.observed_at + timedelta(seconds=1)
    house.implementation.bronze.record(landing.model_copy(update={"rows": 266, "observed_at": later}))
    with pytest.raises(CorruptFile, match=r"zones \(.*\.csv\): 265 of its 266 records can be read"):
        house.replace("zones_silver", WHOLE)
    assert house.warehouse.holdings()["zones_silver"].partitions == {}


@pytest.mark.parametrize("number", ["1.5", "x", "1e3", "0x10", "99999999999999999999"])
def test_a_zone_whose_number_is_no_whole_number_stops_with_the_column_named(house: House, number: str) -> None:
    house.land_zones()
    house.replace("zones_silver", WHOLE)
    house.land_zones(f"{ZONES_HEADER}1,EWR,Newark,EWR\n{number},EWR,Newark,EWR\n")
    with pytest.raises(ContractViolation) as error:
        house.replace("zones_silver", WHOLE)
    assert str(error.value).startswith("zones (")
    assert "column LocationID (location_id) must hold whole numbers" in str(error.value)
    assert f"for example {number}" in str(error.value)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.zones") == [{"n": 265}]


@pytest.mark.parametrize("line", [",Queens,Zone,Boro Zone", "1,,Zone,Boro Zone", "1,Queens,,Boro Zone"])
def test_a_zone_without_number_borough_or_name_blocks(house: House, line: str) -> None:
    house.land_zones(f"{ZONES_HEADER}{line}\n2,Queens,Zone 2,Boro Zone\n")
    with pytest.raises(CheckFailed, match=r"not_null \(1 failing: location_id, borough, zone are never NULL\)"):
        house.replace("zones_silver", WHOLE)


def test_a_zone_that_occurs_twice_under_two_names_blocks(house: House) -> None:
    house.land_zones(f"{ZONES_HEADER}56,Queens,Corona,Boro Zone\n56,Queens,Corona Park,Boro Zone\n")
    with pytest.raises(CheckFailed, match=r"grain \(1 failing: .*: location_id\)"):
        house.replace("zones_silver", WHOLE)


def test_zones_that_were_not_landed_name_the_asset_to_materialize(house: House) -> None:
    with pytest.raises(NotLanded, match="zones has not been landed: materialize zones_bronze first"):
        house.replace("zones_silver", WHOLE)


def test_zones_that_come_back_are_followed_both_ways(house: House) -> None:
    first = house.land_zones()
    before = house.replace("zones_silver", WHOLE)
    fewer = house.land_zones(f"{ZONES_HEADER}1,EWR,Newark,EWR\n")
    assert house.accept("zones_silver", WHOLE, fewer).rows == 1
    assert house.land_zones().sha256 == first.sha256
    after = house.replace("zones_silver", WHOLE)
    assert (after.rows, after.content, after.skipped) == (265, before.content, False)
    assert house.replace("zones_silver", WHOLE).skipped


# Users


def test_users_are_typed_and_two_of_one_city_are_counted(house: House) -> None:
    house.land_users(
        in_place(1, "-37.3159", "81.1496"),
        in_place(2, "-43.9509", " -34.4618 "),
        in_place(3, "24.8918", "21.8984", "Roscoeview"),
    )
    silver = house.replace("users_silver", WHOLE)
    assert (silver.rows, [each.name for each in silver.checks if not each.passed]) == (3, [])
    rows = house.rows("SELECT user_id, latitude, longitude, company_name FROM silver.users ORDER BY user_id")
    assert [tuple(row.values()) for row in rows] == [
        (1, -37.3159, 81.1496, "Company 1"),
        (2, -43.9509, -34.4618, "Company 2"),
        (3, 24.8918, 21.8984, "Company 3"),
    ]
    house.replace("users_gold", WHOLE)
    assert house.rows("SELECT * FROM gold.user_counts_by_city ORDER BY city") == [
        {"city": "Gwenborough", "user_count": 2},
        {"city": "Roscoeview", "user_count": 1},
    ]


@pytest.mark.parametrize(("latitude", "longitude"), [("north", "81.1"), ("-37.3", "81,1"), ("", "81.1"), ("1", "12°")])
def test_users_whose_coordinates_are_not_numbers_block(house: House, latitude: str, longitude: str) -> None:
    house.land_users(in_place(1, "1.0", "2.0"))
    house.replace("users_silver", WHOLE)
    house.land_users(in_place(1, "1.0", "2.0"), in_place(2, latitude, longitude))
    with pytest.raises(CheckFailed, match=r"not_null \(1 failing: Every user has a number, a city and coordinates"):
        house.replace("users_silver", WHOLE)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.users") == [{"n": 1}]


@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [("90.1", "0", "latitude_range"), ("-91", "0", "latitude_range"), ("0", "180.5", "longitude_range")],
)
def test_users_off_the_globe_block(house: House, latitude: str, longitude: str, name: str) -> None:
    house.land_users(in_place(1, latitude, longitude))
    with pytest.raises(CheckFailed, match=rf"{name} \(1 failing"):
        house.replace("users_silver", WHOLE)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf"])
def test_users_whose_coordinates_are_numbers_only_by_name_block(house: House, text: str) -> None:
    house.land_users(in_place(1, text, "2.0"))
    with pytest.raises(CheckFailed, match=r"(latitude_range|not_null) \(1 failing"):
        house.replace("users_silver", WHOLE)


def test_a_user_without_a_city_blocks(house: House) -> None:
    house.land_users(in_place(1, "1.0", "2.0", city="  "))
    with pytest.raises(CheckFailed, match=r"not_null \(1 failing"):
        house.replace("users_silver", WHOLE)


def test_a_user_number_that_occurs_twice_blocks(house: House) -> None:
    house.land_users(in_place(1, "1.0", "2.0"), in_place(1, "1.0", "2.0", city="Elsewhere"))
    with pytest.raises(CheckFailed, match=r"grain \(1 failing: .*: user_id\)"):
        house.replace("users_silver", WHOLE)


# What they have in common


def test_landings_of_what_comes_whole_have_no_month_and_no_part_in_the_ledger(house: House) -> None:
    zones = house.land_zones()
    users = house.land_users(user(1))
    house.land(MONTH, green_files.trips(MONTH, 2))
    for key, month in (("zones_silver", WHOLE), ("users_silver", WHOLE), ("green_silver", MONTH)):
        house.replace(key, month)
    rows = house.rows(
        "SELECT dataset, month, `rows`, sha256 FROM bronze.landings WHERE month IS NULL AND is_current ORDER BY dataset"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("users", None, 1, users.sha256),
        ("zones", None, 265, zones.sha256),
    ]
    ledger = house.rows("SELECT dataset, is_balanced FROM silver.row_ledger")
    assert ledger == [{"dataset": "green", "is_balanced": True}]


def test_a_not_null_check_of_several_columns_counts_rows(house: House) -> None:
    checks = "checks:\n  - {type: not_null, columns: [payment_type, rate_code_id], severity: warn}"
    house.edit("silver/green_silver.sql", ("checks:", checks))
    changes: list[dict[str, object]] = [{"payment_type": None, "RatecodeID": None}, {"RatecodeID": None}, {}]
    house.land(MONTH, [green_files.trip(MONTH, number, **change) for number, change in enumerate(changes)])
    found = check(house.replace("green_silver", MONTH), "not_null")
    assert (found.passed, found.failing) == (False, 2)
    assert found.description == "payment_type, rate_code_id are never NULL"


def test_a_relationship_of_several_columns_counts_values_and_leaves_null_alone(house: House) -> None:
    house.publish_zones()
    ids: list[tuple[int, int]] = [(1, 2), (900, 2), (900, 901), (3, 902)]
    house.land(
        MONTH,
        [
            green_files.trip(MONTH, number, PULocationID=pickup, DOLocationID=dropoff)
            for number, (pickup, dropoff) in enumerate(ids)
        ]
        + [green_files.trip(MONTH, 9, PULocationID=None, DOLocationID=None)],
    )
    found = check(house.replace("green_silver", MONTH), "zones_exist")
    assert (found.passed, found.failing, found.severity, found.blocking) == (False, 4, "warn", False)
    assert found.description == "pickup_location_id, dropoff_location_id occur in silver.zones.location_id"
