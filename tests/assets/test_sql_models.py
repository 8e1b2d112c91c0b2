"""What Dagster is told of a table: its checks with failing rows, and what can be plotted and looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from lakehouse.assets.sql_models import sql_model_asset
from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT, load_settings
from tests import green_files
from tests.loading import models_of
from tests.project import Project

MONTH = Month(2024, 1)
SILVER = "+key:green_silver"


@pytest.fixture(scope="module")
def warned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a month that was published with warnings, which no test may change."""
    project = Project(tmp_path_factory.mktemp("warned"))
    odd = [green_files.trip(MONTH, 30 + n, trip_distance=5000.0 + n, store_and_fwd_flag="a|b") for n in range(7)]
    project.publish(MONTH, [*green_files.trips(MONTH, 30), *odd])
    (outcome,) = project.run(MONTH, selection=SILVER)
    assert outcome.failures == ()
    return project


def evaluation(project: Project, asset: str, check: str) -> dg.AssetCheckEvaluation:
    """The newest evaluation of a check, as the UI would show it."""
    with project.instance() as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(asset), check), limit=1
        )
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def shown(found: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {name: value.value for name, value in found.metadata.items()}


def test_a_check_that_warns_shows_rows_that_fail_it_in_a_table(warned: Project) -> None:
    found = evaluation(warned, "green_silver", "trip_miles_range")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert isinstance(found.metadata["sample"], dg.MarkdownMetadataValue)
    header, _, *rows = shown(found)["sample"].splitlines()
    assert header.startswith("| trip_miles | pickup_at | vendor_id |")
    assert [row.split(" | ")[0] for row in rows] == [f"| {miles}.00" for miles in (5006, 5005, 5004, 5003, 5002)]
    assert shown(found)["failing"] == 7


def test_a_check_of_codes_names_those_that_nobody_knows(warned: Project) -> None:
    facts = shown(evaluation(warned, "green_silver", "known_codes"))
    assert facts["unknown_store_and_fwd_flag"] == "a|b: 7 rows"
    assert r"| a\|b |" in facts["sample"]


def test_a_check_that_passes_shows_no_rows(warned: Project) -> None:
    assert shown(evaluation(warned, "green_silver", "total_amount_not_null")) == {"month": "2024-01", "failing": 0}


def test_a_month_that_is_refused_shows_the_rows_it_is_refused_for(project: Project) -> None:
    project.publish(MONTH, [*green_files.trips(MONTH, 3), green_files.trip(MONTH, 3, total_amount=None)])
    (outcome,) = project.run(MONTH, selection=SILVER)
    (failure,) = outcome.failures
    assert failure.startswith("green_silver 2024-01: blocking check failed: total_amount_not_null (1 failing")
    assert "\n" not in failure
    found = evaluation(project, "green_silver", "total_amount_not_null")
    assert (found.passed, found.blocking) == (False, True)
    assert shown(found)["sample"].splitlines()[2].startswith("| *NULL* | 2024-01-01 00:21:00 | 2 |")


def test_a_rerun_of_an_unchanged_month_shows_the_rows_again(project: Project) -> None:
    project.publish(MONTH, green_files.trips(MONTH, 3, trip_distance=5000.0))
    for _ in range(2):
        (outcome,) = project.run(MONTH, selection=SILVER)
    assert {asset.key: asset.unchanged for asset in outcome.assets}["green_silver"]
    assert "5000.00" in shown(evaluation(project, "green_silver", "trip_miles_range"))["sample"]


def code_version(name: str, changes: dict[str, Any] | None = None, column: dict[str, Any] | None = None) -> str | None:
    """Of green silver, if a column of the contract that it reads were another."""
    settings, models = load_settings(), models_of(PROJECT_ROOT / "sql")
    (green,) = (source for source in SOURCES if source.asset == "green_bronze")
    columns = [
        replace(each, column=replace(each.column, **(column or {})), **(changes or {}))
        if each.column.name == name
        else each
        for each in green.contract.canonical
    ]
    changed = replace(green, contract=replace(green.contract, canonical=tuple(columns)))
    asset = sql_model_asset(settings, models, models["green_silver"], (changed,))
    return asset.code_versions_by_key[dg.AssetKey("green_silver")]


@pytest.mark.parametrize("changes", [{"sources": ("VendorID", "vendor")}, {"required": True}, {"padded": True}])
def test_another_reading_of_the_landed_file_is_another_version_of_the_code(changes: dict[str, Any]) -> None:
    assert code_version("store_and_fwd_flag", changes) != code_version("store_and_fwd_flag")


def test_another_type_is_another_version_of_the_code_and_another_description_is_not() -> None:
    assert code_version("vendor_id", column={"type": "STRING"}) != code_version("vendor_id")
    assert code_version("vendor_id", column={"description": "Somebody"}) == code_version("vendor_id")
