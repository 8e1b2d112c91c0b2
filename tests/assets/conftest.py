"""Runs of assets that several modules of tests look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.cli.outcomes import RunOutcome
from lakehouse.partition import Month
from tests import fhv_files, green_files, yellow_files
from tests.commands import dagster_in_memory
from tests.project import Project

_MONTH = Month(2024, 1)


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, RunOutcome]:
    """A project in which every asset has run once for 2024-01, which no test may change."""
    project = Project(tmp_path_factory.mktemp("whole"))
    project.publish(_MONTH, green_files.trips(_MONTH, 5))
    yellow_files.write(project.source / yellow_files.source_path(_MONTH), yellow_files.trips(_MONTH, 4))
    fhv_files.write(project.source / fhv_files.source_path(_MONTH), fhv_files.trips(_MONTH, 3), "double ids")
    (outcome,) = project.run(_MONTH, selection="*")
    return project, outcome
