"""What a profile means: which warehouse computes and stores the tables."""

from __future__ import annotations

from lakehouse.bronze.contracts import CONTRACTS
from lakehouse.exceptions import ConfigurationError
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import Settings
from lakehouse.warehouse.local.warehouse import DuckDbIcebergWarehouse


def open_project(settings: Settings) -> tuple[Models, DuckDbIcebergWarehouse]:
    """The project's models, and the warehouse that holds their tables.

    Raises:
        ModelError: a model is wrong.
        ConfigurationError: the profile is not available.
    """
    models = load_models(settings.sql, CONTRACTS)
    return models, open_warehouse(settings, models)


def open_warehouse(settings: Settings, models: Models) -> DuckDbIcebergWarehouse:
    """The profile's warehouse; it touches nothing before it is used.

    Raises:
        ConfigurationError: the profile is not available.
    """
    if settings.profile != "local":
        raise ConfigurationError(
            f"LAKEHOUSE_PROFILE={settings.profile}: this profile is not built yet; use local, the default"
        )
    return DuckDbIcebergWarehouse(
        settings.home,
        models,
        CONTRACTS,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        of_samples=settings.sample,
    )
