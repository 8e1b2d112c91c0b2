"""The freshness sensor lets a check say that an asset is late, once, and starts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import dagster as dg

from lakehouse.assets.check_results import newest_evaluation
from lakehouse.models.checks.kinds import FRESH
from lakehouse.partition import Month
from tests.automation.house import LAST, House

BRONZE = dg.AssetKey("green_bronze")


def tick(house: House, after: timedelta) -> Sequence[object]:
    """What a tick so much later reports; it is kept, as the daemon does."""
    sensor = house.definitions.resolve_sensor_def("freshness")
    with (
        patch("lakehouse.automation.freshness._now", lambda: datetime.now(UTC) + after),
        dg.build_sensor_context(house.instance, definitions=house.definitions) as context,
    ):
        said = sensor.evaluate_tick(context)
    assert not said.run_requests
    for event in said.asset_events:
        house.instance.report_runless_asset_event(event)
    return said.asset_events


def state(house: House) -> tuple[bool, str]:
    said = newest_evaluation(house.instance, dg.AssetCheckKey(BRONZE, FRESH))
    assert said is not None
    return said.passed, said.severity.value


def test_an_asset_that_nobody_runs_is_late_and_later_stale_and_each_is_said_once(house: House) -> None:
    house.publish(LAST)
    assert tick(house, timedelta(0)) == []
    assert house.by_hand(LAST, "infrastructure", "green_bronze")
    assert tick(house, timedelta(days=46)) == []
    assert [len(tick(house, timedelta(days=days))) for days in (48, 49)] == [1, 0]
    assert state(house) == (False, "WARN")
    assert [len(tick(house, timedelta(days=days))) for days in (79, 200)] == [1, 0]
    assert state(house) == (False, "ERROR")


def test_a_month_without_a_file_makes_nothing_fresh(house: House) -> None:
    house.publish(LAST)
    assert house.by_hand(LAST, "infrastructure", "green_bronze")
    assert len(tick(house, timedelta(days=48))) == 1
    assert house.by_hand(Month(2023, 7), "green_bronze")
    assert state(house)[0]  # it was made today, whatever time the ticks thought it was
    assert len(tick(house, timedelta(days=48))) == 1
