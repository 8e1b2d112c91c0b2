"""The warehouses that the shared suite runs against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse.warehouse.local.tables import IcebergTables
from tests import soak
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import (
    House,
    Implementation,
    LocalImplementation,
    MemoryImplementation,
    house_in,
)

HERE = Path(__file__).parent
PROTOCOL = "test_protocol.py"
SHARE = 1 / 3

SECOND = "second_emulator"
"""Takes what is marked as a gap of the first emulator of BigQuery, and nothing else."""

IMPLEMENTATIONS: dict[str, Callable[[Path, pytest.FixtureRequest], Implementation]] = {
    "duckdb_iceberg": lambda folder, _: LocalImplementation(folder / "home"),
    "in_memory": lambda folder, _: MemoryImplementation(folder / "home"),
    "bigquery": lambda folder, request: CloudImplementation(folder, request.getfixturevalue("cloud")),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty warehouse of each implementation, over a copy of the project's models."""
    with house_in(tmp_path, IMPLEMENTATIONS[request.param](tmp_path, request)) as house:
        yield house


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[IcebergTables]:
    """The tables of the local implementation, as another tool would open them."""
    tables = IcebergTables(tmp_path / "home", of_samples=False)
    yield tables
    tables.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The store in memory takes what the protocol says, and a third of the rest, drawn, each with one of its values.

    It has the engine of the local one, and shares with it all but where rows are kept. ``make test-soak`` gives it all.
    """
    if soak.is_long():
        return
    seen: set[str] = set()
    left_out = []
    for item in items:
        if isinstance(item, pytest.Function) and item.path.parent == HERE and "[in_memory" in item.name:
            behaviour = f"{item.path.name} {item.originalname}"
            is_protocol = item.path.name == PROTOCOL
            if behaviour in seen or not (is_protocol or soak.drawn(f"in memory {behaviour}", 0).random() < SHARE):
                left_out.append(item)
            seen.add(behaviour)
    items[:] = [item for item in items if item not in set(left_out)]
    config.hook.pytest_deselected(items=left_out)
