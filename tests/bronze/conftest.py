"""Places of every kind that there is a store for; those in a bucket on the emulator of Cloud Storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import pytest

from lakehouse.bronze.store import BronzeStore
from tests.bronze.clients import client_of
from tests.bronze.places import Disk, InBucket, Place
from tests.emulators.emulator import PYTHON, storage_emulator

if TYPE_CHECKING:
    from google.cloud.storage import Bucket


@pytest.fixture(scope="session")
def cloud_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator of Cloud Storage; without one tests are skipped, in CI they fail."""
    if not PYTHON.exists() and os.environ.get("CI") != "true":
        pytest.skip("no emulator of Cloud Storage: make emulators")
    quiet = {"DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true"}  # else it asks what nobody waits for
    with patch.dict(os.environ, quiet), storage_emulator(tmp_path_factory.mktemp("cloud-storage")) as address:
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


@pytest.fixture
def store(place: Place) -> BronzeStore:
    return place.open()
