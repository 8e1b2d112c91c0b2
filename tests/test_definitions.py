"""The assets as Dagster sees them: keys, edges, groups, kinds, partitions, checks."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.assets.freshness import limits_by_asset
from lakehouse.assets.partitions import monthly
from lakehouse.bronze.source import Freshness
from lakehouse.definitions import build_definitions
from lakehouse.exceptions import ConfigurationError
from lakehouse.models.checks.kinds import FRESH
from lakehouse.models.lineage import column_lineage
from lakehouse.models.reader import load_models
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.profile import open_project
from tests.loading import CONTRACTS
from tests.project import Project

SPECS = {
    # key: group, kinds, upstream, partitioned
    "infrastructure": ("infrastructure", {"local"}, set(), False),
    "users_bronze": ("bronze_layer", {"dlt"}, {"infrastructure"}, False),
    "taxi_bronze": ("bronze_layer", {"dlt", "parquet"}, {"infrastructure"}, True),
    "green_bronze": ("bronze_layer", {"dlt", "parquet"}, {"infrastructure"}, True),
    "fhv_bronze": ("bronze_layer", {"dlt", "parquet"}, {"infrastructure"}, True),
    "zones_bronze": ("bronze_layer", {"dlt", "csv"}, {"infrastructure"}, False),
    "users_silver": ("silver_layer", {"table"}, {"users_bronze"}, False),
    "zones_silver": ("silver_layer", {"table"}, {"zones_bronze"}, False),
    "taxi_silver": ("silver_layer", {"table"}, {"taxi_bronze", "zones_silver"}, True),
    "green_silver": ("silver_layer", {"iceberg"}, {"green_bronze", "zones_silver"}, True),
    "fhv_silver": ("silver_layer", {"table"}, {"fhv_bronze", "zones_silver"}, True),
    "users_gold": ("gold_layer", {"table"}, {"users_silver"}, False),
    "trips_gold": ("gold_layer", {"table"}, {"taxi_silver", "fhv_silver", "zones_silver"}, True),
    "green_gold": ("gold_layer", {"table"}, {"green_silver"}, True),
}
TABLES = {
    "users_silver": "silver.users",
    "zones_silver": "silver.zones",
    "taxi_silver": "silver.yellow_trips",
    "green_silver": "silver.green_trips",
    "fhv_silver": "silver.fhv_trips",
    "users_gold": "gold.user_counts_by_city",
    "trips_gold": "gold.trips_by_pickup_location",
    "green_gold": "gold.green_trips_by_payment_type",
}
DATASETS: dict[str, str | None] = {
    "infrastructure": None,
    **{"users_bronze": "users", "users_silver": "users", "users_gold": "users"},
    **{"zones_bronze": "zones", "zones_silver": "zones"},
    **{"taxi_bronze": "yellow", "taxi_silver": "yellow"},
    **{"green_bronze": "green", "green_silver": "green", "green_gold": "green"},
    **{"fhv_bronze": "fhv", "fhv_silver": "fhv"},
    "trips_gold": None,  # of several
}
DAILY = Freshness(fail=timedelta(days=2), warn=timedelta(hours=26))
EACH_MONTH = Freshness(fail=timedelta(days=78), warn=timedelta(days=47))
LATE = Freshness(fail=timedelta(days=109), warn=timedelta(days=78))
FRESHNESS: dict[str, Freshness | None] = {
    "infrastructure": None,
    **{"users_bronze": DAILY, "users_silver": DAILY, "users_gold": DAILY},
    **{"zones_bronze": None, "zones_silver": None},
    **{"taxi_bronze": EACH_MONTH, "taxi_silver": EACH_MONTH, "trips_gold": EACH_MONTH},
    **{"green_bronze": EACH_MONTH, "green_silver": EACH_MONTH, "green_gold": EACH_MONTH},
    **{"fhv_bronze": LATE, "fhv_silver": LATE},
}
MONTHLY = [key for key, (_, _, _, partitioned) in SPECS.items() if partitioned]
BLOCKING = {
    "users_silver": {"grain", "not_null", "latitude_range", "longitude_range", "volume"},
    "zones_silver": {"grain", "not_null", "volume"},
    "taxi_silver": {"row_ledger", "rejected_share", "total_amount_not_null", "volume"},
    "green_silver": {"row_ledger", "rejected_share", "total_amount_not_null", "volume"},
    "fhv_silver": {"row_ledger", "rejected_share", "volume"},
    "users_gold": {"grain", "every_user_is_counted"},
    "trips_gold": {"grain", "every_trip_is_counted"},
    "green_gold": {"grain", "every_trip_is_counted"},
}
TRIPS_WARN = {"contract_drift", "restatement", "known_codes", "zones_exist", "usual_volume"}
WARNING = {
    "users_silver": {"contract_drift", "restatement"},
    "zones_silver": {"contract_drift", "restatement"},
    "taxi_silver": {*TRIPS_WARN, "trip_miles_range", "duplicated_share"},
    "green_silver": {*TRIPS_WARN, "trip_miles_range", "duplicated_share"},
    "fhv_silver": TRIPS_WARN,
    "users_gold": set(),
    "trips_gold": {"datasets_present"},
    "green_gold": set(),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Project(tmp_path_factory.mktemp("project")).settings())


def spec(definitions: dg.Definitions, key: str) -> dg.AssetSpec:
    return next(spec for spec in definitions.resolve_all_asset_specs() if spec.key == dg.AssetKey(key))


def test_the_assets_are_those_of_the_design(definitions: dg.Definitions) -> None:
    found = {
        spec.key.to_user_string(): (
            spec.group_name,
            spec.kinds,
            {dep.asset_key.to_user_string() for dep in spec.deps},
            spec.partitions_def is not None,
        )
        for spec in definitions.resolve_all_asset_specs()
    }
    assert {key: facts for key, facts in found.items() if key in SPECS} == SPECS


def test_every_asset_has_a_description(definitions: dg.Definitions) -> None:
    assert all(spec.description for spec in definitions.resolve_all_asset_specs())


def test_every_asset_has_an_owner(definitions: dg.Definitions) -> None:
    owners = {spec.key.to_user_string(): list(spec.owners) for spec in definitions.resolve_all_asset_specs()}
    assert all(owners.values())
    assert {key: owners[key] for key in SPECS} == {key: ["team:lakehouse"] for key in SPECS}


def own_tags(definitions: dg.Definitions) -> dict[str, dict[str, str]]:
    """Tags of each asset, without those that Dagster makes of its kinds."""
    return {
        spec.key.to_user_string(): {k: v for k, v in spec.tags.items() if not k.startswith("dagster/kind/")}
        for spec in definitions.resolve_all_asset_specs()
    }


def expected_tags(**more: str) -> dict[str, dict[str, str]]:
    layers = {key: group.removesuffix("_layer") for key, (group, _, _, _) in SPECS.items()}
    return {
        key: {"layer": layer, **({"dataset": dataset} if (dataset := DATASETS[key]) else {}), **more}
        for key, layer in layers.items()
    }


def test_every_asset_is_tagged_with_its_layer_and_its_dataset(definitions: dg.Definitions) -> None:
    assert {key: tags for key, tags in own_tags(definitions).items() if key in SPECS} == expected_tags()


def test_assets_of_samples_say_so(tmp_path: Path) -> None:
    definitions = build_definitions(Project(tmp_path).settings(sample=True))
    tags = own_tags(definitions)
    assert all(each["sample"] == "true" for each in tags.values())
    assert {key: tags[key] for key in SPECS} == expected_tags(sample="true")
    note = "Sample data: generated, no real trips or people.\n\n"
    descriptions = [spec.description or "" for spec in definitions.resolve_all_asset_specs()]
    assert all(text.startswith(note) and len(text) > len(note) for text in descriptions)


def test_assets_of_real_data_do_not_speak_of_samples(definitions: dg.Definitions) -> None:
    assert not any("sample" in (spec.description or "").lower() for spec in definitions.resolve_all_asset_specs())


def test_a_model_names_its_owner_and_more_tags(tmp_path: Path) -> None:
    project = Project(tmp_path, sql=tmp_path / "sql")
    shutil.copytree(PROJECT_ROOT / "sql", project.sql)
    file = project.sql / "gold" / "trips_gold.sql"
    file.write_text(
        file.read_text().replace("\ngrain:", "\nowner: pat@example.com\ntags: {dataset: trips, cost: a.b-c_1}\ngrain:")
    )
    definitions = build_definitions(project.settings())
    assert list(spec(definitions, "trips_gold").owners) == ["pat@example.com"]
    assert own_tags(definitions)["trips_gold"] == {"layer": "gold", "dataset": "trips", "cost": "a.b-c_1"}
    assert list(spec(definitions, "green_gold").owners) == ["team:lakehouse"]


def test_what_comes_regularly_is_stale_when_it_stays_away(definitions: dg.Definitions, tmp_path: Path) -> None:
    project = open_project(Project(tmp_path).settings())
    limits = limits_by_asset(project.sources, project.models)
    assert {key: limits.get(dg.AssetKey(key)) for key in FRESHNESS} == FRESHNESS
    checks = {key: definitions.resolve_assets_def(key).check_specs for key in FRESHNESS}
    late = {key for key, limit in FRESHNESS.items() if limit is not None}
    assert {key for key, specs in checks.items() if FRESH in {spec.name for spec in specs}} == late


def test_months_are_partitions_and_one_month_is_one_run(project: Project) -> None:
    definitions = build_definitions(project.settings())
    for key in MONTHLY:
        asset = definitions.resolve_assets_def(key)
        assert asset.backfill_policy is not None
        assert asset.backfill_policy.max_partitions_per_run == 1
        partitions = spec(definitions, key).partitions_def
        assert partitions is not None
        assert partitions.get_partition_keys()[0] == "2011-01"


def test_the_last_month_is_the_one_before_last(definitions: dg.Definitions) -> None:
    partitions = spec(definitions, "green_silver").partitions_def
    assert partitions is not None
    assert partitions.get_partition_keys(current_time=datetime(2024, 3, 15, tzinfo=UTC))[-1] == "2024-01"


def test_a_last_month_of_one_s_own_ends_the_partitions(project: Project) -> None:
    partitions = monthly(project.settings(first_month=Month(2022, 12), last_month=Month(2023, 3)))
    assert partitions.get_partition_keys() == ["2022-12", "2023-01", "2023-02", "2023-03"]


def test_a_last_month_that_is_not_due_yet_changes_nothing(project: Project) -> None:
    assert monthly(project.settings(last_month=Month(2999, 1))) == monthly(project.settings())


@pytest.mark.parametrize("key", [key for key in SPECS if key not in ("infrastructure", *CONTRACTS)])
def test_every_column_of_a_table_has_a_type_and_a_description(definitions: dg.Definitions, key: str) -> None:
    metadata = spec(definitions, key).metadata
    columns = metadata["dagster/column_schema"].columns
    assert metadata["dagster/table_name"] == TABLES[key]
    assert [column.name for column in columns]
    assert all(column.type and column.description for column in columns)


@pytest.mark.parametrize("key", CONTRACTS)
def test_a_bronze_asset_shows_every_canonical_column_as_its_source_calls_it(
    definitions: dg.Definitions, key: str
) -> None:
    columns = spec(definitions, key).metadata["dagster/column_schema"].columns
    assert [(column.name, column.type, column.description) for column in columns] == [
        (canonical.sources[0], canonical.column.type, canonical.column.description)
        for canonical in CONTRACTS[key].canonical
    ]
    assert all(column.description for column in columns)


def test_every_table_descends_from_a_source_and_from_infrastructure(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    groups = {key: group for key, (group, _, _, _) in SPECS.items()}
    for key, group in groups.items():
        ancestors = {each.to_user_string() for each in graph.get_ancestor_asset_keys(dg.AssetKey(key))}
        above = {groups[ancestor] for ancestor in ancestors}
        assert (
            above
            == {
                "infrastructure": set(),
                "bronze_layer": {"infrastructure"},
                "silver_layer": {"infrastructure", "bronze_layer"} | ({"silver_layer"} & above),
                "gold_layer": {"infrastructure", "bronze_layer", "silver_layer"},
            }[group]
        ), key


@pytest.mark.parametrize("key", TABLES)
def test_every_column_of_a_table_descends_from_one_of_a_source_or_is_made_here(key: str) -> None:
    """``taxi_type`` says which file a trip is from; an FHV trip can be no reversal; a count is of whole rows."""
    models = load_models(PROJECT_ROOT / "sql", CONTRACTS)
    made_here = {
        "fhv_silver": {"taxi_type", "is_reversal"},
        "taxi_silver": {"taxi_type"},
        "green_silver": {"taxi_type"},
        "users_gold": {"user_count"},
    }
    model = models[key]
    lineage = column_lineage(model)
    assert set(lineage) == {column.name for column in model.table.columns}
    assert {name for name, origins in lineage.items() if not origins} == made_here.get(key, set())
    for table, column in {origin for origins in lineage.values() for origin in origins}:
        layer, _, name = table.partition(".")
        assert column in models.schema[layer][name]


@pytest.mark.parametrize("key", TABLES)
def test_the_checks_of_a_table_are_declared_with_who_blocks(definitions: dg.Definitions, key: str) -> None:
    checks = {check.name: check.blocking for check in definitions.resolve_assets_def(key).check_specs}
    assert {name for name, blocking in checks.items() if blocking} == BLOCKING[key]
    implicit = ({"published"} if key in MONTHLY else set()) | ({"fresh"} if FRESHNESS[key] else set())
    assert {name for name, blocking in checks.items() if not blocking} == WARNING[key] | implicit


def test_the_definitions_are_valid_for_dagster(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_a_profile_without_its_settings_says_which(project: Project) -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_PROFILE=gcp: needs the project that BigQuery works in"):
        open_project(project.settings(profile="gcp"))
