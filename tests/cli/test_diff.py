"""``lakehouse diff``: what is landed against what is published, and one landing against another."""

from __future__ import annotations

import csv
import io

import pytest

from lakehouse.partition import Month
from tests import green_files
from tests.green_files import trips
from tests.project import Project

JANUARY = Month(2024, 1)


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
    said = restated.cli("diff", "2024-01").stdout
    assert "green_silver 2024-01: what is published, and what is landed: 1 records changed, 0 removed" in said
    assert "columns  total_amount 1" in said
    assert "green_gold 2024-01: 1 changed of 2 rows; total_amount +8.00" in said

    listed = [line.split() for line in restated.cli("diff", "2024-01", "--landings").stdout.splitlines()]
    new, old = (line[1] for line in listed if line and line[0] == "green_silver")
    select = ("diff", "2024-01", "--select", "green_silver")
    landings = ("--landing", new[:6], "--landing", old[:6])
    done = restated.cli(*select, *landings, "--rows", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["change"], row["records"], row["total_amount"]) for row in rows] == [
        ("before", "1", "20.00"),
        ("after", "1", "12.00"),
    ]
    assert f"{new}, and {old}: 1 records changed" in done.stderr

    wrong = restated.cli(*select, "--landing", "xyz", check=False)
    assert wrong.returncode == 2
    assert "--landing xyz: nothing was landed that begins so; of green_silver 2024-01 there is" in wrong.stderr
