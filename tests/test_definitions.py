"""The assets as Dagster sees them: keys, edges, groups, kinds, partitions, checks."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from lakehouse.definitions import build_definitions
from lakehouse.exceptions import ConfigurationError
from lakehouse.model import Models
from lakehouse.profile import open_warehouse
from tests.project import Project

SPECS = {
    # key: group, kinds, upstream, partitioned
    "infrastructure": ("infrastructure", {"local"}, set(), False),
    "green_bronze": ("bronze_layer", {"dlt", "parquet"}, {"infrastructure"}, True),
    "green_silver": ("silver_layer", {"iceberg"}, {"green_bronze"}, True),
    "green_gold": ("gold_layer", {"table"}, {"green_silver"}, True),
}


@pytest.fixture
def definitions(project: Project) -> dg.Definitions:
    return build_definitions(project.settings())


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
    assert found == SPECS


def test_every_asset_has_a_description(definitions: dg.Definitions) -> None:
    assert all(spec.description for spec in definitions.resolve_all_asset_specs())


def test_months_are_partitions_and_one_month_is_one_run(project: Project) -> None:
    definitions = build_definitions(project.settings())
    for key in ("green_bronze", "green_silver", "green_gold"):
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


def test_every_column_of_every_table_has_a_type_and_a_description(definitions: dg.Definitions) -> None:
    for key in ("green_silver", "green_gold"):
        schema = spec(definitions, key).metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert all(column.type and column.description for column in schema.columns)


def test_the_checks_of_silver_are_declared_with_who_blocks(definitions: dg.Definitions) -> None:
    checks = {check.name: check.blocking for check in definitions.resolve_assets_def("green_silver").check_specs}
    assert {name for name, blocking in checks.items() if blocking} == {
        "row_ledger",
        "rejected_share",
        "total_amount_not_null",
    }
    assert checks["contract_drift"] is False
    assert {check.name for check in definitions.resolve_assets_def("green_gold").check_specs} >= {"grain"}


def test_the_definitions_are_valid_for_dagster(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_a_profile_that_is_not_built_says_so(project: Project) -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_PROFILE=gcp: this profile is not built yet"):
        open_warehouse(project.settings(profile="gcp"), Models((), {}))
