"""A home holds real data or samples, for good, and is told by a mark in it, wherever it is moved."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import ConfigurationError
from lakehouse.home import PROFILE_MARKER, SAMPLE_MARKER, ensure_home_kind, ensure_home_profile
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


DEV, PROD = "project my-project, bucket my-bucket, prefix dev", "project my-project, bucket my-bucket, no prefix"


def test_a_home_of_the_cloud_says_so_and_is_of_one_place_for_good(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there"
    ensure_home_profile(home, "gcp", DEV)
    assert (home / PROFILE_MARKER).read_text().startswith(f"gcp: {DEV}\n")
    before = (home / PROFILE_MARKER).stat()
    ensure_home_profile(home, "gcp", DEV)
    assert (home / PROFILE_MARKER).stat() == before
    with pytest.raises(ConfigurationError) as error:
        ensure_home_profile(home, "gcp", PROD)
    assert str(error.value) == (
        f"LAKEHOUSE_HOME={home}: belongs to gcp: {DEV}, and the settings say gcp: {PROD}; "
        "choose another LAKEHOUSE_HOME, and with it another DAGSTER_HOME"
    )


@pytest.mark.parametrize("contents", ["catalog.db", "bronze"])
def test_a_home_of_tables_is_none_of_the_cloud(tmp_path: Path, contents: str) -> None:
    (tmp_path / contents).touch()
    with pytest.raises(ConfigurationError, match="holds the tables of this machine, and LAKEHOUSE_PROFILE=gcp; choose"):
        ensure_home_profile(tmp_path, "gcp", DEV)
    assert not (tmp_path / PROFILE_MARKER).exists()
    ensure_home_profile(tmp_path, "local")


def test_a_damaged_mark_is_that_of_nobody(tmp_path: Path) -> None:
    (tmp_path / PROFILE_MARKER).touch()
    for profile, where in (("gcp", DEV), ("local", "")):
        with pytest.raises(ConfigurationError, match="choose another LAKEHOUSE_HOME"):
            ensure_home_profile(tmp_path, profile, where)


def test_two_first_runs_of_two_places_agree_whose_the_home_is(tmp_path: Path) -> None:
    for attempt in range(20):
        home = tmp_path / str(attempt)
        refused: list[str] = []
        start = threading.Barrier(2)

        def first_run(where: str, home: Path = home, refused: list[str] = refused, start: Any = start) -> None:
            start.wait()
            try:
                ensure_home_profile(home, "gcp", where)
            except ConfigurationError:
                refused.append(where)

        runs = [threading.Thread(target=first_run, args=(where,)) for where in (DEV, PROD)]
        for each in runs:
            each.start()
        for each in runs:
            each.join()
        assert len(refused) == 1
        held = (home / PROFILE_MARKER).read_text().partition("\n")[0]
        assert {held, f"gcp: {refused[0]}"} == {f"gcp: {DEV}", f"gcp: {PROD}"}


def test_a_home_of_the_cloud_takes_no_landed_file_of_this_machine(tmp_path: Path) -> None:
    ensure_home_profile(tmp_path, "gcp", DEV)
    with pytest.raises(ConfigurationError, match=f"belongs to gcp: {DEV}, and LAKEHOUSE_PROFILE=local"):
        LocalBronzeStore(tmp_path, of_samples=False).prepare()
    assert not (tmp_path / "bronze").exists()


def test_a_home_of_the_cloud_takes_no_run_of_this_machine(project: Project) -> None:
    ensure_home_profile(project.home, "gcp", DEV)
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    before = project.files()
    result = run(project, JANUARY)
    assert result.exit_code == 2
    assert any(
        f"LAKEHOUSE_HOME={project.home}: belongs to gcp: {DEV}, and LAKEHOUSE_PROFILE=local" in line
        for line in result.errors
    )
    assert project.files() == before
