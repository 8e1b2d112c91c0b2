"""A person's way through the Dagster UI: the graph, a month, what its pages say, runs of the command line, a backfill.

The tests build on each other, as a person's clicks do: they run in this order, in one process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
import pytest

from dlt_sources import tlc
from lakehouse.assets.private_dagster import is_served_by_code_location
from lakehouse.cli.outcomes import Outcome
from lakehouse.sample.source import month_file
from tests.ui.conftest import MONTHS, SCREENSHOTS, Served
from tests.ui.looking import colours, ended, leave, see, succeeded, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("dagster_ui")

ASSETS = {
    *("infrastructure", "users_bronze", "taxi_bronze", "green_bronze", "fhv_bronze", "zones_bronze"),
    *("users_silver", "zones_silver", "taxi_silver", "fhv_silver", "green_silver"),
    *("users_gold", "trips_gold", "green_gold"),
}
GROUPS = ("bronze_layer", "silver_layer", "gold_layer")
FIRST, SECOND, *_, LAST = MONTHS
BACKFILLED = MONTHS[2:-1]


def sensor_of(instance: dg.DagsterInstance) -> tuple[str, str]:
    """By which the instance knows the sensor that was turned on."""
    (state,) = (state for state in instance.all_instigator_state() if state.instigator_name == "releases")
    return state.instigator_origin_id, state.selector_id


def materialized(served: Served, key: str) -> set[str]:
    with served.instance() as instance:
        return set(instance.get_materialized_partitions(dg.AssetKey(key)))


def gold_months(served: Served) -> dict[str, int]:
    """Trips of each month that gold counts."""
    rows = served.warehouse.query(
        "SELECT month, SUM(trip_count) AS trips FROM gold.trips_by_pickup_location GROUP BY month"
    ).to_pylist()
    return {f"{row['month']:%Y-%m}": row["trips"] for row in rows}


def steps(served: Served, run: dg.DagsterRun) -> list[str]:
    """What a run made, in order."""
    with served.instance() as instance:
        done = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS).records
    return [str(record.event_log_entry.step_key) for record in done]


def is_launched_by_the_daemon(served: Served, run: dg.DagsterRun) -> bool:
    """Whether a run waited in the queue, and its code location has executed it."""
    with served.instance() as instance:
        queued = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_ENQUEUED).records
    return bool(queued) and is_served_by_code_location(run)


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
    leave(page)
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


def test_a_month_that_lacks_a_dataset_is_amber_there_until_it_is_published(page: Page, served: Served) -> None:
    """It is run by the command line."""
    file = month_file(served.source, tlc.FHV, SECOND)
    late = file.rename(served.settings.home / "late.parquet")
    outcome = served.run(SECOND, "+key:trips_gold")
    assert (outcome.outcome, outcome.waits_for) == (Outcome.WAITING, ("fhv",))
    page.goto("/assets/trips_gold?view=lineage&lineageScope=upstream")
    see(page, "9 / 10 Passed")  # of fhv_silver: all but that the month is published
    see(page, "4 / 5 Passed")
    see(page, "40% filled")
    assert colours(page) == {"green", "yellow"}
    page.screenshot(path=SCREENSHOTS / "late.png")
    page.goto(f"/assets/fhv_bronze?view=partitions&partition={SECOND}")
    for text in ("Failed (0)", "Materialized (2)", "not published", "ask again later"):
        see(page, text)
    assert colours(page) == {"green"}

    leave(page)
    late.rename(file)
    assert served.run(SECOND, "*").outcome is Outcome.MADE
    page.goto("/assets/trips_gold?view=lineage&lineageScope=upstream")
    see(page, "10 / 10 Passed")
    see(page, "5 / 5 Passed")

    page.goto("/overview/activity/timeline")
    see(page, "Jobless asset materializations")
    see(page, re.compile("^3$"))  # runs of the code location: the first month's, and these two


def test_a_backfill_of_two_months_is_launched(page: Page, served: Served) -> None:
    choose_partitions(page, f"[{BACKFILLED[0]}...{BACKFILLED[-1]}]")
    page.get_by_role("button", name="Launch backfill").click()
    with served.instance() as instance:
        wait_until("the backfill", lambda: len(instance.get_backfills()) == 1)


def test_a_failed_run_of_the_command_line_is_executed_again_from_its_page(page: Page, served: Served) -> None:
    """While the backfill is under way, which is mostly waiting: it is of other months."""
    file = month_file(served.source, tlc.GREEN, FIRST)
    published = file.read_bytes()
    file.write_bytes(b"<html>")
    failed = served.run(FIRST, "+key:green_gold")
    assert [failure.key for failure in failed.failed] == ["green_bronze"]
    file.write_bytes(published)
    page.goto(f"/runs/{failed.run_id}")
    for text in ("Failure", f"partition: {FIRST}", "green_tripdata_2022-12.parquet is not a trip file"):
        see(page, re.compile(re.escape(text)))
    page.get_by_label("arrow_drop_down").first.click()
    see(page, "From failure").click()
    page.wait_for_url(lambda url: failed.run_id not in url)
    page.goto(f"/runs/{failed.run_id}")
    page.get_by_role("button", name="Re-execute all").click()
    page.wait_for_url(lambda url: failed.run_id not in url)
    leave(page)
    again = ended(served, {"dagster/parent_run_id": failed.run_id}, count=2)
    assert [run.status for run in again] == [dg.DagsterRunStatus.SUCCESS] * 2
    green = ["green_bronze", "green_silver", "green_gold"]
    assert [steps(served, run) for run in again] == [
        green,
        ["infrastructure", "green_bronze", "zones_bronze", "zones_silver", *green[1:]],
    ]
    assert all(is_launched_by_the_daemon(served, run) for run in again)
    page.goto("/assets/green_gold?view=lineage&lineageScope=upstream")
    see(page, "13 / 13 Passed")
    see(page, "4 / 4 Passed")
    assert "red" not in colours(page)


def test_the_backfill_runs_each_month_once(page: Page, served: Served) -> None:
    with served.instance() as instance:
        wait_until("the backfill", lambda: any(each.backfill_end_timestamp for each in instance.get_backfills()))
        (backfill,) = instance.get_backfills()
    assert backfill.status.value == "COMPLETED_SUCCESS"
    for key in ("taxi_bronze", "green_silver", "trips_gold"):
        assert materialized(served, key) == set(map(str, (FIRST, SECOND, *BACKFILLED)))
    assert set(gold_months(served)) == set(map(str, (FIRST, SECOND, *BACKFILLED)))
    page.goto(f"/runs/b/{backfill.backfill_id}")
    see(page, "Completed")


def test_a_new_and_a_restated_month_reach_gold_once_the_sensor_is_turned_on(page: Page, served: Served) -> None:
    def switched_on() -> set[str]:
        with served.instance() as instance:
            return {state.instigator_name for state in instance.all_instigator_state() if state.is_running}

    page.goto("/automation")
    see(page, "users_daily")
    assert switched_on() == {"freshness"}
    page.goto("/locations/lakehouse/sensors/releases")
    see(page, "Asks the sources")
    page.get_by_role("checkbox").first.dispatch_event("click")
    wait_until("the sensor is on", lambda: "releases" in switched_on())
    sensor = page.url
    leave(page)

    before = gold_months(served)
    for arguments in ((str(LAST),), (str(FIRST), "--restate")):
        served.lakehouse("sample", "publish", *arguments)
    wait_until("the new month is in gold", lambda: str(LAST) in gold_months(served))
    wait_until("the restated month is in gold", lambda: gold_months(served)[str(FIRST)] != before[str(FIRST)])
    with served.instance() as instance:
        asked = len(instance.get_ticks(*sensor_of(instance)))
        wait_until("two more ticks", lambda: len(instance.get_ticks(*sensor_of(instance))) >= asked + 2)
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": "releases"}))
    assert sorted((run.tags["dagster/partition"], run.status.value) for run in runs) == [
        (str(FIRST), "SUCCESS"),
        (str(LAST), "SUCCESS"),
    ]
    page.goto(sensor)
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
