"""What was made of rows that have changed since says so, to whoever reads it, until it is made again."""

from __future__ import annotations

from lakehouse.partition import WHOLE, Month
from lakehouse.results import Effect, Remark
from tests import fhv_files, reference_files, yellow_files
from tests.green_files import trips
from tests.warehouse.implementations import House

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
GOLD = "gold.green_trips_by_payment_type"


def told(house: House, table: str) -> list[Remark]:
    """What a query of a table is told."""
    remarks: list[Remark] = []
    house.warehouse.query(f"SELECT COUNT(*) AS n FROM {table}", remarks.append)
    return remarks


def made(house: House, *months: Month) -> None:
    for month in months:
        house.land(month, trips(month, 3))
        house.replace("green_silver", month)
        house.replace("green_gold", month)


def test_a_month_whose_silver_changed_since_says_so_until_it_is_made_again(house: House) -> None:
    made(house, JANUARY, FEBRUARY)
    assert told(house, GOLD) == []
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)

    remark = Remark(GOLD, JANUARY, "made before silver.green_trips changed")
    assert told(house, GOLD) == [remark]
    assert told(house, "silver.green_trips") == []
    assert house.warehouse.holdings()["green_gold"].remarks == (remark,)

    again = house.replace("green_gold", JANUARY)
    assert (again.effect, again.reason) == (Effect.PUBLISHED, str(remark))
    assert told(house, GOLD) == []


def test_what_changed_and_changed_back_is_found_to_be_so_by_a_run(house: House) -> None:
    made(house, JANUARY)
    for count in (4, 3):
        house.land(JANUARY, trips(JANUARY, count))
        house.replace("green_silver", JANUARY)
    assert [remark.partition for remark in told(house, GOLD)] == [JANUARY]
    assert house.replace("green_gold", JANUARY).effect is Effect.CONFIRMED
    assert told(house, GOLD) == []
    assert house.replace("green_gold", JANUARY).effect is Effect.UNCHANGED


def test_what_is_not_made_yet_was_not_made_before(house: House) -> None:
    house.warehouse.prepare()
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    assert told(house, GOLD) == []


def test_a_table_that_comes_whole_outdates_every_month_that_was_made_of_it_and_tables_add_up(house: House) -> None:
    house.publish_zones()
    for month in (JANUARY, FEBRUARY):
        house.land_yellow(month, [yellow_files.trip(month, number) for number in range(3)])
        house.land_fhv(month, [fhv_files.trip(month, number) for number in range(3)])
        for model in ("taxi_silver", "fhv_silver", "trips_gold"):
            house.replace(model, month)
    house.land_zones(reference_files.zones_csv().replace("Queens", "Bronx"))
    house.replace("zones_silver", WHOLE)
    table = house.models["trips_gold"].table.name
    assert {(each.partition, each.text) for each in told(house, table)} == {
        (month, "made before silver.zones changed") for month in (JANUARY, FEBRUARY)
    }
    house.land_yellow(JANUARY, [yellow_files.trip(JANUARY, number) for number in range(4)])
    house.replace("taxi_silver", JANUARY)
    (january,) = (each for each in told(house, table) if each.partition == JANUARY)
    assert january.text == "made before silver.yellow_trips, silver.zones changed"
    assert house.replace("trips_gold", JANUARY).effect is Effect.PUBLISHED
    assert [each.partition for each in told(house, table)] == [FEBRUARY]
