"""What a profile means: which engine computes and stores the tables, and where files are landed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lakehouse.bronze.connection import available
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.source import Source
from lakehouse.bronze.sources import SOURCES, contracts_of
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import ConfigurationError
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import Settings
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.query_limits import QueryLimits
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
    contracts = contracts_of(sources)
    left_out = contracts_of(SOURCES).keys() - contracts.keys()
    models = load_models(settings.sql, contracts, left_out)
    bronze = open_bronze(settings, {model.key for model in models})
    return Project(sources, models, bronze, open_warehouse(settings, models, contracts, bronze))


def open_bronze(settings: Settings, readers: Collection[str] | None = None) -> BronzeStore:
    """Where the profile lands files; ``readers`` are the models that there are, None for any.

    Raises:
        ConfigurationError: the profile is not available.
    """
    _require_available(settings)
    return LocalBronzeStore(settings.home, of_samples=settings.sample, readers=readers)


def open_warehouse(
    settings: Settings, models: Models, contracts: Mapping[str, Contract], bronze: BronzeStore
) -> Warehouse:
    """The profile's warehouse, over files that are landed in ``bronze``.

    Raises:
        ConfigurationError: the profile is not available.
    """
    _require_available(settings)
    store = LocalStore(
        settings.home,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        of_samples=settings.sample,
    )
    limits = QueryLimits(settings.query_timeout, int(settings.query_memory_limit))
    return StoreWarehouse(store, bronze, models, contracts, limits)


def _require_available(settings: Settings) -> None:
    if settings.profile != "local":
        raise ConfigurationError(
            f"LAKEHOUSE_PROFILE={settings.profile}: this profile is not built yet; use local, the default"
        )
