"""What a profile means: which engine computes and stores the tables, and where files are landed."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.bronze.contracts import CONTRACTS
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import ConfigurationError
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import Settings
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.warehouse import StoreWarehouse


@dataclass(frozen=True)
class Project:
    """A project's models, where its files are landed, and the warehouse that holds its tables."""

    models: Models
    bronze: BronzeStore
    warehouse: Warehouse


def open_project(settings: Settings) -> Project:
    """The project of these settings; it touches no data before it is used.

    Raises:
        ModelError: a model is wrong.
        ConfigurationError: the profile is not available.
    """
    models, bronze = load_models(settings.sql, CONTRACTS), open_bronze(settings)
    return Project(models, bronze, open_warehouse(settings, models, bronze))


def open_bronze(settings: Settings) -> BronzeStore:
    """Where the profile lands files.

    Raises:
        ConfigurationError: the profile is not available.
    """
    _require_available(settings)
    return LocalBronzeStore(settings.home, of_samples=settings.sample)


def open_warehouse(settings: Settings, models: Models, bronze: BronzeStore) -> Warehouse:
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
    return StoreWarehouse(store, bronze, models, CONTRACTS)


def _require_available(settings: Settings) -> None:
    if settings.profile != "local":
        raise ConfigurationError(
            f"LAKEHOUSE_PROFILE={settings.profile}: this profile is not built yet; use local, the default"
        )
