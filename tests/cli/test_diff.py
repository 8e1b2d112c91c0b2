"""``lakehouse diff``: what is landed against what is published, and one landing against another."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import dagster as dg
import pytest

from lakehouse.partition import Month
from tests import green_files
from tests.commands import dagster_in_memory, lakehouse
from tests.green_files import trips
from tests.project import Project

JANUARY = Month(2024, 1)


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


def published(project: Project, rows: list[dict[str, object]]) -> None:
    green_files.write(project.source / green_files.source_path(JANUARY), rows)


@pytest.fixture
def restated(project: Project) -> Project:
    """A project whose January was landed anew, and not yet made."""
    rows = trips(JANUARY, 4)
    published(project, rows)
    project.run(JANUARY)
    published(project, [{**rows[0], "total_amount": 20.0}, *rows[1:]])
    project.run(JANUARY, selection="green_bronze")
    return project


def test_what_is_landed_is_compared_with_what_is_published_and_landings_with_each_other(restated: Project) -> None:
    said = lakehouse(restated, "diff", "2024-01").output
    assert "green_silver 2024-01: what is published, and what is landed: 1 changed, 0 removed" in said
    assert "columns  total_amount 1" in said
    assert "green_gold 2024-01: 1 changed of 2 rows; total_amount +8.00" in said

    listed = [line.split() for line in lakehouse(restated, "diff", "2024-01", "--landings").output.splitlines()]
    new, old = (line[1] for line in listed if line and line[0] == "green_silver")
    select = ("diff", "2024-01", "--select", "green_silver")
    landings = ("--landing", new[:6], "--landing", old[:6])
    done = lakehouse(restated, *select, *landings, "--rows", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert [(row["change"], row["records"], row["total_amount"]) for row in rows] == [
        ("before", "1", "20.00"),
        ("after", "1", "12.00"),
    ]
    assert f"{new}, and {old}: 1 changed" in "".join(done.errors)

    wrong = lakehouse(restated, *select, "--landing", "xyz")
    assert wrong.exit_code == 2
    assert "--landing xyz: nothing was landed that begins so; of green_silver 2024-01 there is" in "".join(wrong.errors)


def test_what_cannot_be_compared_says_why_and_what_to_do(project: Project) -> None:
    def error(*arguments: str) -> str:
        done = lakehouse(project, "diff", *arguments)
        assert done.exit_code in (1, 2)
        return "".join(done.errors)

    assert "green 2024-01 has not been landed" in error("2024-01", "--select", "green_silver")
    assert "nothing of 2024-01 is both landed and published" in error("2024-01")
    assert "say which, as in lakehouse diff 2024-01" in error("--select", "green_silver")
    assert "there is no model green_silvr; did you mean green_silver" in error("2024-01", "--select", "green_silvr")
    assert "say which with --select" in error("2024-01", "--landing", "ab")
    assert "green_gold is made of other tables" in error("2024-01", "--select", "green_gold", "--landing", "ab")


def test_a_restatement_is_told_with_what_was_made_and_as_a_check(restated: Project) -> None:
    (outcome,) = restated.run(JANUARY)
    assert outcome.succeeded
    silver = next(asset for asset in outcome.assets if asset.key == "green_silver")
    assert silver.warnings == ("restatement",)  # a quarter of its records
    assert silver.note == "restated: 1 changed, 0 removed, 0 added, 3 kept"
    with restated.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("green_silver"))
        assert event is not None
        assert event.asset_materialization is not None
        facts = {name: each.value for name, each in event.asset_materialization.metadata.items()}
    assert (facts["records_kept"], facts["records_changed"], facts["changed_columns"]) == (3, 1, "total_amount 1")
    assert facts["effect on green_gold 2024-01"] == "1 changed of 2 rows; total_amount +8.00"
    assert "| 24.00 | 32.00 |" in str(facts["rows of green_gold 2024-01"])
