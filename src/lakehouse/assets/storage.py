"""How a profile stores a model's table, as Dagster shows it."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.gcp.place import place_of
from lakehouse.schema import TableSpec
from lakehouse.settings import Settings

_NATIVE = "a native table of BigQuery: to be written as Iceberg in BigLake is not built yet"


def storage_kind(settings: Settings, table: TableSpec) -> str:
    """What a table is stored as: the format that its model asks for, or the engine that has but one."""
    return table.format if settings.profile == "local" else "bigquery"


def table_name(settings: Settings, table: TableSpec) -> str:
    """What a table is called where it is stored."""
    if settings.profile == "local":
        return table.name
    layer, _, name = table.name.partition(".")
    place = place_of(settings)
    return f"{place.project}.{place.dataset(layer)}.{name}"


def storage_facts(settings: Settings, table: TableSpec) -> Mapping[str, str]:
    """What is to be said of a table that is not stored as its model asks."""
    is_as_asked = settings.profile == "local" or table.format == "table"
    return {} if is_as_asked else {"stored_as": _NATIVE}
