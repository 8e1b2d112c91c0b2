"""The tables of a place that are Iceberg tables of its catalog: created, evolved, looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import CommitConflict, ConfigurationError, StorageUnavailable
from lakehouse.gcp.place import Place
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.biglake.answers import no_catalog, told_as_ours
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.iceberg.types import evolve, iceberg_schema, shape_of
from lakehouse.warehouse.store import TableShape

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.storage import Bucket
    from pyiceberg.table import Table

    from lakehouse.warehouse.bigquery.biglake.private_rest import Client

ADDRESS = "https://biglake.googleapis.com/iceberg/v1/restcatalog"
MANAGED_PROPERTY, SAMPLE_PROPERTY = "lakehouse.managed", "lakehouse.sample"
"""Properties of namespaces and tables: ours, and whether rows are generated."""

_ATTEMPTS = 4
_TABLE_PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": "0",  # what was looked at is looked at again before
    "commit.manifest-merge.enabled": "true",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}
T = TypeVar("T")


class CatalogTables:
    """Those called ``names``, as models call them, in a ``catalog`` of a place, with files in its ``bucket``."""

    def __init__(
        self,
        place: Place,
        catalog: str,
        credentials: Credentials,
        bucket: Bucket,
        names: Collection[str],
        *,
        of_samples: bool,
        address: str = ADDRESS,
    ) -> None:
        self.place = place
        self.name = catalog
        self.credentials = credentials
        self.bucket = bucket
        self.names = frozenset(names)
        self.of_samples = of_samples
        self._address = address

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those that its tables are in, each called as the dataset of its layer."""
        return tuple(sorted({self.identifier(name)[0] for name in self.names}))

    def identifier(self, name: str) -> tuple[str, str]:
        """What a table is called in the catalog."""
        layer, _, table = name.partition(".")
        return self.place.dataset(layer), table

    def sql_name(self, name: str) -> str:
        """What BigQuery reads a table by."""
        return ".".join((self.place.project, self.name, *self.identifier(name)))

    @cached_property
    def client(self) -> Client:
        """Pyiceberg's, of this catalog.

        Raises:
            ConfigurationError: there is no such catalog, or it may not be used.
            StorageUnavailable: it cannot be reached.
        """
        from pyiceberg.exceptions import RESTError
        from requests import HTTPError

        from lakehouse.warehouse.bigquery.biglake.private_rest import Client, Tokens

        auth = {"type": "custom", "impl": f"{Tokens.__module__}.{Tokens.__name__}"}
        with told_as_ours(f"catalog {self.name}"):
            try:
                return Client(
                    self.name,
                    self.bucket,
                    uri=self._address,
                    warehouse=f"gs://{self.name}",
                    auth={**auth, "custom": {"credentials": self.credentials}},
                    **{"header.x-goog-user-project": self.place.project, "rest-metrics-reporting-enabled": "false"},
                )
            except RESTError as error:
                answer = error.__cause__.response if isinstance(error.__cause__, HTTPError) else None
                if answer is None or answer.status_code != HTTPStatus.NOT_FOUND:
                    raise
                raise no_catalog(self.name, str(error)) from error

    def table(self, name: str) -> Table | None:
        """A table as it is now, None if there is none.

        Raises:
            ConfigurationError: it is somebody else's, or of samples and ought not to be, or the other way round.
        """
        from pyiceberg.exceptions import NoSuchTableError

        client = self.client
        with told_as_ours(name):
            try:
                found: Table = client.load_table(self.identifier(name))
            except NoSuchTableError:
                return None
        self._require_ours(found, name)
        return found

    def files_under(self, folder: str) -> tuple[str, ...]:
        """Every parquet file whose name begins so."""
        from lakehouse.bronze.gcs.objects import Objects

        objects = Objects(self.bucket, folder.removeprefix(f"gs://{self.bucket.name}/"))
        return tuple(objects.uri(each.name) for each in objects.under("") if each.name.endswith(".parquet"))

    def shape(self, spec: TableSpec) -> TableShape | None:
        """A table's columns and partition, None if there is none."""
        found = self.table(spec.name)
        return None if found is None else shape_of(found)

    def create(self, spec: TableSpec) -> None:
        """Create a table that may be there by now; where its files are is up to the catalog."""
        from pyiceberg.exceptions import TableAlreadyExistsError
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
        from pyiceberg.transforms import MonthTransform

        schema = iceberg_schema(spec)
        partition_spec = UNPARTITIONED_PARTITION_SPEC
        if spec.partition is not None:
            source = schema.find_field(spec.partition).field_id
            partition_spec = PartitionSpec(PartitionField(source, 1000, MonthTransform(), f"{spec.partition}_month"))
        properties = {
            **_TABLE_PROPERTIES,
            MANAGED_PROPERTY: "true",
            SAMPLE_PROPERTY: str(self.of_samples).lower(),
            "comment": f"{SAMPLE_NOTE} {spec.description}" if self.of_samples else spec.description,
            # What an extract writes has names, and no ids of fields.
            "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
        }
        client = self.client
        try:
            with told_as_ours(spec.name), suppress(TableAlreadyExistsError):
                client.create_table(self.identifier(spec.name), schema, None, partition_spec, properties=properties)
        except StorageUnavailable:  # it may have been done all the same
            if self.table(spec.name) is None:
                raise

    def evolve(self, spec: TableSpec) -> None:
        """Bring a table's columns to its spec; makes no snapshot. Safe to race.

        Raises:
            ModelError: it cannot be brought there in place.
            CommitConflict: other writers kept changing the table.
        """

        def once() -> None:
            table = self.table(spec.name)
            if table is None or not (changes := evolution(shape_of(table), spec)):
                return
            transaction = table.transaction()
            with transaction.update_schema() as update:
                evolve(update, changes)
            transaction.commit_transaction()

        self._repeated(spec.name, once)

    def set_aside(self, spec: TableSpec) -> str:
        """Have the catalog forget a table, whose files stay; where its newest metadata are, which know them."""
        from pyiceberg.exceptions import NoSuchTableError

        table = self.table(spec.name)
        if table is None:
            return f"gs://{self.name}"
        with told_as_ours(spec.name), suppress(NoSuchTableError):
            self.client.drop_table(self.identifier(spec.name))
        return table.metadata_location

    def _require_ours(self, table: Table, name: str) -> None:
        if table.properties.get(MANAGED_PROPERTY) != "true":
            raise ConfigurationError(f"{self.sql_name(name)}: is not ours: rename it, or set LAKEHOUSE_PREFIX")
        if table.properties.get(SAMPLE_PROPERTY) != str(self.of_samples).lower():
            kind = "real data" if self.of_samples else "generated samples"
            raise ConfigurationError(f"{self.sql_name(name)}: holds {kind}: set LAKEHOUSE_PREFIX to another one")

    def _repeated(self, what: str, once: Callable[[], T]) -> T:
        from pyiceberg.exceptions import CommitFailedException
        from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        retrying = Retrying(
            retry=retry_if_exception_type(CommitFailedException),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=5),
        )
        try:
            with told_as_ours(what):
                return retrying(once)
        except RetryError as error:
            raise CommitConflict(f"{what}: other writers kept changing it; run it again") from error
