"""Real months by the commands a person types, in processes of their own, held against pandas."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.commands import lakehouse
from tests.project import Project
from tests.real_data import independent
from tests.real_data.published import TRIPS_GOLD, ZONES_PATH, RealMonth, assert_gold, real_project

MONTHS = ("2023-01", "2023-02", "2023-03")
GOLD_BY_MONTH = "SELECT * FROM gold.green_trips_by_payment_type ORDER BY month, payment_type"


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, list[dict[str, str]]]:
    """Gold rows of each month by pandas, as text: the form every output has."""
    return {
        month: [_as_text(row) for row in independent.green_by_payment_type(_trips(real_data, "green", month), month)]
        for month in MONTHS
    }


@pytest.fixture(scope="module")
def ranged(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after ``lakehouse run`` over the three months."""
    project = real_project(tmp_path_factory.mktemp("range"), real_data)
    completed = project.lakehouse("run", "--from", MONTHS[0], "--to", MONTHS[-1], "--select", "+green_gold")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "3 months: 3 made, 0 unchanged, 0 waiting, 0 failed" in completed.stdout
    return project


@pytest.fixture(scope="module")
def everything(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh project after Dagster's own command, outside an activated environment, made all of April 2020."""
    project = real_project(tmp_path_factory.mktemp("everything"), real_data)
    arguments = ("-m", "lakehouse.definitions", "--select", "*", "--partition", "2020-04")
    completed = project.dagster("asset", "materialize", *arguments)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return project


def _printed(project: Project, style: str) -> str:
    """What ``lakehouse query`` prints in a format, in this process."""
    answer = lakehouse(project, "query", GOLD_BY_MONTH, "--format", style)
    assert (answer.exit_code, answer.errors) == (0, ())
    return answer.output


def test_dagster_asset_materialize_takes_a_month_from_file_to_gold(everything: Project, real_data: Path) -> None:
    month = "2020-04"
    expected = independent.green_by_payment_type(_trips(real_data, "green", month), month)

    actual = [_as_text(row) for row in everything.rows(GOLD_BY_MONTH)]

    assert_gold("gold", ("month", "payment_type"), [_as_text(row) for row in expected], actual)


def test_dagster_asset_materialize_of_everything_makes_every_designed_asset_in_one_run(
    everything: Project, real_data: Path
) -> None:
    month = "2020-04"
    yellow, green, fhv = (_trips(real_data, dataset, month) for dataset in ("yellow", "green", "fhv"))
    rows = {
        "infrastructure": None,
        "users_bronze": 10,
        "taxi_bronze": yellow.bronze_rows,
        "green_bronze": green.bronze_rows,
        "fhv_bronze": fhv.bronze_rows,
        "zones_bronze": 265,
        "users_silver": 10,
        "zones_silver": 265,
        "taxi_silver": yellow.silver_rows,
        "fhv_silver": fhv.silver_rows,
        "green_silver": green.silver_rows,
        "users_gold": 10,
        "trips_gold": len(_trips_gold(real_data, month)),
        "green_gold": len(independent.green_by_payment_type(green, month)),
    }

    materialized = _materialized_in_the_only_run(everything)

    assert {key: _row_count(each) for key, each in materialized.items()} == rows


def test_every_materialization_but_that_of_infrastructure_has_a_column_schema(everything: Project) -> None:
    materialized = _materialized_in_the_only_run(everything)

    without = {key for key, each in materialized.items() if "dagster/column_schema" not in each.metadata}

    assert without == {"infrastructure"}


def test_the_lineage_of_every_column_names_columns_that_its_sources_have(everything: Project) -> None:
    materialized = _materialized_in_the_only_run(everything)
    columns: dict[str, set[str]] = {}
    lineages: dict[str, Mapping[str, Sequence[dg.TableColumnDep]]] = {}
    for key, each in materialized.items():
        schema, lineage = (each.metadata.get(f"dagster/column_{kind}") for kind in ("schema", "lineage"))
        if isinstance(schema, dg.TableSchemaMetadataValue):
            columns[key] = {column.name for column in schema.value.columns}
        if isinstance(lineage, dg.TableColumnLineageMetadataValue):
            lineages[key] = lineage.value.deps_by_column
    assert len(lineages) == 8
    for key, by_column in lineages.items():
        assert set(by_column) == columns[key]
        assert any(by_column.values())
        for dep in (dep for deps in by_column.values() for dep in deps):
            upstream = dep.asset_key.to_user_string()
            known = {name.lower() for name in columns[upstream]}
            assert dep.column_name.lower() in known or upstream.endswith("_bronze")  # a file may lack a column
    gold = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineages["trips_gold"]["total_amount"]}
    assert gold == {("taxi_silver", "total_amount")}
    zone = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineages["zones_silver"]["location_id"]}
    assert zone == {("zones_bronze", "LocationID")}


def test_lakehouse_query_prints_the_trips_by_zone_of_pandas(everything: Project, real_data: Path) -> None:
    query = f"SELECT * FROM {TRIPS_GOLD} ORDER BY pickup_location_id, taxi_type"

    completed = everything.lakehouse("query", query, "--format", "json")

    assert completed.returncode == 0, completed.stderr
    expected = [{**row, "month": str(row["month"])} for row in _trips_gold(real_data, "2020-04")]
    actual = json.loads(completed.stdout, parse_float=Decimal)
    assert_gold("trips_gold as printed", ("pickup_location_id", "taxi_type"), expected, actual)


def test_lakehouse_run_makes_one_successful_dagster_run_for_each_month(ranged: Project) -> None:
    with ranged.instance() as instance:
        runs = instance.get_runs()

    assert sorted(run.tags["dagster/partition"] for run in runs) == list(MONTHS)
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


def test_lakehouse_query_prints_the_gold_of_pandas_as_json(
    ranged: Project, golden: Mapping[str, list[dict[str, str]]]
) -> None:
    rows = json.loads(_printed(ranged, "json"), parse_float=Decimal)

    _assert_gold(MONTHS, golden, [_as_text(row) for row in rows])


def test_lakehouse_query_prints_the_gold_of_pandas_as_csv(
    ranged: Project, golden: Mapping[str, list[dict[str, str]]]
) -> None:
    rows = list(csv.DictReader(io.StringIO(_printed(ranged, "csv"))))

    _assert_gold(MONTHS, golden, rows)


def test_lakehouse_query_prints_the_gold_of_pandas_as_a_table(
    ranged: Project, golden: Mapping[str, list[dict[str, str]]]
) -> None:
    header, _, *lines = [line.strip() for line in _printed(ranged, "table").splitlines() if line.strip()]
    count = lines.pop()
    names, *cells = (re.split(r"\s{2,}", line) for line in (header, *lines))
    rows = [
        {name: "" if cell == "-" else cell.replace(",", "") for name, cell in zip(names, row, strict=True)}
        for row in cells
    ]

    assert count == f"{sum(map(len, golden.values()))} rows"
    _assert_gold(MONTHS, golden, rows)


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    """Amounts with two decimals, a missing value empty."""
    return {
        name: "" if value is None else f"{value:.2f}" if isinstance(value, Decimal) else str(value)
        for name, value in row.items()
    }


def _assert_gold(
    months: Sequence[str], golden: Mapping[str, list[dict[str, str]]], actual: Sequence[Mapping[str, str]]
) -> None:
    assert_gold("gold", ("month", "payment_type"), [row for month in months for row in golden[month]], actual)


def _materialized_in_the_only_run(project: Project) -> dict[str, dg.AssetMaterialization]:
    with project.instance() as instance:
        [run] = instance.get_runs()
        records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    assert run.status is dg.DagsterRunStatus.SUCCESS
    found = [
        record.event_log_entry.asset_materialization
        for record in records
        if record.event_log_entry.asset_materialization is not None
    ]
    by_key = {each.asset_key.to_user_string(): each for each in found}
    assert len(by_key) == len(found), "each asset was materialized once"
    return by_key


def _row_count(materialization: dg.AssetMaterialization) -> Any:
    count = materialization.metadata.get("dagster/row_count")
    return None if count is None else count.value


def _trips(real_data: Path, dataset: str, month: str) -> independent.TripMonth:
    return independent.compute(dataset, real_data / "tlc" / RealMonth(dataset, month).path, month)


def _trips_gold(real_data: Path, month: str) -> Sequence[Mapping[str, Any]]:
    yellow, fhv = (_trips(real_data, dataset, month) for dataset in ("yellow", "fhv"))
    return independent.trips_by_pickup_location(yellow, fhv, independent.zones(real_data / "tlc" / ZONES_PATH), month)
