"""The warehouses that the shared suite runs against."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse.settings import PROJECT_ROOT
from tests.warehouse.implementations import House, Implementation, LocalImplementation, MemoryImplementation

IMPLEMENTATIONS: dict[str, Callable[[Path], Implementation]] = {
    "duckdb_iceberg": lambda folder: LocalImplementation(folder / "home"),
    "in_memory": lambda folder: MemoryImplementation(folder / "home"),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty warehouse of each implementation, over a copy of the project's models."""
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    implementation = IMPLEMENTATIONS[request.param](tmp_path)
    yield House(implementation, sql)
    implementation.close()
