"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakehouse.settings import PROJECT_ROOT, point_dlt_at_project
from tests.project import Project


@pytest.fixture(scope="session", autouse=True)
def _dlt_settings() -> None:
    point_dlt_at_project()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project with an empty source folder."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; without it tests are skipped, or fail where they are required."""
    folder = Path(os.environ.get("LAKEHOUSE_REAL_DATA", PROJECT_ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        reason = f"no real data at {folder}; LAKEHOUSE_REAL_DATA names its folder"
        if os.environ.get("LAKEHOUSE_REQUIRE_REAL_DATA") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
