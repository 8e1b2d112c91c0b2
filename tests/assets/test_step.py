"""What the checks of an asset say after runs of several months: the graph counts those of the month that was run last.

The tests build on each other: they run in this order, in one process.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from lakehouse.assets.check_results import UNCHECKED, evaluations
from lakehouse.automation.check_history import check_outcomes
from lakehouse.cli.outcomes import Outcome
from lakehouse.definitions import build_definitions
from lakehouse.models.checks.kinds import FRESH
from lakehouse.partition import Month
from tests import fhv_files, green_files, yellow_files
from tests.project import Project

BEFORE_FHV, JANUARY, FEBRUARY, MARCH = Month(2014, 12), Month(2024, 1), Month(2024, 2), Month(2024, 3)
TRIPS = "taxi_bronze,fhv_bronze,taxi_silver,fhv_silver,trips_gold"
GREEN = "green_bronze,green_silver,green_gold"
NO_MONTHS = "infrastructure,zones_bronze,zones_silver"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Yellow of four months, of which February's warns, FHV of two and January of green; January's trips were run."""
    project = Project(tmp_path_factory.mktemp("trips"))
    for month in (BEFORE_FHV, JANUARY, FEBRUARY, MARCH):
        rows = yellow_files.trips(month, 5, trip_distance=5000.0 if month == FEBRUARY else 1.0)
        era: yellow_files.Era = "since 2011-01" if month == BEFORE_FHV else "since 2023-02"
        yellow_files.write(project.source / yellow_files.source_path(month), rows, era)
    for month in (JANUARY, FEBRUARY):
        fhv_files.write(project.source / fhv_files.source_path(month), fhv_files.trips(month, 3))
    project.publish(JANUARY, green_files.trips(JANUARY, 20))
    project.run(JANUARY, selection=f"{NO_MONTHS},{TRIPS}")
    return project


def said(project: Project, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    """The newest result of each check that is of the newest materialization: the others the graph does not count."""
    key = dg.AssetKey(asset)
    found = {}
    with project.instance() as instance:
        (newest,) = instance.fetch_materializations(key, limit=1).records
        planned = instance.get_records_for_run(
            newest.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
        )
        for record in planned.records:
            event = record.event_log_entry.dagster_event
            assert event is not None
            check = event.asset_check_planned_data.asset_check_key
            if check.asset_key == key:
                evaluation = next(evaluations(instance, check), None)
                target = evaluation.target_materialization_data if evaluation else None
                if evaluation is not None and target is not None and target.storage_id == newest.storage_id:
                    found[check.name] = evaluation
    return found


def not_passed(project: Project, asset: str) -> dict[str, str]:
    """The month of each check that did not pass, as far as it has one."""
    return {name: month_of(each) for name, each in said(project, asset).items() if not each.passed}


def month_of(evaluation: dg.AssetCheckEvaluation) -> str:
    return str(evaluation.metadata["month"].value) if "month" in evaluation.metadata else ""


@pytest.mark.parametrize(
    ("month", "evaluated"),
    [(MARCH, {"published": False, "fresh": False}), (BEFORE_FHV, {})],
    ids=["not published", "not begun"],
)
def test_where_nothing_was_ever_made_no_check_is_said_to_pass(
    tmp_path: Path, month: Month, evaluated: dict[str, bool]
) -> None:
    project = Project(tmp_path)
    (outcome,) = project.run(month, selection=f"{NO_MONTHS},fhv_bronze,fhv_silver")
    assert outcome.succeeded
    for asset in ("fhv_bronze", "fhv_silver"):
        assert {name: each.passed for name, each in said(project, asset).items()} == evaluated


def test_checks_are_those_of_the_month_that_was_run_last_in_whatever_order(project: Project) -> None:
    project.run(JANUARY, FEBRUARY, selection=TRIPS)
    assert not_passed(project, "taxi_silver") == {"trip_miles_range": str(FEBRUARY)}
    warned = said(project, "taxi_silver")["trip_miles_range"].description
    assert warned == "2024-02: 5 failing: trip_miles is at least 0 and at most 1000 in all but 0.2 % of the rows"
    project.run(JANUARY, selection=TRIPS)
    checks = said(project, "taxi_silver")
    assert len(checks) == 13
    assert all(each.passed for each in checks.values())
    assert {month_of(each) for name, each in checks.items() if name != FRESH} == {str(JANUARY)}


def test_a_month_before_a_dataset_began_leaves_all_its_checks_passed(project: Project) -> None:
    (outcome,) = project.run(BEFORE_FHV, selection=TRIPS)
    assert outcome.outcome is Outcome.MADE
    assert {asset: len(said(project, asset)) for asset in ("fhv_bronze", "fhv_silver", "trips_gold")} == {
        "fhv_bronze": 2,
        "fhv_silver": 10,
        "trips_gold": 5,
    }
    assert [not_passed(project, asset) for asset in ("fhv_bronze", "fhv_silver", "trips_gold")] == [{}, {}, {}]
    ledger = said(project, "fhv_silver")["row_ledger"]
    assert (month_of(ledger), ledger.metadata[UNCHECKED].value) == (str(JANUARY), True)
    assert month_of(said(project, "trips_gold")["grain"]) == str(BEFORE_FHV)


def test_an_unpublished_month_warns_of_that_alone_and_only_until_another_is_made(project: Project) -> None:
    (outcome,) = project.run(MARCH, selection=TRIPS)
    assert outcome.outcome is Outcome.WAITING
    assert not_passed(project, "fhv_bronze") == not_passed(project, "fhv_silver") == {"published": str(MARCH)}
    assert not_passed(project, "trips_gold") == {"datasets_present": str(MARCH)}
    assert len(said(project, "fhv_silver")) == 10
    warning = said(project, "fhv_bronze")["published"]
    assert (warning.description or "").count(f"{MARCH}:") == 1
    project.run(BEFORE_FHV, selection=TRIPS)
    assert [not_passed(project, asset) for asset in ("fhv_bronze", "fhv_silver", "trips_gold")] == [{}, {}, {}]


def test_a_month_that_holds_nothing_does_not_repeat_why_another_was_refused(project: Project) -> None:
    project.run(JANUARY, selection=GREEN)
    project.publish(FEBRUARY, green_files.trips(JANUARY, 20))
    (refused,) = project.run(FEBRUARY, selection=GREEN)
    assert not refused.succeeded
    with project.instance() as instance:
        checks = check_outcomes(build_definitions(project.settings()), instance, FEBRUARY, FEBRUARY)
        assert {each.check: each.state for each in checks if each.asset == "green_silver"}["rejected_share"] == "failed"
    (unpublished,) = project.run(MARCH, selection=GREEN)
    assert unpublished.failures == ()
    assert unpublished.waits_for == ("green",)
    assert not_passed(project, "green_silver") == {"published": str(MARCH)}
    assert month_of(said(project, "green_silver")["rejected_share"]) == str(JANUARY)


def test_a_month_that_its_source_serves_no_more_keeps_what_was_landed_and_warns(project: Project) -> None:
    file = project.source / green_files.source_path(JANUARY)
    project.run(JANUARY, selection="green_bronze")
    landed = project.bronze.current("green", JANUARY)
    assert landed is not None
    file.rename(file.with_suffix(".gone"))
    (outcome,) = project.run(JANUARY, selection="green_bronze")
    file.with_suffix(".gone").rename(file)
    assert outcome.succeeded
    assert outcome.waits_for == ()
    assert [asset.warnings for asset in outcome.assets] == [("published",)]
    assert project.bronze.current("green", JANUARY) == landed


def test_silver_alone_is_empty_only_if_its_source_was_asked_for_the_month(project: Project) -> None:
    (unasked,) = project.run(MARCH.next(), selection="green_silver")
    assert [failure.error for failure in unasked.failed] == ["NotLanded"]
    project.run(MARCH.next(), selection="green_bronze")
    (asked,) = project.run(MARCH.next(), selection="green_silver,green_gold")
    assert asked.succeeded
    assert asked.waits_for == ("green",)
