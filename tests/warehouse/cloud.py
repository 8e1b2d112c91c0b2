"""The warehouse of the cloud as the shared test suite sees it: BigQuery and Cloud Storage, both emulated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.bronze.store import BronzeStore
from lakehouse.gcp.place import LAYERS, Place
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.store import Store
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.loading import CONTRACTS
from tests.warehouse.implementations import OnStore

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


def bigquery_client(address: str, project: str) -> Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    return Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": address},
        location="US",
    )


class CloudImplementation(OnStore):
    """A project and a bucket of its own; nothing of it is left."""

    def __init__(self, folder: Path, cloud: Cloud, contracts: Mapping[str, Contract] = CONTRACTS) -> None:
        name = f"p{uuid4().hex[:12]}"
        self._storage = client_of(cloud.storage)
        self.place = Place(project=name, bucket=name, location="US", prefix="", bytes_cap=20 << 30)
        self.client = bigquery_client(cloud.bigquery, name)
        bucket = self._storage.bucket(name)
        bronze: BronzeStore = GcsBronzeStore(bucket, folder / "home", of_samples=False)
        self.store = BigQueryStore(self.client, self.place, bucket, of_samples=False)
        self.store.prepare()
        super().__init__(bronze, contracts)

    def close(self) -> None:
        for layer in LAYERS:
            self.client.delete_dataset(layer, delete_contents=True, not_found_ok=True)
        super().close()
        self._storage.close()

    def _store(self) -> Store:
        return self.store
