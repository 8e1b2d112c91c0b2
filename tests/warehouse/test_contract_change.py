"""A month of the local warehouse is made anew when the contract of its file changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.models.reader import load_models
from lakehouse.partition import Month
from lakehouse.results import Effect, ReplaceResult
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import green_files
from tests.loading import CONTRACTS
from tests.warehouse.implementations import LIMITS, RUN_ID, House, LocalImplementation, local_store

MONTH = Month(2024, 1)


def with_tips_from(contract: Contract, source: str) -> Contract:
    """A contract that reads tips from another column, everything else the same."""
    changed = [replace(c, sources=(source,)) if c.column.name == "tip_amount" else c for c in contract.canonical]
    return replace(contract, canonical=tuple(changed))


def with_wider_amounts(contract: Contract) -> Contract:
    """A contract whose amounts have more digits."""
    columns = [replace(c.column, type=c.column.type.replace("(18,", "(20,")) for c in contract.canonical]
    assert columns != [c.column for c in contract.canonical]
    canonical = zip(contract.canonical, columns, strict=True)
    return replace(contract, canonical=tuple(replace(c, column=column) for c, column in canonical))


def replaced(home: Path, sql: Path, contract: Contract) -> ReplaceResult:
    """Replace the month as a process would that knows another contract."""
    contracts = {**CONTRACTS, "green_bronze": contract}
    models, bronze = load_models(sql, contracts), LocalBronzeStore(home, of_samples=False)
    warehouse = StoreWarehouse(local_store(home), bronze, models, contracts, LIMITS)
    try:
        return warehouse.replace(models["green_silver"], MONTH, RUN_ID)
    finally:
        warehouse.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    house = House(LocalImplementation(tmp_path), sql)
    yield house
    house.implementation.close()


def test_a_changed_contract_recomputes_a_month_whose_file_and_sql_are_the_same(house: House, tmp_path: Path) -> None:
    house.land(MONTH, green_files.trips(MONTH, 2, tip_amount=1.0, tolls_amount=7.0))
    house.replace("green_silver", MONTH)
    result = replaced(tmp_path, house.sql, with_tips_from(CONTRACTS["green_bronze"], "tolls_amount"))
    assert not result.skipped
    assert str(result.preview.to_pylist()[0]["tip_amount"]) == "7.00"


def test_records_of_a_table_whose_columns_were_widened_are_the_same_records(house: House, tmp_path: Path) -> None:
    reversals = [green_files.trip(MONTH, number, total_amount=-5.25) for number in range(40)]
    house.land(MONTH, [*reversals, *green_files.trips(MONTH, 60)[40:]])
    house.replace("green_silver", MONTH)
    result = replaced(tmp_path, house.sql, with_wider_amounts(CONTRACTS["green_bronze"]))
    assert result.effect is Effect.PUBLISHED
    assert result.restatement is not None
    assert result.restatement.difference is not None
    assert (result.restatement.difference.is_empty, result.restatement.difference.before) == (True, 60)
