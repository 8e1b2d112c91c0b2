"""How a profile stores a model's table, as Dagster shows it."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.gcp.place import place_of
from lakehouse.schema import TableSpec
from lakehouse.settings import Settings

_AS_A_TABLE = "table"
_NATIVE = "a native table of BigQuery: LAKEHOUSE_ICEBERG_CATALOG names no catalog to write it as Iceberg into"


def storage_kind(settings: Settings, table: TableSpec) -> str:
    """What a table is stored as: the format that its model asks for, or the engine that has but one."""
    return table.format if settings.profile == "local" or _is_in_catalog(settings, table) else "bigquery"


def table_name(settings: Settings, table: TableSpec) -> str:
    """What a table is called where it is stored."""
    if settings.profile == "local":
        return table.name
    layer, _, name = table.name.partition(".")
    place = place_of(settings)
    catalog = [place.catalog] if place.catalog is not None and _is_in_catalog(settings, table) else []
    return ".".join((place.project, *catalog, place.dataset(layer), name))


def storage_facts(settings: Settings, table: TableSpec) -> Mapping[str, str]:
    """What is to be said of a table that is not stored as its model asks."""
    is_as_asked = settings.profile == "local" or table.format == _AS_A_TABLE or _is_in_catalog(settings, table)
    return {} if is_as_asked else {"stored_as": _NATIVE}


def _is_in_catalog(settings: Settings, table: TableSpec) -> bool:
    """Whether it is a table of the catalog that settings name."""
    return settings.profile != "local" and settings.iceberg_catalog is not None and table.format != _AS_A_TABLE
