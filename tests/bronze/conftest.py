"""Places of every kind that there is a store for; those in a bucket on the emulator of Cloud Storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from lakehouse.bronze.store import BronzeStore
from tests.bronze.clients import client_of
from tests.bronze.places import Disk, InBucket, Place
from tests.bronze.table_house import House
from tests.changing_tables import Database, PostgresDatabase, SqliteDatabase, connection_to
from tests.emulators.emulator import PYTHON, storage_emulator

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

_REQUIRED = "LAKEHOUSE_REQUIRE_EMULATORS"


@pytest.fixture(scope="session")
def cloud_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator of Cloud Storage; without one tests are skipped, or fail where they must not be."""
    if not PYTHON.exists() and os.environ.get(_REQUIRED) != "true":
        pytest.skip(f"no emulator of Cloud Storage (make emulators), and {_REQUIRED} is not true")
    with pytest.MonkeyPatch.context() as environment:
        # Else the client asks, beside, what nobody waits for.
        environment.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        with storage_emulator(tmp_path_factory.mktemp("cloud-storage")) as address:
            yield address


@pytest.fixture
def bucket(cloud_storage: str) -> Iterator[Bucket]:
    """A new one."""
    client = client_of(cloud_storage)
    yield client.create_bucket(f"bucket-{uuid4().hex}")
    client.close()


@pytest.fixture(params=["local", "gcs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return Disk(tmp_path)
    return InBucket(request.getfixturevalue("bucket"), tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "oltp.db")
    return PostgresDatabase(request.getfixturevalue("postgres"))


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    """Of a changing table."""
    return House(database, Disk(tmp_path / "home").open(), connection_to(database))


@pytest.fixture
def store(place: Place) -> BronzeStore:
    return place.open()
