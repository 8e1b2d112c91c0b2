"""Tables of BigQuery: made, evolved, looked at and removed through its API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.gcp.place import Place
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.bigquery.job_labels import MANAGED
from lakehouse.warehouse.bigquery.jobs import ANSWER_SECONDS, Jobs, patient
from lakehouse.warehouse.bigquery.types import schema_field, shape_of
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.store import TableShape

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import Client, Table

SAMPLE_LABEL = "lakehouse-sample"


class Tables:
    """Those of one house; names are ours (``silver.trips``), whatever the datasets are called there."""

    def __init__(self, client: Client, place: Place, *, of_samples: bool, catalog: CatalogTables | None = None) -> None:
        """``catalog`` has those that are none of BigQuery's own."""
        self.catalog = catalog
        self.client = client
        self.place = place
        self._of_samples = of_samples

    @property
    def labels(self) -> Mapping[str, str]:
        """What all tables are labelled with."""
        return {**MANAGED, **({SAMPLE_LABEL: "true"} if self._of_samples else {})}

    def sql_name(self, name: str) -> str:
        """What a table is called in statements."""
        if (catalog := self.of_catalog(name)) is not None:
            return catalog.sql_name(name)
        layer, _, table = name.partition(".")
        return f"{self.place.dataset(layer)}.{table}"

    def of_catalog(self, name: str) -> CatalogTables | None:
        """The catalog, if a table is in it."""
        return self.catalog if self.catalog is not None and name in self.catalog else None

    def api_name(self, name: str) -> str:
        """What a table is called in the API."""
        layer, _, table = name.partition(".")
        return f"{self.place.project}.{self.place.dataset(layer)}.{table}"

    def table(self, name: str) -> Table | None:
        """A table as it is, None if there is none."""
        from google.api_core.exceptions import NotFound

        with told_as_ours(name):
            try:
                return self.client.get_table(self.api_name(name), retry=patient(), timeout=ANSWER_SECONDS)
            except NotFound as error:
                if "not found: dataset" in str(error).lower():
                    raise
                return None

    def shape(self, spec: TableSpec) -> TableShape | None:
        """A table's columns and partition, None if there is none."""
        if (catalog := self.of_catalog(spec.name)) is not None:
            return catalog.shape(spec)
        found = self.table(spec.name)
        return None if found is None else shape_of(found)

    def some_rows(self, table: str, rows: int) -> pa.Table:
        """Any rows of a table, as many as there are at most; ``table`` is what statements call it."""
        name = f"{self.place.project}.{table.replace('`', '')}"
        with told_as_ours(table):
            found = self.client.list_rows(name, max_results=rows, retry=patient(), timeout=ANSWER_SECONDS)
            return found.to_arrow(create_bqstorage_client=False)

    def names(self, layer: str) -> frozenset[str]:
        """Every table that a layer has."""
        dataset = f"{self.place.project}.{self.place.dataset(layer)}"
        with told_as_ours(f"dataset {self.place.dataset(layer)}"):
            return frozenset(
                f"{layer}.{each.table_id}"
                for each in self.client.list_tables(dataset, retry=patient(), timeout=ANSWER_SECONDS)
            )

    def create(
        self, spec: TableSpec, *, labels: Mapping[str, str] | None = None, lasts: timedelta | None = None
    ) -> None:
        """Create a table that may be there by now; it goes by itself after a time, if one is given."""
        if (catalog := self.of_catalog(spec.name)) is not None:
            catalog.create(spec)
            return
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table, TimePartitioning, TimePartitioningType

        table = Table(self.api_name(spec.name), [schema_field(column) for column in spec.columns])
        table.description = f"{SAMPLE_NOTE} {spec.description}" if self._of_samples else spec.description
        table.labels = {**self.labels, **(labels or {})}
        if spec.partition is not None:
            table.time_partitioning = TimePartitioning(TimePartitioningType.MONTH, spec.partition)
        if spec.cluster:
            table.clustering_fields = list(spec.cluster)
        if lasts is not None:
            table.expires = datetime.now(UTC) + lasts
        with told_as_ours(spec.name), suppress(Conflict):
            self.client.create_table(table, retry=patient(), timeout=ANSWER_SECONDS)

    def evolve(self, spec: TableSpec, jobs: Jobs) -> None:
        """Bring a table's columns to its spec. Safe to race.

        Raises:
            ModelError: it cannot be brought there in place.
        """
        if (catalog := self.of_catalog(spec.name)) is not None:
            catalog.evolve(spec)
            return
        table = self.table(spec.name)
        if table is None:
            return
        changes = evolution(shape_of(table), spec)
        for column in changes.added:
            jobs.rows(f"ALTER TABLE {self.sql_name(spec.name)} ADD COLUMN IF NOT EXISTS `{column.name}` {column.type}")
        for column in changes.widened:
            jobs.rows(
                f"ALTER TABLE {self.sql_name(spec.name)} ALTER COLUMN `{column.name}` SET DATA TYPE {column.type}"
            )
        if changes:
            self._describe(spec)

    def _describe(self, spec: TableSpec) -> None:
        """Give columns their descriptions."""
        table = self.table(spec.name)
        if table is None:
            return
        wanted = {column.name: schema_field(column) for column in spec.columns}
        there = {field.name for field in table.schema}
        added = (field for name, field in wanted.items() if name not in there)
        table.schema = [*(wanted.get(field.name, field) for field in table.schema), *added]
        with told_as_ours(spec.name):
            self.client.update_table(table, ["schema"], retry=patient(), timeout=ANSWER_SECONDS)

    def drop(self, name: str) -> None:
        """Remove a table if there is one."""
        with told_as_ours(name):
            self.client.delete_table(self.api_name(name), not_found_ok=True, retry=patient(), timeout=ANSWER_SECONDS)
