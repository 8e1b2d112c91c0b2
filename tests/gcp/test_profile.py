"""What the settings make of the profile: which tables are to be in a catalog, and where its bucket is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse.settings import load_settings
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.profile import open_project
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests.gcp.keys import write_key


def _store(tmp_path: Path, **given: Any) -> BigQueryStore:
    """Nothing is asked of anybody before it is used."""
    key = write_key(tmp_path, "http://127.0.0.1:9/token")
    settings = load_settings(
        _env_file=None,
        profile="gcp",
        project="my-project",
        bucket="my-bucket",
        credentials=key,
        home=tmp_path / "home",
        **given,
    )
    warehouse = open_project(settings).warehouse
    assert isinstance(warehouse, StoreWarehouse)
    store = warehouse._store
    assert isinstance(store, BigQueryStore)
    return store


def test_without_a_catalog_all_tables_are_native(tmp_path: Path) -> None:
    tables = _store(tmp_path).tables
    assert tables.catalog is None
    assert tables.sql_name("silver.green_trips") == "silver.green_trips"


@pytest.mark.parametrize("prefix", ["", "dev"])
def test_tables_whose_models_ask_for_it_are_in_the_catalog_that_is_set(tmp_path: Path, prefix: str) -> None:
    tables = _store(tmp_path, iceberg_catalog="my-lake", prefix=prefix).tables
    assert tables.catalog is not None
    assert tables.catalog.names == {"silver.green_trips", "silver.green_trips_rejected"}
    assert tables.catalog.bucket.name == "my-lake"
    silver = f"{prefix}_silver" if prefix else "silver"
    assert tables.sql_name("silver.green_trips") == f"my-project.my-lake.{silver}.green_trips"
    assert tables.sql_name("silver.yellow_trips") == f"{silver}.yellow_trips"
    assert tables.api_name("gold.green_trips_by_payment_type").startswith("my-project.")
