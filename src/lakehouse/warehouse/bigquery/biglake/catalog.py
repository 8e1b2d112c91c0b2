"""The catalog itself: made and looked at by Google's client, with its bucket, its namespaces, and who may read.

No connection of BigQuery is made: tables by four-part names are read with the rights of whoever asks ("Manage Lakehouse
Iceberg REST catalog tables"), unlike external tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakehouse.bronze.gcs.answers import told_as_ours as told_of_storage
from lakehouse.bronze.gcs.bucket import is_near, prepare_bucket
from lakehouse.bronze.gcs.objects import patient
from lakehouse.exceptions import ConfigurationError
from lakehouse.gcp.place import Place
from lakehouse.results import Groundwork
from lakehouse.warehouse.bigquery.biglake.answers import EXTRA, SETTING, told_as_ours
from lakehouse.warehouse.bigquery.biglake.tables import MANAGED_PROPERTY, SAMPLE_PROPERTY, CatalogTables

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.biglake_v1 import IcebergCatalog, IcebergCatalogServiceClient

_WAIT_SECONDS = 60.0
_READER = "roles/storage.objectViewer"
_POLICY_VERSION = 3


@dataclass(frozen=True)
class BigLake:
    """A place's catalog, and the tables in it; ``service`` makes Google's client of catalogs when one is needed."""

    tables: CatalogTables
    service: Callable[[Credentials], IcebergCatalogServiceClient]

    @property
    def place(self) -> Place:
        return self.tables.place

    @property
    def name(self) -> str:
        return self.tables.name

    def prepare(self) -> Groundwork:
        """Make what is missing of bucket, catalog and namespaces, and let readers read. Safe to repeat and to race.

        Raises:
            ConfigurationError: one is elsewhere, or not ours, or may not be made; or the extra is not installed.
            StorageUnavailable: one cannot be reached.
        """
        own = replace(self.place, bucket=self.name)
        made = prepare_bucket(self.tables.bucket.client, own, setting=SETTING)
        if self.look() is None:
            self._create()
            made += Groundwork(created=(f"catalog {self.name}",))
        return made + self._namespaces() + self._readers()

    def look(self) -> IcebergCatalog | None:
        """The catalog as it is, None if there is none.

        Raises:
            ConfigurationError: it is elsewhere, or of another kind, or may not be looked at.
        """
        from google.api_core.exceptions import NotFound

        with told_as_ours(f"catalog {self.name}"):
            try:
                found = self._service().get_iceberg_catalog(name=self._resource, timeout=_WAIT_SECONDS)
            except NotFound:
                return None
        self._require_ours(found)
        return found

    def _create(self) -> None:
        from google.api_core.exceptions import AlreadyExists
        from google.cloud.biglake_v1 import CreateIcebergCatalogRequest, IcebergCatalog

        wanted = IcebergCatalog(
            catalog_type=IcebergCatalog.CatalogType.CATALOG_TYPE_GCS_BUCKET,
            credential_mode=IcebergCatalog.CredentialMode.CREDENTIAL_MODE_END_USER,
            description="Iceberg tables of the NYC lakehouse",
        )
        request = CreateIcebergCatalogRequest(
            parent=f"projects/{self.place.project}",
            iceberg_catalog_id=self.name,
            iceberg_catalog=wanted,
            # Of a multi-region it must be said: else BigQuery's jobs there do not find it ("Troubleshooting").
            primary_location=self.place.location,
        )
        with told_as_ours(f"catalog {self.name}"):
            try:
                self._service().create_iceberg_catalog(request=request, timeout=_WAIT_SECONDS)
            except AlreadyExists:
                return

    def _require_ours(self, found: IcebergCatalog) -> None:
        from google.cloud.biglake_v1 import IcebergCatalog

        if found.catalog_type != IcebergCatalog.CatalogType.CATALOG_TYPE_GCS_BUCKET:
            raise ConfigurationError(
                f"catalog {self.name}: is of another kind than that of a bucket: set {SETTING} to another name"
            )
        elsewhere = [each for each in found.storage_regions if not is_near(each, self.place.location)]
        if elsewhere:
            raise ConfigurationError(
                f"catalog {self.name}: is in {', '.join(elsewhere)}, for good, which jobs in LAKEHOUSE_LOCATION="
                f"{self.place.location} do not read: set {SETTING} to another name, or LAKEHOUSE_LOCATION to its place"
            )

    def _namespaces(self) -> Groundwork:
        from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchNamespaceError

        client, made = self.tables.client, Groundwork()
        properties = {MANAGED_PROPERTY: "true", SAMPLE_PROPERTY: str(self.tables.of_samples).lower()}
        for name in self.tables.namespaces:
            with told_as_ours(f"namespace {self.name}.{name}"):
                try:
                    there = client.load_namespace_properties(name)
                except NoSuchNamespaceError:
                    try:
                        client.create_namespace(name, properties)
                        made += Groundwork(created=(f"namespace {self.name}.{name}",))
                        there = properties
                    except NamespaceAlreadyExistsError:
                        there = client.load_namespace_properties(name)
            if there.get(SAMPLE_PROPERTY, properties[SAMPLE_PROPERTY]) != properties[SAMPLE_PROPERTY]:
                kind = "real data" if self.tables.of_samples else "generated samples"
                raise ConfigurationError(
                    f"namespace {self.name}.{name}: is for {kind}: set LAKEHOUSE_PREFIX to another one"
                )
        return made

    def _readers(self) -> Groundwork:
        """Let readers read the bucket's objects; what they need of the catalog, a project's admin grants."""
        members = set(self.place.readers)
        if not members:
            return Groundwork()
        bucket, where = self.tables.bucket, f"gs://{self.name}"
        with told_of_storage(where):
            policy = bucket.get_iam_policy(requested_policy_version=_POLICY_VERSION, retry=patient())
            held = {
                member
                for each in policy.bindings
                if each["role"] == _READER and not each.get("condition")
                for member in each["members"]
            }
            if not (added := sorted(members - held)):
                return Groundwork()
            policy.version = _POLICY_VERSION
            policy.bindings.append({"role": _READER, "members": set(added)})
            bucket.set_iam_policy(policy, retry=patient())
        return Groundwork(changed=(f"bucket {where}: {', '.join(f'{each} may read' for each in added)}",))

    @property
    def _resource(self) -> str:
        return f"projects/{self.place.project}/catalogs/{self.name}"

    def _service(self) -> IcebergCatalogServiceClient:
        return self.service(self.tables.credentials)


def catalog_service(credentials: Credentials) -> IcebergCatalogServiceClient:
    """Google's client of catalogs.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        from google.cloud.biglake_v1 import IcebergCatalogServiceClient
    except ImportError:
        raise ConfigurationError(
            f"{SETTING}: google-cloud-biglake, which makes catalogs, is not installed: {EXTRA}"
        ) from None
    return IcebergCatalogServiceClient(credentials=credentials)
