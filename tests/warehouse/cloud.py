"""The warehouse of the cloud as the shared test suite sees it: BigQuery and Cloud Storage, both emulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.gcp.place import LAYERS, Place
from lakehouse.models.model import Models
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.store import Store
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.loading import CONTRACTS, models_of
from tests.warehouse.implementations import LIMITS, OnStore

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

    def __init__(
        self,
        folder: Path,
        cloud: Cloud,
        contracts: Mapping[str, Contract] = CONTRACTS,
        project: str | None = None,
        client: Callable[[str, str], Client] = bigquery_client,
    ) -> None:
        """``project`` is one that another process has made, to which this one comes besides."""
        name = f"p{uuid4().hex[:12]}" if project is None else project
        self._cloud = cloud
        self._storage = client_of(cloud.storage)
        self.place = Place(project=name, bucket=name, location="US", prefix="", bytes_cap=20 << 30)
        self.client = client(cloud.bigquery, name)
        bucket = self._storage.bucket(name)
        bronze: BronzeStore = GcsBronzeStore(bucket, folder / "home", of_samples=False)
        super().__init__(bronze, contracts)
        self.store = self.make_store()
        if project is None:
            self.store.prepare()

    def make_store(self) -> BigQueryStore:
        bucket = self._storage.bucket(self.place.bucket)
        return BigQueryStore(self.client, self.place, bucket, of_samples=False)

    def another(self, sql: Path) -> tuple[Warehouse, Models]:
        """A warehouse over the same storage, with a client of its own, as another process has."""
        models = models_of(sql)
        warehouse = StoreWarehouse(self.another_store(), self._bronze, models, self._contracts, LIMITS)
        self._opened.append(warehouse)
        return warehouse, models

    def another_store(self) -> BigQueryStore:
        client = bigquery_client(self._cloud.bigquery, self.place.project)
        return BigQueryStore(client, self.place, self._storage.bucket(self.place.bucket), of_samples=False)

    def exported(self, table: str) -> pa.Table:
        """All rows of a table, by file: a month's take eight seconds through the API."""
        uri = f"gs://{self.place.bucket}/exported/{table}/*.parquet"
        options = f"uri = '{uri}', format = 'PARQUET', overwrite = TRUE"
        self.client.query(f"EXPORT DATA OPTIONS ({options}) AS SELECT * FROM {table}").result()
        return pq.read_table(self._cloud.objects / self.place.bucket / "exported" / table)

    def overwrite(self, landing: Landing, content: bytes) -> bytes:
        name = self._bronze.uri(landing).removeprefix(f"gs://{self.place.bucket}/")
        blob = self._storage.bucket(self.place.bucket).get_blob(name)
        held: bytes = blob.download_as_bytes()
        blob.upload_from_string(content)  # what was noted of it stays
        return held

    def close(self) -> None:
        for layer in LAYERS:
            self.client.delete_dataset(layer, delete_contents=True, not_found_ok=True)
        super().close()
        self._storage.close()

    def _store(self) -> Store:
        return self.store
