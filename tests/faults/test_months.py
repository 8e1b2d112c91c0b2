"""Of several months one is bad: the others load, the bad one is named, and what it held before stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetPartitionStatus

from lakehouse.assets.check_results import evaluations
from lakehouse.partition import Month
from tests import green_files
from tests.commands import Command, dagster_in_memory, held, landed, ledger, of, run, statuses
from tests.http_source import SourceServer
from tests.project import Project

JANUARY, FEBRUARY, MARCH = QUARTER = Month(2024, 1), Month(2024, 2), Month(2024, 3)
LOADED = of(40, "480.00")
FAILED, MATERIALIZED = AssetPartitionStatus.FAILED, AssetPartitionStatus.MATERIALIZED
HTML = b"<!DOCTYPE html>\n<html><head><title>Service unavailable</title></head><body>Back soon</body></html>\n"


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Three loaded months. A test breaks the middle one, and heals it."""
    project = Project(tmp_path_factory.mktemp("quarter"))
    for month in QUARTER:
        project.publish(month, green_files.trips(month, 40))
    with dagster_in_memory():
        assert run(project, JANUARY, MARCH).exit_code == 0
        yield project


def require_only_february_failed(result: Command, *reason: str) -> None:
    assert result.exit_code == 1
    assert result.output.endswith(" 0 waiting, 1 failed\n")
    states = [line.split()[:2] for line in result.output.splitlines() if line.startswith("2024-")]
    assert states == [["2024-01", "ok"], ["2024-02", "FAILED"], ["2024-03", "ok"]]
    why, summary = result.errors
    assert summary == "failed: 2024-02"
    assert "2024-02" in why
    for words in reason:
        assert words in why


def require_healed(project: Project) -> None:
    result = run(project, FEBRUARY)
    assert (result.exit_code, result.errors) == (0, ())
    assert held(project, FEBRUARY) == LOADED
    assert [row["is_balanced"] for row in ledger(project, FEBRUARY)] == [True]
    for asset in ("green_bronze", "green_silver", "green_gold"):
        assert set(statuses(project, asset, *QUARTER).values()) == {MATERIALIZED}


def test_an_unpublished_month_holds_up_nothing_and_is_loaded_once_it_is_published(project: Project) -> None:
    for month in (JANUARY, MARCH):
        project.publish(month, green_files.trips(month, 40))
    with SourceServer(project.source) as server:
        project.tlc_url = server.url
        result = run(project, JANUARY, MARCH)
        assert (result.exit_code, result.errors) == (3, ())
        assert result.output.endswith("3 months: 2 made, 0 unchanged, 1 waiting, 0 failed\n")
        for words in (f"{server.url}/trip-data/green_tripdata_2024-02.parquet", "AccessDenied", "not published (yet)"):
            assert words in result.output
        assert re.search("^2024-02  ok .* made of what is published, waiting for green$", result.output, re.MULTILINE)
        assert [held(project, month) for month in QUARTER] == [LOADED, of(0, None), LOADED]
        assert ledger(project, FEBRUARY) == []
        for asset in ("green_bronze", "green_silver", "green_gold"):
            assert set(statuses(project, asset, *QUARTER).values()) == {MATERIALIZED}

        project.publish(FEBRUARY, green_files.trips(FEBRUARY, 40))
        require_healed(project)


def test_a_month_that_fails_a_blocking_check_keeps_what_it_held_while_its_neighbours_are_replaced(
    quarter: Project,
) -> None:
    before = held(quarter, FEBRUARY)
    quarter.publish(JANUARY, green_files.trips(JANUARY, 25))
    quarter.publish(FEBRUARY, green_files.trips(Month(2023, 2), 30))
    result = run(quarter, JANUARY, MARCH)

    require_only_february_failed(result, "rejected_share (30 failing", "silver.green_trips still holds what it held")
    assert held(quarter, JANUARY) == of(25, "300.00")
    assert held(quarter, FEBRUARY) == before == LOADED
    assert statuses(quarter, "green_bronze", FEBRUARY) == {"2024-02": MATERIALIZED}
    for asset in ("green_silver", "green_gold"):
        assert statuses(quarter, asset, *QUARTER) == {
            "2024-01": MATERIALIZED,
            "2024-02": FAILED,
            "2024-03": MATERIALIZED,
        }
    require_recorded_failure(quarter, "rejected_share", failing=30)
    newest = landed(quarter, FEBRUARY).sha256
    assert [
        (row["bronze_sha256"] == newest, row["bronze_rows"], row["silver_rows"], row["is_balanced"])
        for row in ledger(quarter, FEBRUARY)
    ] == [(False, 0, 40, False), (True, 30, 0, False)]

    quarter.publish(FEBRUARY, green_files.trips(FEBRUARY, 40))
    require_healed(quarter)


def require_recorded_failure(project: Project, check: str, failing: int) -> None:
    """Dagster's newest evaluation of the check for February failed."""
    key = dg.AssetCheckKey(dg.AssetKey("green_silver"), check)
    with project.instance() as instance:
        evaluation = next(each for each in evaluations(instance, key) if each.metadata["month"].value == str(FEBRUARY))
    assert not evaluation.passed
    assert evaluation.blocking
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["failing"].value == failing


def test_a_page_instead_of_a_month_fails_that_month_alone(quarter: Project) -> None:
    file = quarter.source / green_files.source_path(FEBRUARY)
    before = held(quarter, FEBRUARY), landed(quarter, FEBRUARY)
    file.write_bytes(HTML)
    result = run(quarter, JANUARY, MARCH)

    require_only_february_failed(result, str(file), f"HTML or XML page of {len(HTML)} bytes", "nothing was kept")
    assert (held(quarter, FEBRUARY), landed(quarter, FEBRUARY)) == before
    for asset in ("green_bronze", "green_silver", "green_gold"):
        assert statuses(quarter, asset, *QUARTER) == {
            "2024-01": MATERIALIZED,
            "2024-02": FAILED,
            "2024-03": MATERIALIZED,
        }

    quarter.publish(FEBRUARY, green_files.trips(FEBRUARY, 40))
    require_healed(quarter)


def test_a_truncated_month_is_refused_and_nothing_of_it_is_kept(quarter: Project) -> None:
    file = quarter.publish(FEBRUARY, green_files.trips(FEBRUARY, 41))
    before = held(quarter, FEBRUARY), landed(quarter, FEBRUARY), bronze_files(quarter)
    file.write_bytes(file.read_bytes()[:-100])
    result = run(quarter, FEBRUARY)

    assert result.exit_code == 1
    assert f"green 2024-02: file://{file} is not a trip file" in result.errors[0]
    assert (held(quarter, FEBRUARY), landed(quarter, FEBRUARY), bronze_files(quarter)) == before

    quarter.publish(FEBRUARY, green_files.trips(FEBRUARY, 40))
    require_healed(quarter)


def bronze_files(project: Project) -> list[Path]:
    return sorted((project.home / "bronze").rglob("*"))
