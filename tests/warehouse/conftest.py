"""The warehouses that the shared suite runs against."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse.warehouse.local.tables import IcebergTables
from tests import soak
from tests.emulators.emulator import SECOND_PYTHON, Cloud, second_emulators
from tests.shares import Share
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

IMPLEMENTATIONS: dict[str, Callable[[Path, pytest.FixtureRequest], Implementation]] = {
    "duckdb_iceberg": lambda folder, _: LocalImplementation(folder / "home"),
    "in_memory": lambda folder, _: MemoryImplementation(folder / "home"),
    "bigquery": lambda folder, request: CloudImplementation(folder, request.getfixturevalue("cloud")),
    "second_emulator": lambda folder, request: CloudImplementation(folder, request.getfixturevalue("second_cloud")),
}

SHARES: dict[str, tuple[Share, Share]] = {
    "in_memory": (Share(1, values=0), Share(1 / 3, values=0)),
    "bigquery": (Share(1 / 15, values=0), Share(1 / 20, values=0)),
}
"""Of the behaviours of the protocol, and of the rest, those that a store takes in CI: drawn anew each time."""

_ALL_STORES = "LAKEHOUSE_ALL_STORES"
_MOST_GAPS = 0.03


@pytest.fixture(params=IMPLEMENTATIONS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty warehouse of each implementation, over a copy of the project's models."""
    with house_in(tmp_path, IMPLEMENTATIONS[request.param](tmp_path, request)) as house:
        yield house


@pytest.fixture(scope="session")
def second_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Emulators of which BigQuery's is another one; without it tests are skipped, or fail where they must not be."""
    if not SECOND_PYTHON.exists() and os.environ.get("LAKEHOUSE_REQUIRE_SECOND_EMULATOR") != "true":
        pytest.skip("no second emulator of BigQuery: make second-emulator, which needs Python 3.13")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        with second_emulators(tmp_path_factory.mktemp("second-cloud")) as running:
            yield running


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[IcebergTables]:
    """The tables of the local implementation, as another tool would open them."""
    tables = IcebergTables(tmp_path / "home", of_samples=False)
    yield tables
    tables.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a store is not asked.

    - The first emulator of BigQuery is not asked what is marked as a gap of it; the second one just that.
    - The store in memory has the engine of the local one, and the emulators take long: each takes a share of the
      behaviours, drawn, each with one of its values. ``make test-soak`` and ``make test-gcp`` give them all.
    """
    ours = [item for item in items if isinstance(item, pytest.Function) and item.path.parent == HERE]
    for_bigquery = [item for item in ours if "[bigquery" in item.name]
    gaps = [item for item in for_bigquery if any(map(item.get_closest_marker, ("emulator_gap", "not_emulated")))]
    if len(gaps) > _MOST_GAPS * len(for_bigquery) and len(for_bigquery) > 300:
        raise pytest.UsageError(f"{len(gaps)} of {len(for_bigquery)} tests are marked as gaps of the emulator")
    left_out: set[pytest.Item] = {item for item in ours if not _is_asked(item)}
    if not soak.is_long() and os.environ.get(_ALL_STORES) != "true":
        left_out |= _not_drawn([item for item in ours if item not in left_out])
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _is_asked(item: pytest.Function) -> bool:
    differs = item.get_closest_marker("not_in_bigquery") or item.get_closest_marker("not_emulated")
    is_gap = item.get_closest_marker("emulator_gap")
    if "[bigquery" in item.name:
        return not differs and not is_gap
    return "[second_emulator" not in item.name or (not differs and is_gap is not None)


def _not_drawn(items: list[pytest.Function]) -> set[pytest.Item]:
    left_out: set[pytest.Item] = set()
    for store, shares in SHARES.items():
        asked = [item for item in items if f"[{store}" in item.name]
        for share, is_rest in zip(shares, (False, True), strict=True):
            group = [item for item in asked if (item.path.name != PROTOCOL) is is_rest]
            left_out |= set(group) - share.of(f"{store} {'rest' if is_rest else 'protocol'}", group)
    return left_out
