"""A person's way through the Dagster UI: the graph, a month, what its pages say, a backfill of three months.

The tests build on each other, as a person's clicks do: they run in this order, in one process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
import pytest

from tests.ui.conftest import MONTHS, SCREENSHOTS, Served

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.xdist_group("dagster_ui")

ASSETS = {
    *("infrastructure", "users_bronze", "taxi_bronze", "green_bronze", "fhv_bronze", "zones_bronze"),
    *("users_silver", "zones_silver", "taxi_silver", "fhv_silver", "green_silver"),
    *("users_gold", "trips_gold", "green_gold"),
}
GROUPS = ("bronze_layer", "silver_layer", "gold_layer")
FIRST, LAST = MONTHS[0], MONTHS[-1]
BACKFILLED = MONTHS[1:-1]
RUN_SECONDS = 300


def see(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Wait until a text is to be seen."""
    found = page.get_by_text(text).first
    found.wait_for()
    return found


def succeeded(served: Served, tags: dict[str, str]) -> dg.DagsterRun:
    """Wait until the newest run with these tags has succeeded."""
    with dg.DagsterInstance.from_config(str(served.settings.dagster_home)) as instance:

        def newest() -> list[dg.DagsterRun]:
            return list(instance.get_runs(dg.RunsFilter(tags=tags), limit=1))

        wait_until(f"a run of {tags}", lambda: any(run.is_finished for run in newest()))
        (run,) = newest()
    assert run.is_success, run
    return run


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {RUN_SECONDS} s"
        time.sleep(0.5)


def sensor_of(instance: dg.DagsterInstance) -> tuple[str, str]:
    """By which the instance knows the sensor that was turned on."""
    (state,) = (state for state in instance.all_instigator_state() if state.instigator_name == "releases")
    return state.instigator_origin_id, state.selector_id


def materialized(served: Served, key: str) -> set[str]:
    with dg.DagsterInstance.from_config(str(served.settings.dagster_home)) as instance:
        return set(instance.get_materialized_partitions(dg.AssetKey(key)))


def gold_months(served: Served) -> dict[str, int]:
    """Trips of each month that gold counts."""
    rows = served.warehouse.query(
        "SELECT month, SUM(trip_count) AS trips FROM gold.trips_by_pickup_location GROUP BY month"
    ).to_pylist()
    return {f"{row['month']:%Y-%m}": row["trips"] for row in rows}


def choose_partitions(page: Page, months: str) -> None:
    """Open the dialog that materializes everything, and choose months."""
    page.goto("/asset-groups")
    see(page, "gold_layer")
    page.get_by_role("button", name=re.compile("Materialize all")).first.click()
    see(page, f"Launch runs to materialize {len(ASSETS)} assets")
    box = page.get_by_placeholder(re.compile("^ex: "))
    box.fill(months)
    box.press("Enter")


def test_the_graph_has_every_layer_and_asset(page: Page) -> None:
    page.goto(f"/asset-groups?expanded={quote(','.join(f'global@global:{group}' for group in GROUPS), safe='')}")
    for group in ("infrastructure", *GROUPS):
        see(page, group)
    for key in ASSETS - {"infrastructure"}:
        see(page, key)


def test_all_assets_of_a_month_are_materialized_from_the_graph(page: Page, served: Served) -> None:
    choose_partitions(page, str(FIRST))
    page.get_by_role("button", name="Launch 1 run").click()
    see(page, re.compile("Launched run|Run launched"))
    run = succeeded(served, tags={"dagster/partition": str(FIRST)})
    assert {key.to_user_string() for key in run.asset_selection or ()} == ASSETS
    assert set(gold_months(served)) == {str(FIRST)}
    page.goto(f"/runs/{run.run_id}")
    see(page, "Success")


def test_an_asset_s_page_tells_its_story(page: Page) -> None:
    page.goto("/assets/green_silver")
    for text in (
        "Sample data: generated, no real trips or people",
        "Green (street-hail livery) taxi trips",
        "silver.green_trips",
        "Iceberg",
        "Owners",
        "sample: true",
        "pickup_location_id",
        "by the taximeter",
        "dagster/partition_row_count",
        "rejected_pickup_outside_month",
    ):
        see(page, text)


def test_metadata_is_plotted_and_rows_are_shown(page: Page) -> None:
    page.goto("/assets/green_silver")
    see(page, "dagster/partition_row_count").scroll_into_view_if_needed()
    page.get_by_text("[Show Markdown]").first.click()
    see(page, "vendor_id")
    page.screenshot(path=SCREENSHOTS / "preview.png")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Plots").click()
    page.locator("canvas").first.wait_for()
    assert page.locator("canvas").count() > 3


def test_a_failed_check_shows_rows_that_fail_it(page: Page) -> None:
    page.goto("/assets/taxi_silver?view=checks&checkDetail=trip_miles_range")
    see(page, "trip_miles_range")
    see(page, "failing")
    page.get_by_text("[Show Markdown]").first.click()
    see(page, "trip_miles")
    see(page, "pickup_at")


def test_lineage_of_tables_and_columns_is_shown(page: Page) -> None:
    page.goto("/assets/trips_gold?view=lineage&lineageScope=upstream")
    for key in ("trips_gold", "taxi_silver", "fhv_silver", "zones_silver"):
        see(page, key)
    page.goto("/assets/trips_gold?view=lineage&column=trip_miles")
    see(page, "trips_gold")
    see(page, "taxi_silver")


def test_a_backfill_of_three_months_runs_each_once(page: Page, served: Served) -> None:
    choose_partitions(page, f"[{BACKFILLED[0]}...{BACKFILLED[-1]}]")
    page.get_by_role("button", name="Launch backfill").click()
    with dg.DagsterInstance.from_config(str(served.settings.dagster_home)) as instance:
        wait_until("the backfill", lambda: any(each.backfill_end_timestamp for each in instance.get_backfills()))
        (backfill,) = instance.get_backfills()
    assert backfill.status.value == "COMPLETED_SUCCESS"
    for key in ("taxi_bronze", "green_silver", "trips_gold"):
        assert materialized(served, key) == set(map(str, (FIRST, *BACKFILLED)))
    assert set(gold_months(served)) == set(map(str, (FIRST, *BACKFILLED)))
    page.goto(f"/runs/b/{backfill.backfill_id}")
    see(page, "Completed")


def test_a_new_and_a_restated_month_reach_gold_once_the_sensor_is_turned_on(page: Page, served: Served) -> None:
    def switched_on() -> set[str]:
        with dg.DagsterInstance.from_config(str(served.settings.dagster_home)) as instance:
            return {state.instigator_name for state in instance.all_instigator_state() if state.is_running}

    page.goto("/automation")
    see(page, "users_daily")
    assert switched_on() == set()
    page.goto("/locations/lakehouse/sensors/releases")
    see(page, "Asks the sources")
    page.get_by_role("checkbox").first.dispatch_event("click")
    wait_until("the sensor is on", lambda: switched_on() == {"releases"})

    before = gold_months(served)
    for arguments in ((str(LAST),), (str(FIRST), "--restate")):
        served.lakehouse("sample", "publish", *arguments)
    wait_until("the new month is in gold", lambda: str(LAST) in gold_months(served))
    wait_until("the restated month is in gold", lambda: gold_months(served)[str(FIRST)] != before[str(FIRST)])
    with dg.DagsterInstance.from_config(str(served.settings.dagster_home)) as instance:
        asked = len(instance.get_ticks(*sensor_of(instance)))
        wait_until("two more ticks", lambda: len(instance.get_ticks(*sensor_of(instance))) >= asked + 2)
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": "releases"}))
    assert sorted((run.tags["dagster/partition"], run.status.value) for run in runs) == [
        (str(FIRST), "SUCCESS"),
        (str(LAST), "SUCCESS"),
    ]
    page.reload()
    see(page, re.compile("run requested|runs requested"))


def test_the_graph_is_green_when_every_month_is_there(page: Page) -> None:
    """The README's picture is made here."""
    page.set_viewport_size({"width": 1500, "height": 1000})
    page.goto("/asset-groups")
    see(page, "gold_layer")
    page.get_by_text("Hide navigation").click()
    expanded = ",".join(f"global@global:{group}" for group in ("infrastructure", *GROUPS))
    page.goto(f"/asset-groups?expanded={quote(expanded, safe='')}")
    see(page, "trips_gold")
    page.get_by_label("panel_show_right").last.click()
    for _ in range(2):
        page.get_by_label("zoom_out").click()
        page.wait_for_timeout(500)  # the graph moves to its place
    page.mouse.move(1200, 600)
    page.mouse.down()
    page.mouse.move(1300, 633, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / "lineage.png")
    assert page.get_by_text("Failed").count() == 0
