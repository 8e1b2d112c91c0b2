"""A month of the local warehouse is made anew when the contract of its file changes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import green_files
from tests.loading import CONTRACTS, models_of
from tests.warehouse.implementations import RUN_ID, House, LocalImplementation, local_store

MONTH = Month(2024, 1)


def with_tips_from(contract: Contract, source: str) -> Contract:
    """A contract that reads tips from another column, everything else the same."""
    changed = [replace(c, sources=(source,)) if c.column.name == "tip_amount" else c for c in contract.canonical]
    return replace(contract, canonical=tuple(changed))


def test_a_changed_contract_recomputes_a_month_whose_file_and_sql_are_the_same(tmp_path: Path) -> None:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    house = House(LocalImplementation(tmp_path), sql)
    house.land(MONTH, green_files.trips(MONTH, 2, tip_amount=1.0, tolls_amount=7.0))
    house.replace("green_silver", MONTH)
    contracts = {**CONTRACTS, "green_bronze": with_tips_from(CONTRACTS["green_bronze"], "tolls_amount")}
    models = models_of(sql)
    bronze = LocalBronzeStore(tmp_path, of_samples=False)
    warehouse = StoreWarehouse(local_store(tmp_path), bronze, models, contracts)
    try:
        result = warehouse.replace(models["green_silver"], MONTH, RUN_ID)
    finally:
        warehouse.close()
    house.implementation.close()
    assert not result.skipped
    assert str(result.preview.to_pylist()[0]["tip_amount"]) == "7.00"
