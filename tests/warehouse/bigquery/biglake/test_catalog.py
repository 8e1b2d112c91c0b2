"""The catalog is made once, with bucket and namespaces, by Google's own messages; a refusal is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from lakehouse.exceptions import ConfigurationError, LakehouseError, StorageUnavailable
from lakehouse.gcp.place import Place
from lakehouse.warehouse.bigquery.biglake import private_rest
from lakehouse.warehouse.bigquery.biglake.catalog import BigLake, catalog_service
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.biglake.implementation import Running, big_lake, token
from tests.warehouse.bigquery.biglake.rest_stand_in import FORBIDDEN, SWITCHED_OFF, UNAVAILABLE, Refusal, RestStandIn

READER = "user:ann@example.com"


class Ground:
    """A project without anything, and a catalog's stand-in of which no catalog is made."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.buckets = client_of(cloud.storage)
        name = f"p{uuid4().hex[:12]}"
        self.rest = RestStandIn(folder / "catalog.db", self.buckets.bucket(f"{name}-lake"), name)
        place = Place(name, name, "US", "", 20 << 30, (READER,), f"{name}-lake")
        self.running = Running(cloud, place, self.rest.address)

    def lake(self) -> BigLake:
        """As a process of its own has it."""
        return big_lake(self.running)


@pytest.fixture
def ground(tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setattr(private_rest, "_PAUSE_SECONDS", 0.01)
    ground = Ground(tmp_path, cloud)
    with ground.rest:
        yield ground
    ground.buckets.close()


def test_bucket_catalog_namespace_and_grant_are_made_and_reported_once(ground: Ground) -> None:
    name = ground.running.place.catalog
    made = ground.lake().prepare()
    assert made.created == (f"bucket gs://{name}", f"catalog {name}", f"namespace {name}.silver")
    assert made.changed == (f"bucket gs://{name}: {READER} may read",)
    assert ground.rest.made is not None
    assert ground.rest.made["catalogType"] == 1  # CATALOG_TYPE_GCS_BUCKET
    assert ground.rest.primary_location == "US"
    again = ground.lake().prepare()
    assert (again.created, again.changed) == ((), ())
    policy = ground.buckets.bucket(name).get_iam_policy(requested_policy_version=3)
    (binding,) = (each for each in policy.bindings if each["role"] == "roles/storage.objectViewer")
    assert set(binding["members"]) == {READER}


def test_environments_have_namespaces_of_their_own(ground: Ground) -> None:
    ground.lake().prepare()
    ground.running = replace(ground.running, place=replace(ground.running.place, prefix="dev"))
    made = ground.lake().prepare()
    assert made.created == (f"namespace {ground.running.place.catalog}.dev_silver",)
    name = ground.lake().tables.sql_name("silver.green_trips")
    place = ground.running.place
    assert name == f"{place.project}.{place.catalog}.dev_silver.green_trips"


def test_a_namespace_of_samples_is_refused_where_real_data_are_to_be(ground: Ground) -> None:
    ground.lake().prepare()
    lake = ground.lake()
    lake.tables.of_samples = True
    assert "is for real data: set LAKEHOUSE_PREFIX to another one" in _told(lake.prepare, ConfigurationError)


@pytest.mark.parametrize(
    ("what", "refusal", "kind", "words"),
    [
        ("GET /extensions", FORBIDDEN, ConfigurationError, "roles/biglake.admin to make catalog"),
        ("POST /extensions", FORBIDDEN, ConfigurationError, "roles/biglake.admin to make catalog"),
        ("GET /extensions", SWITCHED_OFF, ConfigurationError, "say gcloud services enable biglake.googleapis.com"),
        ("GET /v1/config", SWITCHED_OFF, ConfigurationError, "say gcloud services enable biglake.googleapis.com"),
        ("GET /v1/config", FORBIDDEN, ConfigurationError, "grant the account roles/biglake.editor on the project"),
        ("GET /v1/config", UNAVAILABLE, StorageUnavailable, "run it again later"),
        (
            "GET /v1/config",
            Refusal(404, "Catalog not found"),
            ConfigurationError,
            "or correct LAKEHOUSE_ICEBERG_CATALOG",
        ),
        ("GET /v1/config", Refusal(401, "Invalid Credentials"), ConfigurationError, "gcloud auth application-default"),
        ("POST /v1/projects", FORBIDDEN, ConfigurationError, "grant the account roles/biglake.editor on the project"),
        (
            "POST /extensions",
            Refusal(400, "Location is not supported"),
            ConfigurationError,
            "Location is not supported",
        ),
    ],
)
def test_what_is_refused_is_one_line_that_says_what_to_do(
    ground: Ground, what: str, refusal: Refusal, kind: type[LakehouseError], words: str
) -> None:
    ground.rest.refuse(what, refusal)
    assert words in _told(ground.lake().prepare, kind)


def test_without_a_catalog_it_says_who_makes_it(ground: Ground) -> None:
    told = _told(lambda: ground.lake().tables.table("silver.green_trips"), ConfigurationError)
    assert "there is none" in told
    assert "materialize infrastructure, which makes it, or correct LAKEHOUSE_ICEBERG_CATALOG" in told


def test_a_catalog_elsewhere_is_refused(ground: Ground) -> None:
    ground.lake().prepare()
    ground.rest.made = {**(ground.rest.made or {}), "storageRegions": ["europe-west4"]}
    told = _told(ground.lake().prepare, ConfigurationError)
    assert "is in europe-west4, for good, which jobs in LAKEHOUSE_LOCATION=US do not read" in told


def test_a_catalog_of_another_kind_is_refused(ground: Ground) -> None:
    ground.lake().prepare()
    ground.rest.made = {**(ground.rest.made or {}), "catalogType": "CATALOG_TYPE_BIGLAKE"}
    assert "is of another kind than that of a bucket" in _told(ground.lake().prepare, ConfigurationError)


def test_a_catalog_that_cannot_be_reached(ground: Ground) -> None:
    ground.lake().prepare()
    ground.running = replace(ground.running, rest="http://127.0.0.1:9/iceberg")
    told = _told(lambda: ground.lake().tables.table("silver.green_trips"), StorageUnavailable)
    assert "BigLake cannot be reached" in told


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.biglake_v1", None)
    told = _told(lambda: catalog_service(token()), ConfigurationError)
    assert "google-cloud-biglake, which makes catalogs, is not installed: install the extra [gcp]: make setup" in told


def _told(does: Callable[[], object], kind: type[LakehouseError]) -> str:
    with pytest.raises(LakehouseError) as raised:
        does()
    assert type(raised.value) is kind, raised.value
    line = str(raised.value)
    assert "\n" not in line
    assert "http" not in line
    assert "Traceback" not in line
    assert len(line) < 600
    return line
