"""A home holds real data or samples, for good, and is told by a mark in it, wherever it is moved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.exceptions import ConfigurationError
from lakehouse.home import SAMPLE_MARKER, ensure_home_kind
from lakehouse.partition import Month
from tests import direct, green_files
from tests.commands import dagster_in_memory, lakehouse, run
from tests.project import Project

JANUARY = Month(2024, 1)


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.mark.parametrize("contents", ["catalog.db", "bronze"])
def test_a_home_of_real_data_takes_no_samples(tmp_path: Path, contents: str) -> None:
    ensure_home_kind(tmp_path, of_samples=False)
    (tmp_path / contents).touch()
    ensure_home_kind(tmp_path, of_samples=False)
    with pytest.raises(ConfigurationError, match="holds real data, and LAKEHOUSE_SAMPLE=true"):
        ensure_home_kind(tmp_path, of_samples=True)


def test_a_home_of_samples_says_so_and_takes_nothing_else(tmp_path: Path) -> None:
    ensure_home_kind(tmp_path, of_samples=True)
    assert "no real trips" in (tmp_path / SAMPLE_MARKER).read_text()
    (tmp_path / "catalog.db").touch()
    ensure_home_kind(tmp_path, of_samples=True)
    with pytest.raises(ConfigurationError, match="holds generated sample data; say lakehouse --sample"):
        ensure_home_kind(tmp_path, of_samples=False)


def test_a_home_of_samples_is_refused_under_another_name(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    direct.load(project, JANUARY)
    (project.home / SAMPLE_MARKER).touch()
    for arguments in (("status",), ("query", "SELECT * FROM silver.green_trips")):
        result = lakehouse(project, *arguments)
        assert result.exit_code == 2
        assert f"LAKEHOUSE_HOME={project.home}: holds generated sample data" in result.errors[0]
    assert run(project, JANUARY).exit_code == 2


def test_a_copy_of_a_home_is_neither_read_nor_written_through(project: Project, tmp_path: Path) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    direct.load(project, JANUARY)
    copy = tmp_path / "copy"
    shutil.copytree(project.home, copy)
    before = project.files()
    result = lakehouse(project, "query", "SELECT * FROM silver.green_trips", LAKEHOUSE_HOME=str(copy))
    assert result.exit_code == 1
    assert f"{copy}/catalog.db is a copy: its tables are in file://{project.home}" in result.errors[0]
    project.publish(JANUARY, green_files.trips(JANUARY, 4))
    assert run(project, JANUARY, LAKEHOUSE_HOME=str(copy)).exit_code == 1
    assert project.files() == before
