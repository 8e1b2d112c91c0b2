"""What a materialization says of itself: what the UI plots month by month, and what it shows of the rows."""

from __future__ import annotations

import dagster as dg
import pytest

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.cli.outcomes import RunOutcome
from lakehouse.partition import Month
from tests.loading import CONTRACTS
from tests.project import Project

MONTH = Month(2024, 1)
TABLES = {"users_silver", "zones_silver", "taxi_silver", "green_silver", "fhv_silver"} | {
    *("users_gold", "trips_gold", "green_gold")
}
OF_TRIPS = {"taxi_silver", "green_silver", "fhv_silver"}
MONTHLY_BRONZE = {key for key, contract in CONTRACTS.items() if contract.dataset.is_partitioned}
NUMBERS = {
    # metadata that the UI can plot, and who has it
    "dagster/row_count": {*TABLES, *CONTRACTS},
    "dagster/partition_row_count": {*OF_TRIPS, *MONTHLY_BRONZE, "trips_gold", "green_gold"},
    "seconds": {*TABLES, *CONTRACTS},
    "bytes": set(CONTRACTS),
    "bytes_written": TABLES,
    "bronze_rows": OF_TRIPS,
    "duplicate_copies": OF_TRIPS,
    "rejected_rows": OF_TRIPS,
    "rejected_pickup_outside_month": OF_TRIPS,
}


def events(project: Project) -> dict[str, dg.AssetMaterialization]:
    """The newest materialization of each asset."""
    with project.instance() as instance:
        found = {key: instance.get_latest_materialization_event(dg.AssetKey(key)) for key in (*TABLES, *CONTRACTS)}
    return {key: event.asset_materialization for key, event in found.items() if event and event.asset_materialization}


@pytest.fixture(scope="module")
def materializations(whole: tuple[Project, RunOutcome]) -> dict[str, dg.AssetMaterialization]:
    project, _ = whole
    return events(project)


def with_kind(materializations: dict[str, dg.AssetMaterialization], name: str, *kinds: type) -> set[str]:
    """The assets that have this metadata, of these kinds."""
    return {key for key, event in materializations.items() if isinstance(event.metadata.get(name), kinds)}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_can_be_counted_is_a_number_that_the_ui_plots(
    materializations: dict[str, dg.AssetMaterialization], name: str
) -> None:
    assert with_kind(materializations, name, dg.IntMetadataValue, dg.FloatMetadataValue) == NUMBERS[name]


@pytest.mark.parametrize(
    ("name", "kind", "keys"),
    [
        ("dagster/column_schema", dg.TableSchemaMetadataValue, {*TABLES, *CONTRACTS}),
        ("dagster/column_lineage", dg.TableColumnLineageMetadataValue, TABLES),
        ("preview", dg.MarkdownMetadataValue, TABLES),
    ],
)
def test_tables_show_their_columns_where_these_come_from_and_their_first_rows(
    materializations: dict[str, dg.AssetMaterialization], name: str, kind: type, keys: set[str]
) -> None:
    assert with_kind(materializations, name, kind) == keys


def test_rows_of_a_month_are_counted_as_such(materializations: dict[str, dg.AssetMaterialization]) -> None:
    counts = {key: event.metadata.get("dagster/partition_row_count") for key, event in materializations.items()}
    assert {key: value.value for key, value in counts.items() if value} == {
        **{"taxi_bronze": 4, "taxi_silver": 4, "green_bronze": 5, "green_silver": 5, "green_gold": 2},
        **{"fhv_bronze": 3, "fhv_silver": 3, "trips_gold": 7},
    }


def test_landing_takes_time(materializations: dict[str, dg.AssetMaterialization]) -> None:
    for key in CONTRACTS:
        seconds = materializations[key].metadata["seconds"].value
        assert isinstance(seconds, float)
        assert 0 < seconds < 60


def test_what_is_unchanged_at_its_source_says_how_long_asking_took(project: Project) -> None:
    for _ in range(2):
        project.run(MONTH, selection="+key:users_bronze")
    metadata = events(project)["users_bronze"].metadata
    assert metadata["unchanged_at_source"].value is True
    assert isinstance(metadata["seconds"].value, float)


def test_a_month_before_a_dataset_began_is_counted_as_empty(project: Project) -> None:
    project.run(Month(2014, 12), selection="infrastructure,fhv_bronze")
    metadata = events(project)["fhv_bronze"].metadata
    assert (metadata["dagster/row_count"].value, metadata["dagster/partition_row_count"].value) == (0, 0)


def test_previews_of_real_data_are_tables_and_nothing_else(
    materializations: dict[str, dg.AssetMaterialization],
) -> None:
    for key in TABLES:
        preview = materializations[key].metadata["preview"].value
        assert str(preview).startswith("| ")
        assert SAMPLE_NOTE not in str(preview)
