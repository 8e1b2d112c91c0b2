"""What a profile means: which engine computes and stores the tables, and where files are landed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from lakehouse.bronze.connection import available
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.gcs.findings import bucket_findings
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.source import Source
from lakehouse.bronze.sources import SOURCES, contracts_of
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import ConfigurationError, ModelError
from lakehouse.findings.finding import Finding, fault, lines_told, ok, unseen
from lakehouse.findings.home import home_findings
from lakehouse.gcp.clients import bigquery_client, storage_address, storage_client
from lakehouse.gcp.credentials import Identity, credentials_of
from lakehouse.gcp.findings import look_at_clock, look_at_credentials, look_at_place
from lakehouse.gcp.place import Place, place_of
from lakehouse.home import ensure_home_profile
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import Settings
from lakehouse.warehouse.bigquery.biglake.catalog import BigLake, catalog_service
from lakehouse.warehouse.bigquery.biglake.findings import catalog_findings
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.bigquery.costs import BigQueryCosts
from lakehouse.warehouse.bigquery.estimates import BigQueryEstimates
from lakehouse.warehouse.bigquery.findings import BigQueryFindings
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.costs import Costs, Estimates
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.query_limits import QueryLimits
from lakehouse.warehouse.store import Store
from lakehouse.warehouse.warehouse import StoreWarehouse


@dataclass(frozen=True)
class Project:
    """A project's sources and models, where files are landed, and the warehouse that holds the tables."""

    sources: tuple[Source, ...]
    models: Models
    bronze: BronzeStore
    warehouse: Warehouse


def open_project(settings: Settings) -> Project:
    """The project of these settings; it touches no data before it is used.

    Raises:
        ModelError: a model is wrong.
        ConfigurationError: the profile is not available.
    """
    sources = available(settings, SOURCES)
    contracts, models = contracts_of(sources), models_of(settings)
    bronze = open_bronze(settings, {model.key for model in models})
    return Project(sources, models, bronze, open_warehouse(settings, models, contracts, bronze))


def models_of(settings: Settings) -> Models:
    """The models of these settings, over the sources that they have.

    Raises:
        ModelError: one is wrong, or there are none.
    """
    contracts = contracts_of(available(settings, SOURCES))
    return load_models(settings.sql, contracts, contracts_of(SOURCES).keys() - contracts.keys())


def open_bronze(settings: Settings, readers: Collection[str] | None = None) -> BronzeStore:
    """Where the profile lands files; ``readers`` are the models that there are, None for any.

    Raises:
        ConfigurationError: settings or credentials are missing, or the home is another profile's.
    """
    if settings.profile == "local":
        _require_home(settings)
        return LocalBronzeStore(settings.home, of_samples=settings.sample, readers=readers)
    place, identity = _cloud(settings)
    bucket = storage_client(place, identity.credentials).bucket(place.bucket)
    return GcsBronzeStore(
        bucket, settings.home, of_samples=settings.sample, prefix=place.objects_prefix, readers=readers
    )


def open_warehouse(
    settings: Settings, models: Models, contracts: Mapping[str, Contract], bronze: BronzeStore
) -> Warehouse:
    """The profile's warehouse, over files that are landed in ``bronze``.

    Raises:
        ConfigurationError: settings or credentials are missing, or the home is another profile's.
    """
    limits = QueryLimits(settings.query_timeout, int(settings.query_memory_limit))
    return StoreWarehouse(_store(settings, models), bronze, models, contracts, limits)


def open_costs(settings: Settings) -> Costs:
    """What the profile's engine has billed.

    Raises:
        ConfigurationError: it bills nothing; or settings or credentials are missing.
    """
    place, identity = _billed(settings)
    return BigQueryCosts(bigquery_client(place, identity.credentials), place)


def open_estimates(settings: Settings) -> Estimates:
    """What the profile's engine would bill.

    Raises:
        ModelError: a model is wrong.
        ConfigurationError: it bills nothing; or settings or credentials are missing.
    """
    place, identity = _billed(settings)
    contracts, models = contracts_of(available(settings, SOURCES)), models_of(settings)
    bronze = open_bronze(settings, {model.key for model in models})
    client = bigquery_client(place, identity.credentials)
    return BigQueryEstimates(_in_cloud(settings, place, identity, models), client, place, models, contracts, bronze)


def _billed(settings: Settings) -> tuple[Place, Identity]:
    if settings.profile == "local":
        raise ConfigurationError(
            "what is computed on this machine is billed by nobody: this command is for LAKEHOUSE_PROFILE=gcp"
        )
    return _cloud(settings)


def _store(settings: Settings, models: Models) -> Store:
    if settings.profile == "local":
        _require_home(settings)
        return LocalStore(
            settings.home,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            of_samples=settings.sample,
        )
    return _in_cloud(settings, *_cloud(settings), models)


def _in_cloud(settings: Settings, place: Place, identity: Identity, models: Models) -> BigQueryStore:
    storage, bigquery = storage_client(place, identity.credentials), bigquery_client(place, identity.credentials)
    catalog = _catalog(settings, place, identity, models)
    return BigQueryStore(bigquery, place, storage.bucket(place.bucket), of_samples=settings.sample, catalog=catalog)


def _catalog(settings: Settings, place: Place, identity: Identity, models: Models) -> BigLake | None:
    """The catalog that settings name, with the tables whose models ask for it."""
    if place.catalog is None:
        return None
    names = {spec.name for spec in models.specs() if spec.format == "iceberg"}
    bucket = storage_client(place, identity.credentials).bucket(place.catalog)
    tables = CatalogTables(place, place.catalog, identity.credentials, bucket, names, of_samples=settings.sample)
    return BigLake(tables, catalog_service)


def _cloud(settings: Settings) -> tuple[Place, Identity]:
    place = place_of(settings)
    _require_home(settings, place.words)
    return place, credentials_of(settings)


def _require_home(settings: Settings, where: str = "") -> None:
    """A home that another profile, or another place, keeps something in is not ours."""
    ensure_home_profile(settings.home, settings.profile, where)


def model_findings(settings: Settings) -> Iterator[Finding]:
    """Whether models can be read: one line, or one for each thing that is wrong."""
    try:
        models = models_of(settings)
    except ModelError as error:
        yield from lines_told("models", error)
        return
    except OSError as error:
        yield fault("models", f"{error.filename} cannot be read ({error.strerror})", "make it readable")
        return
    yield ok("models", f"LAKEHOUSE_SQL={settings.sql} has {sum(1 for _ in models)}, which can be used")


def profile_findings(settings: Settings) -> Iterator[Finding]:
    """What is looked at of where a profile keeps everything, a line each; nothing is changed."""
    if settings.profile == "local":
        yield from home_findings(settings)
        return
    place, of_place = look_at_place(settings)
    yield from of_place
    identity, of_credentials = look_at_credentials(settings)
    yield of_credentials
    yield look_at_clock(storage_address())
    if place is None:
        yield unseen("home", "it is not known to which place it should belong")
    else:
        yield from home_findings(settings, place.words)
    if place is None or identity is None:
        yield unseen("BigQuery, Cloud Storage", f"there {'is no place' if place is None else 'are no credentials'}")
        return
    if place.catalog is not None:
        yield from _catalog_findings(settings, place, identity)
    with closing(bigquery_client(place, identity.credentials)) as client:
        yield from BigQueryFindings(client, place, of_samples=settings.sample).all()
    with closing(storage_client(place, identity.credentials)) as storage:
        yield from bucket_findings(storage, place, of_samples=settings.sample)


def _catalog_findings(settings: Settings, place: Place, identity: Identity) -> Iterator[Finding]:
    try:
        models = models_of(settings)
    except (ModelError, OSError):
        yield unseen(f"catalog {place.catalog}", "models cannot be used, which say what tables are to be in it")
        return
    lake = _catalog(settings, place, identity, models)
    if lake is not None:
        yield from catalog_findings(lake)
