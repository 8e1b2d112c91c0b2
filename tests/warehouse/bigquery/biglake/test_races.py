"""Writers of the catalog at once: each month is published once, and nobody undoes a newer one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from lakehouse.partition import Month
from lakehouse.results import Effect, ReplaceResult
from tests.green_files import outside, trips
from tests.warehouse.bigquery.biglake.conftest import Lake
from tests.warehouse.implementations import RUN_ID

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def test_two_writers_of_a_month_and_one_of_another_publish_each_once(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "lakehouse.warehouse.bigquery.transactions")
    house = lake.house
    house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    house.land(FEBRUARY, trips(FEBRUARY, 30))
    months = [JANUARY, JANUARY, FEBRUARY]
    start = Barrier(len(months))

    def write(month: Month) -> ReplaceResult:
        warehouse, models = lake.at.another(house.sql)
        start.wait(timeout=30)
        return warehouse.replace(models["green_silver"], month, RUN_ID)

    with ThreadPoolExecutor(len(months)) as pool:
        results = list(pool.map(write, months))
    assert [each.rows for each in results] == [40, 40, 30]
    told = house.rows("SELECT silver_rows AS n, is_balanced FROM silver.row_ledger ORDER BY month")
    assert told == [
        {"n": 40, "is_balanced": True},
        {"n": 30, "is_balanced": True},
    ]
    holdings = house.warehouse.holdings()["green_silver"]
    assert holdings.remarks == ()
    assert all(each.is_current for each in holdings.partitions.values())
    assert lake.at.read("silver.green_trips").num_rows == 70
    assert "another run was first" in caplog.text


def test_a_writer_who_is_overtaken_before_it_commits_does_not_undo_the_newer_month(lake: Lake) -> None:
    """The other one lands and publishes while the first one's commit is on its way."""
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    others: list[ReplaceResult] = []

    def overtake() -> None:
        house.land(JANUARY, trips(JANUARY, 25))
        warehouse, models = lake.at.another(house.sql)
        others.append(warehouse.replace(models["green_silver"], JANUARY, "another run"))

    lake.at.rest.before_commit = overtake
    result = house.replace("green_silver", JANUARY)
    (other,) = others
    assert other.effect is Effect.PUBLISHED
    assert (result.rows, result.version) == (25, other.version)
    assert lake.at.read("silver.green_trips").num_rows == 25
    assert len(lake.at.table("silver.green_trips").snapshots()) == 1
    assert house.warehouse.holdings()["green_silver"].remarks == ()
