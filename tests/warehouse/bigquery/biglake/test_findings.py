"""What ``lakehouse doctor`` says of a catalog, and how Dagster shows what is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lakehouse.assets.storage import storage_facts, storage_kind, table_name
from lakehouse.findings.finding import Finding, State
from lakehouse.partition import Month
from lakehouse.settings import load_settings
from lakehouse.warehouse.bigquery.biglake import findings, orphans
from lakehouse.warehouse.bigquery.biglake.findings import catalog_findings
from tests.bronze.between import Answer, Between
from tests.green_files import trips
from tests.warehouse.bigquery.biglake.conftest import Lake
from tests.warehouse.bigquery.biglake.implementation import big_lake
from tests.warehouse.bigquery.biglake.rest_stand_in import FORBIDDEN

JANUARY = Month(2024, 1)


class LooksAlone(Between):
    """Tells of an account that may look, and write nothing: replayed, as no emulator has rights."""

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if "/iam/testPermissions" in path:
            allowed = {"permissions": ["storage.objects.get", "storage.objects.list"]}
            return Answer(200, {"Content-Type": "application/json"}, json.dumps(allowed).encode())
        return super()._forwarded(method, path, headers, body)


def _found(lake: Lake) -> list[Finding]:
    requests = len(lake.at.rest.requests)
    found = list(catalog_findings(big_lake(lake.at.running)))
    assert [each for each in lake.at.rest.requests[requests:] if not each.startswith("GET")] == []
    return found


def test_a_sound_catalog_and_files_of_nothing_are_told(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    house, name = lake.house, f"catalog {lake.at.place.catalog}"
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, trips(JANUARY, 6))
    house.replace("green_silver", JANUARY)
    catalog, files, *_ = _found(lake)
    assert (catalog.what, catalog.state) == (name, State.OK)
    assert catalog.found == "in us; snapshots: silver.green_trips has 2, silver.green_trips_rejected has 0"
    assert (files.what, files.state) == ("catalog, files", State.OK)
    bucket = lake.at.table("silver.green_trips").location()
    left = f"{bucket}/data/2024-01/lakehouse_of_a_run_that_was_ended/"
    blob = lake.at.rest_bucket.blob(f"{left}000.parquet".removeprefix(f"gs://{lake.at.place.catalog}/"))
    blob.upload_from_string(b"1234")
    assert _found(lake)[1].state is State.OK  # a run may be about to commit it
    everything = orphans.orphans
    monkeypatch.setattr(findings, "orphans", lambda tables: everything(tables, timedelta(0)))
    (told,) = [each for each in _found(lake) if each.state is not State.OK]
    assert (told.what, told.state) == ("catalog, files", State.WARNING)
    assert told.found == "1 files (0.0 MiB) of extracts are of no snapshot of silver.green_trips"
    assert told.mend == f"nobody reads them; to delete them say gcloud storage rm --recursive {left}"
    assert blob.exists()


def test_a_catalog_that_may_not_be_looked_at_hides_its_files(lake: Lake) -> None:
    lake.at.rest.refuse("GET /extensions", FORBIDDEN)
    catalog, files, *_ = _found(lake)
    assert (catalog.state, files.state) == (State.FAULT, State.UNSEEN)
    assert catalog.mend is not None
    assert catalog.mend.startswith("grant the account roles/biglake.editor on the project")


def test_a_table_that_is_missing_beside_another_is_told(lake: Lake) -> None:
    lake.house.warehouse.prepare()
    lake.at.rest.catalog.drop_table(("silver", "green_trips_rejected"))
    catalog, *_ = _found(lake)
    assert (catalog.state, catalog.found) == (State.WARNING, "in us; without silver.green_trips_rejected")


def test_a_manifest_that_somebody_removed_is_told(lake: Lake) -> None:
    lake.house.land(JANUARY, trips(JANUARY, 4))
    lake.house.replace("green_silver", JANUARY)
    removed = [each for each in lake.at.rest_bucket.list_blobs() if each.name.endswith(".avro")]
    for each in removed:
        each.delete()
    assert removed
    _, files, *_ = _found(lake)
    assert (files.what, files.state) == ("catalog, files", State.FAULT)
    assert files.found.startswith("silver.green_trips: its manifests cannot be read (FileNotFoundError: gs://")
    assert files.mend == "lakehouse set-aside silver.green_trips, then run its months"


def test_before_anything_is_made_nothing_is_wrong(lake: Lake) -> None:
    lake.at.rest.made = None
    catalog, *_ = _found(lake)
    assert (catalog.state, catalog.found) == (State.OK, "is not made yet; materializing infrastructure makes it")


def test_dagster_shows_green_where_it_is(lake: Lake, tmp_path: Path) -> None:
    specs = {spec.name: spec for spec in lake.house.models.specs()}
    green, yellow = specs["silver.green_trips"], specs["silver.yellow_trips"]
    given = {"profile": "gcp", "project": "my-project", "bucket": "my-bucket", "home": tmp_path, "_env_file": None}
    native, in_catalog = load_settings(**given), load_settings(**given, iceberg_catalog="my-lake")
    assert storage_kind(native, green) == storage_kind(in_catalog, yellow) == "bigquery"
    assert "LAKEHOUSE_ICEBERG_CATALOG names no catalog" in storage_facts(native, green)["stored_as"]
    assert (storage_kind(in_catalog, green), storage_facts(in_catalog, green)) == ("iceberg", {})
    assert table_name(in_catalog, green) == "my-project.my-lake.silver.green_trips"
    assert table_name(in_catalog, yellow) == "my-project.silver.yellow_trips"
    assert table_name(native, green) == "my-project.silver.green_trips"


def test_what_may_be_done_in_the_bucket_of_a_catalog_is_told(lake: Lake) -> None:
    *_, location, rights = _found(lake)
    assert (location.what, location.state) == ("catalog, bucket, location", State.OK)
    assert (rights.what, rights.state) == ("catalog, bucket, rights", State.OK)
    with LooksAlone(lake.at.running.cloud.storage) as storage:
        there = replace(lake.at.running, cloud=replace(lake.at.running.cloud, storage=storage.address))
        *_, rights = catalog_findings(big_lake(there))
    assert (rights.what, rights.state) == ("catalog, bucket, rights", State.FAULT)
    assert rights.found == "the account lacks storage.objects.create, storage.objects.delete"
    assert rights.mend == f"grant it roles/storage.objectUser on gs://{lake.at.place.catalog}"
    lake.at.rest_bucket.delete(force=True)
    *_, bucket = _found(lake)
    assert (bucket.what, bucket.state) == ("catalog, bucket", State.OK)
    assert bucket.found.endswith("is not made yet; materializing infrastructure makes it")
