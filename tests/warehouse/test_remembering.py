"""What a change of a table makes of its metadata is worked out as often as there is another change, and no oftener."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate, update_table_metadata

from lakehouse.partition import Month
from lakehouse.warehouse.local.private_pyiceberg import transaction_of
from lakehouse.warehouse.local.tables import IcebergTables
from tests.green_files import trips
from tests.warehouse.implementations import House, LocalImplementation, house_in

JANUARY = Month(2024, 1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        yield house


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many changes each metadata had that pyiceberg made for a transaction."""
    made: list[int] = []

    def counted(base: TableMetadata, updates: tuple[TableUpdate, ...]) -> TableMetadata:
        made.append(len(updates))
        return update_table_metadata(base, updates)

    monkeypatch.setattr("pyiceberg.table.update_table_metadata", counted)
    return made


def test_publishing_a_month_copies_metadata_once_for_each_change(house: House, made: list[int]) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    tables = house.models["green_silver"].table, house.models["green_silver"].rejected
    assert len(tables) == 2
    assert made
    assert len(made) <= 4 * len(tables)


def test_a_transaction_sees_its_own_changes(house: House, tables: IcebergTables, made: list[int]) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    table = tables.catalog.load_table("silver.green_trips")
    made.clear()
    transaction = transaction_of(table).set_properties({"a": "1"})
    assert transaction.table_metadata.properties["a"] == "1"
    transaction.set_properties({"a": "2", "b": "1"})
    transaction.remove_properties("b")
    for _ in range(9):
        assert transaction.table_metadata.properties["a"] == "2"
        assert "b" not in transaction.table_metadata.properties
    assert len(made) <= 4
    assert "a" not in table.metadata.properties
