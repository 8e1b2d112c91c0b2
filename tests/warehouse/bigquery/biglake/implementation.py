"""The warehouse of the cloud with a catalog: BigQuery and Cloud Storage emulated, BigLake a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from google.auth.credentials import Credentials
from google.cloud.biglake_v1 import IcebergCatalogServiceClient
from google.cloud.biglake_v1.services.iceberg_catalog_service.transports import IcebergCatalogServiceRestTransport
from google.oauth2.credentials import Credentials as Token
from pyiceberg.table import Table

from lakehouse.bronze.contract import Contract
from lakehouse.gcp.place import Place
from lakehouse.warehouse.bigquery.biglake.catalog import BigLake
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.bigquery.store import BigQueryStore
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.loading import CONTRACTS
from tests.warehouse.bigquery.biglake.between import STAND_IN, BetweenBigQuery
from tests.warehouse.bigquery.biglake.rest_stand_in import RestStandIn
from tests.warehouse.cloud import CloudImplementation, bigquery_client

NAMES = ("silver.green_trips", "silver.green_trips_rejected")


@dataclass(frozen=True)
class Running:
    """What another process needs to come to the same place."""

    cloud: Cloud
    place: Place
    rest: str
    """Address of the catalog."""


def token() -> Credentials:
    return Token(token="of-a-test")  # type: ignore[no-untyped-call]  # noqa: S106


def service_at(host: str) -> IcebergCatalogServiceClient:
    """Google's own client of catalogs, of whoever answers there."""
    transport = IcebergCatalogServiceRestTransport(host=host, credentials=token(), url_scheme="http")
    return IcebergCatalogServiceClient(transport=transport)


def big_lake(running: Running) -> BigLake:
    bucket = client_of(running.cloud.storage).bucket(str(running.place.catalog))
    tables = CatalogTables(
        running.place, str(running.place.catalog), token(), bucket, NAMES, of_samples=False, address=running.rest
    )
    host = running.rest.removeprefix("http://").partition("/")[0]
    return BigLake(tables, lambda _: service_at(host))


class CatalogImplementation(CloudImplementation):
    """A project of its own, whose green is in the catalog that is called as its bucket."""

    def __init__(
        self,
        folder: Path,
        cloud: Cloud,
        contracts: Mapping[str, Contract] = CONTRACTS,
        *,
        running: Running | None = None,
        has_extracts: bool = False,
    ) -> None:
        """``running`` is what another process has made, to which this one comes besides."""
        self._stack = ExitStack()
        self._has_extracts = has_extracts
        self._folder = folder
        self._given = running
        super().__init__(
            folder,
            cloud if running is None else running.cloud,
            contracts,
            project=None if running is None else running.place.project,
        )

    def make_store(self) -> BigQueryStore:
        """Where it is the first one, with what stands for BigLake."""
        if self._given is not None:
            self.running, self.place = self._given, self._given.place
            return self.another_store()
        name = f"{self.place.bucket}-lake"
        self._storage.create_bucket(name)
        bucket = self.rest_bucket = self._storage.bucket(name)
        rest = self.rest = self._stack.enter_context(
            RestStandIn(self._folder / "catalog.db", bucket, self.place.project)
        )
        of_emulator = bigquery_client(self._cloud.bigquery, self.place.project)
        between = BetweenBigQuery(self._cloud.bigquery, of_emulator, rest.catalog, bucket, self._cloud.objects)
        between.has_extracts = self._has_extracts
        self.between = self._stack.enter_context(between)
        self.place = replace(self.place, catalog=name)
        self.running = Running(replace(self._cloud, bigquery=between.address), self.place, rest.address)
        store = self.another_store()
        self.client = store.tables.client
        return store

    def another_store(self) -> BigQueryStore:
        client = bigquery_client(self.running.cloud.bigquery, self.running.place.project)
        bucket = self._storage.bucket(self.running.place.bucket)
        return BigQueryStore(client, self.running.place, bucket, of_samples=False, catalog=big_lake(self.running))

    def read(self, table: str) -> pa.Table:
        """All rows of a table of the catalog, as pyiceberg reads them."""
        return self.table(table).scan().to_arrow()

    def table(self, name: str) -> Table:
        """A table of the catalog, as it is now."""
        layer, _, own = name.partition(".")
        return self.rest.catalog.load_table((layer, own))

    def close(self) -> None:
        if self._given is None:
            self.client.delete_dataset(STAND_IN, delete_contents=True, not_found_ok=True)
        super().close()
        self._stack.close()
