"""Green in the catalog: what is published, by how many snapshots, and what is read of it."""

from __future__ import annotations

from lakehouse.partition import Month
from lakehouse.results import Effect
from tests.green_files import outside, trips
from tests.warehouse.bigquery.biglake.conftest import Lake

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def test_a_month_is_one_snapshot_of_each_table(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    result = house.replace("green_silver", JANUARY)
    table = lake.at.rest.catalog.load_table(("silver", "green_trips"))
    rejected = lake.at.rest.catalog.load_table(("silver", "green_trips_rejected"))
    assert [len(each.snapshots()) for each in (table, rejected)] == [1, 1]
    (snapshot,) = table.snapshots()
    assert (result.effect, result.version) == (Effect.PUBLISHED, str(snapshot.snapshot_id))
    assert house.rows("SELECT COUNT(*) AS n FROM silver.green_trips") == [{"n": 40}]
    again = house.replace("green_silver", JANUARY)
    assert again.skipped
    house.replace("green_gold", JANUARY)
