"""The asset ``infrastructure`` in the cloud: what it makes, and what it tells of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from lakehouse.assets.infrastructure import infrastructure_asset
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.gcp.place import LAYERS
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests.bronze.clients import client_of
from tests.loading import CONTRACTS, models_of
from tests.warehouse.bigquery.ground import Ground
from tests.warehouse.cloud import bigquery_client
from tests.warehouse.implementations import LIMITS

MODELS = models_of(PROJECT_ROOT / "sql")
READER = "group:analysts@example.com"


def settings_of(ground: Ground, home: Path) -> Settings:
    return load_settings(
        _env_file=None,
        profile="gcp",
        project=ground.place.project,
        bucket=ground.place.bucket,
        home=home,
        readers=READER,
    )


def materialized(ground: Ground, home: Path) -> dict[str, Any]:
    """What is told of the asset, once it was made as a process of its own would."""
    place = replace(ground.place, readers=(READER,))
    with closing(client_of(ground.storage.address)) as storage:
        bucket = storage.bucket(place.bucket)
        store = BigQueryStore(bigquery_client(ground.bigquery.address, place.project), place, bucket, of_samples=False)
        bronze = GcsBronzeStore(bucket, home, of_samples=False)
        warehouse = StoreWarehouse(store, bronze, MODELS, CONTRACTS, LIMITS)
        with closing(warehouse):
            asset = infrastructure_asset(settings_of(ground, home), MODELS)
            result = dg.materialize([asset], resources={"warehouse": warehouse})
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_it_makes_all_that_is_needed_and_tells_where_that_is(ground: Ground, tmp_path: Path) -> None:
    told = materialized(ground, tmp_path)
    name = ground.place.project
    assert (told["profile"], told["project"], told["location"]) == ("gcp", name, "US")
    assert (told["bucket"], told["readers"]) == (f"gs://{name}/", READER)
    assert told["objects"].startswith(f"https://console.cloud.google.com/storage/browser/{name}")
    assert [line.partition("]")[0] for line in told["datasets"].splitlines()] == [f"- [{each}" for each in LAYERS]
    made = told["created"].split(", ")
    assert {f"bucket gs://{name}", "dataset silver", "table meta.turn", "silver.green_trips"} <= set(made)
    assert told["changed"] == ", ".join(f"dataset {layer}: {READER} may read" for layer in ("silver", "gold"))
    assert told["damaged"] == ""
    assert "home" not in told

    written = len(ground.writes())
    again = materialized(ground, tmp_path)
    assert (again["created"], again["changed"]) == ("", "")
    assert len(ground.writes()) == written


def test_it_says_what_it_is_of(ground: Ground, tmp_path: Path) -> None:
    asset = infrastructure_asset(settings_of(ground, tmp_path), MODELS)
    (spec,) = asset.specs
    assert spec.kinds == {"gcp", "bigquery", "gcs"}
    assert (spec.description or "").startswith("Bucket of Cloud Storage, datasets of BigQuery")
    (local,) = infrastructure_asset(load_settings(_env_file=None), MODELS).specs
    assert local.kinds == {"local"}
    assert (local.description or "").startswith("Folders, Iceberg catalog")
