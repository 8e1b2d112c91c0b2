"""A range of months: what comes whole is run once, and gold is made of what is published."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.assets.bronze import REFETCH
from lakehouse.cli.interruption import Interruption
from lakehouse.cli.outcomes import Outcome, RunOutcome
from lakehouse.cli.runs import run_months
from lakehouse.cli.selection import select
from lakehouse.definitions import build_definitions
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import PROJECT_ROOT
from tests import fhv_files, yellow_files
from tests.commands import dagster_in_memory, lakehouse
from tests.http_source import SourceServer
from tests.project import Project, unwatched

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
SELECTION = "+trips_gold"


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


def publish_yellow(project: Project, month: Month) -> None:
    yellow_files.write(project.source / yellow_files.source_path(month), yellow_files.trips(month, 5))


def runs(project: Project, *months: Month, selection: str = SELECTION) -> Iterator[RunOutcome]:
    """The runs of a range one by one, so that a test can change the source between two of them."""
    definitions = build_definitions(project.settings())
    with project.instance() as instance:
        yield from run_months(definitions, instance, select(definitions, selection), months, unwatched, Interruption())


def keys(outcome: RunOutcome) -> set[str]:
    return {asset.key for asset in outcome.assets}


def test_what_comes_whole_is_run_with_the_first_month_only(project: Project) -> None:
    publish_yellow(project, JANUARY)
    publish_yellow(project, FEBRUARY)
    first, second = runs(project, JANUARY, FEBRUARY, selection="+taxi_silver")
    assert keys(first) == {"infrastructure", "zones_bronze", "zones_silver", "taxi_bronze", "taxi_silver"}
    assert keys(second) == {"taxi_bronze", "taxi_silver"}
    assert first.succeeded
    assert second.succeeded


def test_what_comes_whole_is_run_again_with_the_next_month_while_it_fails(project: Project) -> None:
    publish_yellow(project, JANUARY)
    publish_yellow(project, FEBRUARY)
    users = (project.source / "users.json").read_bytes()
    (project.source / "users.json").unlink()
    months = runs(project, JANUARY, FEBRUARY, selection="+taxi_silver,+users_gold")
    first = next(months)
    assert not first.succeeded
    assert "taxi_silver" in keys(first)
    (project.source / "users.json").write_bytes(users)
    second = next(months)
    assert second.succeeded
    assert keys(second) == {"users_bronze", "users_silver", "users_gold", "taxi_bronze", "taxi_silver"}


def test_gold_is_made_of_the_dataset_that_is_published(project: Project) -> None:
    publish_yellow(project, JANUARY)
    (outcome,) = runs(project, JANUARY)
    assert outcome.succeeded
    assert outcome.outcome is Outcome.WAITING
    assert outcome.waits_for == ("fhv",)
    gold = next(asset for asset in outcome.assets if asset.key == "trips_gold")
    assert gold.warnings == ("datasets_present",)
    assert project.rows("SELECT taxi_type, SUM(trip_count) AS trips FROM gold.trips_by_pickup_location GROUP BY 1") == [
        {"taxi_type": "yellow", "trips": 5}
    ]


def test_gold_is_made_of_both_once_the_other_is_published_too(project: Project) -> None:
    publish_yellow(project, JANUARY)
    months = runs(project, JANUARY, JANUARY)
    next(months)
    (project.source / fhv_files.source_path(JANUARY)).parent.mkdir(exist_ok=True)
    fhv_files.write(project.source / fhv_files.source_path(JANUARY), fhv_files.trips(JANUARY, 3))
    again = next(months)
    assert again.succeeded
    assert next(asset for asset in again.assets if asset.key == "trips_gold").warnings == ()
    assert project.rows("SELECT SUM(trip_count) AS trips FROM gold.trips_by_pickup_location") == [{"trips": 8}]


@pytest.mark.parametrize("unsound", ["fhv", "zones"])
def test_gold_waits_while_something_is_published_but_not_sound(project: Project, unsound: str) -> None:
    publish_yellow(project, JANUARY)
    broken = project.source / (fhv_files.source_path(JANUARY) if unsound == "fhv" else "misc/taxi_zone_lookup.csv")
    broken.write_text("<html>")
    (outcome,) = runs(project, JANUARY)
    assert not outcome.succeeded
    assert "trips_gold" not in keys(outcome)


def test_gold_waits_while_no_dataset_is_published(project: Project) -> None:
    (outcome,) = runs(project, JANUARY)
    assert outcome.succeeded
    assert outcome.waits_for == ("fhv", "yellow")
    made = {asset.key for asset in outcome.assets if not asset.waits_for}
    assert made == {"infrastructure", "zones_bronze", "zones_silver"}
    assert project.rows("SELECT COUNT(*) AS months FROM gold.trips_by_pickup_location") == [{"months": 0}]


def test_an_unrelated_failure_does_not_keep_gold_from_what_is_published(project: Project) -> None:
    publish_yellow(project, JANUARY)
    (project.source / "users.json").write_text("<html>")
    (outcome,) = runs(project, JANUARY, selection="+trips_gold,+users_gold")
    assert {failure.partition(":")[0] for failure in outcome.failures} == {"users"}
    assert "trips_gold" in keys(outcome)


def test_gold_waits_for_zones_that_are_not_published(project: Project) -> None:
    publish_yellow(project, JANUARY)
    (project.source / "misc" / "taxi_zone_lookup.csv").unlink()
    (outcome,) = runs(project, JANUARY)
    assert keys(outcome) == {"infrastructure", "taxi_bronze", "fhv_bronze"}
    assert [failure.error for failure in outcome.failed] == ["NotPublished"]


def test_a_table_of_all_months_is_made_anew_with_each_month(tmp_path: Path) -> None:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    (sql / "gold" / "total_gold.sql").write_text(
        "/*\ndescription: All trips\ntable: gold.total\ngrain: [taxi_type]\n"
        "columns:\n  trips: {type: INT64, description: Trips}\n*/\n"
        "SELECT taxi_type, COUNT(*) AS trips FROM silver.yellow_trips GROUP BY taxi_type\n"
    )
    project = Project(tmp_path / "project", sql=sql)
    publish_yellow(project, JANUARY)
    publish_yellow(project, FEBRUARY)
    assert all(outcome.succeeded for outcome in runs(project, JANUARY, FEBRUARY, selection="+total_gold"))
    assert project.rows("SELECT trips FROM gold.total") == [{"trips": 10}]


def test_the_command_runs_in_its_own_process_whatever_executor_others_use(project: Project) -> None:
    result = lakehouse(project, "run", "--select", "infrastructure", LAKEHOUSE_EXECUTOR="multiprocess")
    assert (result.exit_code, result.errors) == (0, ())
    assert result.output.endswith("1 run: 1 made, 0 unchanged, 0 waiting, 0 failed\n")


def test_refetch_heals_what_came_damaged_under_the_etag_of_the_right_file(project: Project) -> None:
    users = (project.source / "users.json").read_bytes()
    with SourceServer(project.source) as server:
        server.etag_of = lambda *_: '"the same"'
        project.users_url = f"{server.url}/users.json"
        (project.source / "users.json").write_bytes(users.replace(b"City 1", b"Cyty 1"))
        assert lakehouse(project, "run", "--select", "+users_gold").exit_code == 0
        (project.source / "users.json").write_bytes(users)
        assert lakehouse(project, "run", "--select", "+users_gold").exit_code == 0
        assert cities(project) == ["City 2", "Cyty 1"]
        healed = lakehouse(project, "run", "--select", "+users_gold", "--refetch")
        assert (healed.exit_code, cities(project)) == (0, ["City 1", "City 2"])
        assert "1 made" in healed.output
        again = lakehouse(project, "run", "--select", "+users_gold", "--refetch")
        assert "0 made, 1 unchanged" in again.output
        assert server.statuses() == [200, 304, 200, 200]
    landings = project.rows("SELECT sha256 FROM bronze.landings WHERE dataset = 'users' ORDER BY observed_at")
    assert len(landings) == 3
    assert landings[1] == landings[2] != landings[0]


def test_a_run_that_is_to_fetch_anew_says_so_to_whoever_executes_it_again(project: Project) -> None:
    definitions = build_definitions(project.settings())
    chosen = select(definitions, "+users_bronze")
    with project.instance() as instance:
        (outcome,) = run_months(definitions, instance, chosen, (WHOLE,), unwatched, Interruption(), {REFETCH: "true"})
        run = instance.get_run_by_id(outcome.run_id)
    assert run is not None
    assert run.tags[REFETCH] == "true"


def cities(project: Project) -> list[str]:
    return [row["city"] for row in project.rows("SELECT city FROM gold.user_counts_by_city ORDER BY city")]
