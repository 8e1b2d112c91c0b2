"""A table that somebody removed is made anew, empty: what was published in it is not told of as if it were there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.exceptions import NotLanded
from lakehouse.partition import Month
from lakehouse.results import Effect
from tests.emulators.emulator import Cloud
from tests.green_files import outside, trips
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House, house_in

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def _ledgers(house: House) -> list[object]:
    """As it was put down, and as it is counted."""
    sql = "SELECT month, silver_rows, rejected_rows, is_balanced FROM silver.row_ledger ORDER BY month"
    return [house.warehouse.query(sql, recount=recount).to_pylist() for recount in (False, True)]


def test_months_of_a_table_that_is_gone_are_owed_to_the_one_that_is_made_anew(tmp_path: Path, cloud: Cloud) -> None:
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        for month in (JANUARY, FEBRUARY):
            house.land(month, trips(month, 40))
            house.replace("green_silver", month)
            house.replace("green_gold", month)
        implementation.client.delete_table("silver.green_trips")
        house.warehouse.prepare()
        held = house.warehouse.holdings()["green_silver"]
        assert held.partitions == {}
        assert [remark.partition for remark in held.remarks] == [JANUARY, FEBRUARY]
        told, counted = _ledgers(house)
        assert told == counted
        with pytest.raises(NotLanded, match="materialize green_silver first"):
            house.replace("green_gold", JANUARY)
        for month in (JANUARY, FEBRUARY):
            assert house.replace("green_silver", month).effect is Effect.PUBLISHED
        house.warehouse.prepare()
        held = house.warehouse.holdings()["green_silver"]
        assert {month: each.is_current for month, each in held.partitions.items()} == {JANUARY: True, FEBRUARY: True}
        assert held.remarks == ()


def test_a_month_is_made_again_whose_rejected_records_are_gone(tmp_path: Path, cloud: Cloud) -> None:
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
        house.replace("green_silver", JANUARY)
        implementation.client.delete_table("silver.green_trips_rejected")
        house.warehouse.prepare()
        assert not house.warehouse.holdings()["green_silver"].partitions[JANUARY].is_current
        house.replace("green_silver", JANUARY)
        told, counted = _ledgers(house)
        assert told == counted
        assert house.warehouse.holdings()["green_silver"].partitions[JANUARY].is_current
