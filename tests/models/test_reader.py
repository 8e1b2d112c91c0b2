"""SQL files read into models: what a header may say, what is derived, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from sqlglot import exp, parse_one

from lakehouse.exceptions import ModelError
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS
from lakehouse.models.lineage import column_lineage
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.loading import CONTRACTS

ENGINES: tuple[dialect.Engine, ...] = ("duckdb", "bigquery")
SILVER_HEADER = """
description: Trips
table: silver.t
grain: record
partition: pickup_at
reject:
  missing_pickup_time: pickup_at IS NULL
  pickup_outside_month: pickup_at < @partition_start OR pickup_at >= @partition_end
"""
SILVER_SQL = "SELECT pickup_at, total_amount, copies, bronze_sha256 FROM bronze.green_bronze"
GOLD_HEADER = """
description: Sums
table: gold.s
grain: [month]
partition: month
columns:
  month: {type: DATE, description: First day}
  total: {type: "NUMERIC(18,2)", description: Sum, unit: USD}
"""
GOLD_SQL = """
WITH trips AS (
  SELECT CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month, total_amount
  FROM silver.t
  WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
)
SELECT month, SUM(total_amount) AS total FROM trips GROUP BY month
"""


def write(folder: Path, name: str, header: str, sql: str) -> None:
    path = folder / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"/*{dedent(header)}*/\n{sql}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "silver/t_silver", SILVER_HEADER, SILVER_SQL)
    write(tmp_path, "gold/s_gold", GOLD_HEADER, GOLD_SQL)
    return tmp_path


def load(folder: Path) -> Models:
    return load_models(folder, CONTRACTS)


def test_the_projects_own_models_load_in_order_of_what_they_read() -> None:
    models = load(PROJECT_ROOT / "sql")
    assert set(models.keys()) >= {
        *("zones_silver", "users_silver", "taxi_silver", "green_silver", "fhv_silver"),
        *("users_gold", "trips_gold", "green_gold"),
    }
    made = set(CONTRACTS)
    for model in models:
        assert set(models.upstream_keys(model)) <= made
        made.add(model.key)


def test_dependencies_come_from_the_sql(folder: Path) -> None:
    models = load(folder)
    assert models.upstream_keys(models["t_silver"]) == ("green_bronze",)
    assert models.upstream_keys(models["s_gold"]) == ("t_silver",)


def test_a_relationship_check_adds_the_edge_it_reads(folder: Path) -> None:
    header = "description: Z\ntable: silver.z\ngrain: [id]\ncolumns: {id: {type: INT64, description: Id}}\n"
    write(folder, "silver/z_silver", header, "SELECT 1 AS id")
    check = "checks: [{type: relationship, column: total_amount, to: silver.z.id}]\n"
    write(folder, "silver/t_silver", SILVER_HEADER + check, SILVER_SQL)
    models = load(folder)
    assert models.upstream_keys(models["t_silver"]) == ("green_bronze", "z_silver")


def test_a_column_passed_through_keeps_type_unit_and_meaning(folder: Path) -> None:
    models = load(folder)
    origin = next(c.column for c in CONTRACTS["green_bronze"].canonical if c.column.name == "total_amount")
    assert models["t_silver"].table.column("total_amount") == origin


def test_column_lineage_follows_ctes_and_expressions(folder: Path) -> None:
    models = load(folder)
    assert column_lineage(models["s_gold"]) == {
        "month": {("silver.t", "pickup_at")},
        "total": {("silver.t", "total_amount")},
    }


def test_reject_rules_become_a_null_safe_filter_and_a_table_of_rejects(folder: Path) -> None:
    model = load(folder)["t_silver"]
    sql = dialect.render(model.query, "bigquery")
    assert sql.count("NOT COALESCE(") == 2
    assert model.rejected is not None
    assert model.rejected.name == "silver.t_rejected"
    assert [column.name for column in model.rejected.columns][-4:] == [
        *("bronze_sha256", "unreadable_column", "reject_reason", "month")
    ]
    assert model.reject_reasons == ("unreadable_value", "missing_pickup_time", "pickup_outside_month")


@pytest.mark.parametrize("name", IMPLICIT_CHECKS)
def test_a_check_may_not_be_named_as_one_that_models_have_by_themselves(folder: Path, name: str) -> None:
    check = f"checks: [{{type: not_null, column: total, name: {name}}}]\n"
    write(folder, "gold/s_gold", GOLD_HEADER + check, GOLD_SQL)
    with pytest.raises(ModelError, match=f"gold/s_gold.sql: two checks are named {name}; give one another name"):
        load(folder)


def test_both_dialects_render_the_same_columns(folder: Path) -> None:
    for model in load(folder):
        for engine in ENGINES:
            text = dialect.render(model.query, engine)
            rendered = parse_one(text, read=engine)
            assert isinstance(rendered, exp.Query)
            assert rendered.named_selects == [c.name for c in model.table.columns]


@pytest.mark.parametrize(
    ("header", "sql", "message"),
    [
        ("description: [", GOLD_SQL, "gold/s_gold.sql: the header is not valid YAML"),
        (GOLD_HEADER + "colour: red\n", GOLD_SQL, "gold/s_gold.sql: header, colour: Extra inputs"),
        (GOLD_HEADER.replace("grain: [month]\n", ""), GOLD_SQL, "header, grain: Field required"),
        (GOLD_HEADER.replace("gold.s", "silver.s"), GOLD_SQL, "table silver.s does not belong in sql/gold/"),
        (GOLD_HEADER.replace("gold.s", "silver.t"), GOLD_SQL, "table silver.t does not belong in sql/gold/"),
        (GOLD_HEADER, GOLD_SQL.replace("silver.t", "silver.tt"), "there is no table silver.tt; did you mean silver.t"),
        (GOLD_HEADER, GOLD_SQL.replace("total_amount", "totl_amount"), "there is no column totl_amount"),
        (GOLD_HEADER, GOLD_SQL.replace("SUM(", "SUM(("), "not valid BigQuery SQL"),
        (GOLD_HEADER, GOLD_SQL.replace("AS total ", "AS totals "), "header declares total, which the SELECT does not"),
        (GOLD_HEADER, GOLD_SQL.replace("AS total ", "AS total, 1 AS one "), "column one is new here: declare its type"),
        (GOLD_HEADER, GOLD_SQL.replace("AS total ", "AS total, month AS total "), "two columns have the same name"),
        (GOLD_HEADER.replace('"NUMERIC(18,2)"', "NUMERIC"), GOLD_SQL, "column total has type NUMERIC; use INT64"),
        (
            GOLD_HEADER.replace('"NUMERIC(18,2)"', "STRING"),
            GOLD_SQL,
            "total is declared STRING but the SELECT gives NUM",
        ),
        (GOLD_HEADER.replace("[month]", "[day]"), GOLD_SQL, "grain column day is not one of the SELECT's"),
        (GOLD_HEADER.replace("partition: month", "partition: total"), GOLD_SQL, "partition column total must be DATE"),
        (GOLD_HEADER.replace("partition: month\n", ""), GOLD_SQL, "need a partition column in the header"),
        (GOLD_HEADER, GOLD_SQL.replace("@partition_end", "@until"), "unknown parameter @until"),
        (GOLD_HEADER, GOLD_SQL.replace(" AND pickup_at < @partition_end", ""), "a partitioned model selects its month"),
        (GOLD_HEADER + "checks: [{type: not_null, column: x}]\n", GOLD_SQL, "check x_not_null: x is not one of"),
        (GOLD_HEADER.replace("gold.s", "platinum.s"), GOLD_SQL, "header, table: String should match"),
        (GOLD_HEADER.replace("NUMERIC(18,2)", "NUMERIC(2,5)"), GOLD_SQL, "column total has type NUMERIC(2,5); use"),
        (GOLD_HEADER + "checks: [{type: range, column: total}]\n", GOLD_SQL, "give min or max"),
        (
            GOLD_HEADER + "checks: [{type: accepted_values, column: total, values: [Yes]}]\n",
            GOLD_SQL,
            "True is no NUMERIC(18,2) for total",
        ),
        (GOLD_HEADER + "checks: [{type: rejected_share, max: 0.1}]\n", GOLD_SQL, "there is no table audit.rejected"),
        (
            GOLD_HEADER + "checks: [{type: relationship, column: total, to: silver.t.totl}]\n",
            GOLD_SQL,
            "check total_relationship: there is no column totl",
        ),
        (GOLD_HEADER + "checks: [{type: not_null}]\n", GOLD_SQL, "give column, or columns"),
        (GOLD_HEADER + "checks: [{type: not_null, column: month, columns: [total]}]\n", GOLD_SQL, "give column, or"),
        (
            GOLD_HEADER + "checks: [{type: not_null, columns: [month, x]}]\n",
            GOLD_SQL,
            "check not_null: x is not one of",
        ),
        (GOLD_HEADER + "checks: [{type: maybe, column: x}]\n", GOLD_SQL, "header, checks.0: Input tag 'maybe'"),
        (
            GOLD_HEADER + "checks: [{type: range, column: total, min: 0}, {type: range, column: total, max: 9}]\n",
            GOLD_SQL,
            "two checks are named total_range",
        ),
        (
            GOLD_HEADER + "checks: [{type: relationship, column: month, to: silver.zones.id}]\n",
            GOLD_SQL,
            "there is no table silver.zones",
        ),
        (
            GOLD_HEADER + "owner: somebody\n",
            GOLD_SQL,
            "header, owner: 'somebody' is neither an e-mail address nor team:",
        ),
        (GOLD_HEADER + "owner: 'team:'\n", GOLD_SQL, "header, owner: 'team:' is neither an e-mail address nor team:"),
        (GOLD_HEADER + "tags: {a b: c}\n", GOLD_SQL, "header, tags: 'a b' cannot be a tag's name: "),
        (GOLD_HEADER + "tags: {a: b c}\n", GOLD_SQL, "header, tags: 'b c' cannot be the value of tag a: "),
        (GOLD_HEADER + "tags: {a: 5}\n", GOLD_SQL, "header, tags.a: Input should be a valid string"),
        (GOLD_HEADER + "tags: {layer: tin}\n", GOLD_SQL, "header, tags: layer is set by itself"),
        (GOLD_HEADER + "tags: {sample: 'false'}\n", GOLD_SQL, "header, tags: sample is set by itself"),
        (
            GOLD_HEADER + "tags: {dagster/kind/x: ''}\n",
            GOLD_SQL,
            "header, tags: dagster/kind/x is one of Dagster's own",
        ),
        (
            GOLD_HEADER + "reject: {bad: total_amount < 0}\n",
            GOLD_SQL,
            "reject rules need a plain SELECT from one bronze",
        ),
    ],
)
def test_a_mistake_in_a_model_is_one_line_that_names_file_and_place(
    folder: Path, header: str, sql: str, message: str
) -> None:
    write(folder, "gold/s_gold", header, sql)
    with pytest.raises(ModelError) as error:
        load(folder)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_model_has_the_owner_and_the_tags_of_its_header(folder: Path) -> None:
    write(folder, "gold/s_gold", GOLD_HEADER + "owner: team:money\ntags: {cost: high, own/name: ''}\n", GOLD_SQL)
    models = load(folder)
    assert (models["s_gold"].owner, models["s_gold"].tags) == ("team:money", {"cost": "high", "own/name": ""})
    assert (models["t_silver"].owner, models["t_silver"].tags) == ("team:lakehouse", {})


def test_a_model_comes_from_the_landed_files_that_its_tables_come_from(folder: Path) -> None:
    header = "description: B\ntable: gold.b\ngrain: [month]\npartition: month\n"
    sql = "SELECT s.month, z.zone FROM gold.s AS s CROSS JOIN silver.z AS z WHERE s.month >= @partition_start "
    write(
        folder,
        "silver/z_silver",
        "description: Z\ntable: silver.z\ngrain: record\n",
        "SELECT zone FROM bronze.zones_bronze",
    )
    write(folder, "gold/b_gold", header, sql + "AND s.month < @partition_end")
    models = load(folder)
    assert models.landed_by(models["t_silver"]) == {"green_bronze"}
    assert models.landed_by(models["s_gold"]) == {"green_bronze"}
    assert models.landed_by(models["b_gold"]) == {"green_bronze", "zones_bronze"}


def test_a_file_without_a_header_is_refused(folder: Path) -> None:
    (folder / "gold" / "bare_gold.sql").write_text("SELECT 1 AS a")
    with pytest.raises(ModelError, match=r"gold/bare_gold\.sql: must begin with its header"):
        load(folder)


def test_models_that_read_each_other_are_refused(folder: Path) -> None:
    write(folder, "gold/s_gold", GOLD_HEADER, GOLD_SQL.replace("silver.t", "gold.r"))
    write(folder, "gold/r_gold", GOLD_HEADER.replace("gold.s", "gold.r"), GOLD_SQL.replace("silver.t", "gold.s"))
    with pytest.raises(ModelError, match=r"read each other in a circle: [rs]_gold"):
        load(folder)


def test_two_models_of_one_table_are_refused(folder: Path) -> None:
    write(folder, "gold/s2_gold", GOLD_HEADER, GOLD_SQL)
    with pytest.raises(ModelError, match=r"table gold\.s is already made by gold/s2?_gold\.sql"):
        load(folder)


def test_a_folder_without_models_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="LAKEHOUSE_SQL"):
        load(tmp_path)


def test_a_model_of_a_landed_file_without_months_is_refused(folder: Path) -> None:
    header = "description: T\ntable: silver.t\ngrain: record\n"
    write(folder, "silver/t_silver", header, "SELECT total_amount FROM bronze.green_bronze")
    with pytest.raises(ModelError, match=r"bronze\.green_bronze comes a month at a time: .* has a partition"):
        load(folder)


def test_a_model_with_months_of_what_comes_whole_is_refused(folder: Path) -> None:
    header = "description: T\ntable: silver.t\ngrain: record\npartition: day\n"
    columns = "columns: {day: {type: DATETIME, description: D}}\n"
    write(folder, "silver/t_silver", header + columns, "SELECT DATETIME '2024-01-01' AS day FROM bronze.zones_bronze")
    with pytest.raises(ModelError, match=r"bronze\.zones_bronze comes whole: a model that reads it has no partition"):
        load(folder)


def test_a_model_of_two_landed_files_is_refused(folder: Path) -> None:
    sql = "SELECT z.location_id FROM bronze.zones_bronze AS z CROSS JOIN bronze.users_bronze AS u"
    write(folder, "silver/z_silver", "description: T\ntable: silver.z\ngrain: record\n", sql)
    with pytest.raises(ModelError, match=r"is one landed file: a model that reads it reads nothing else"):
        load(folder)


def test_reject_rules_need_what_the_ledger_counts(folder: Path) -> None:
    write(folder, "silver/t_silver", SILVER_HEADER, SILVER_SQL.replace(", copies", ""))
    with pytest.raises(ModelError, match="selects copies and bronze_sha256, for the ledger"):
        load(folder)


def test_the_ledgers_name_is_taken(folder: Path) -> None:
    write(folder, "silver/t_silver", SILVER_HEADER.replace("silver.t", "silver.row_ledger"), SILVER_SQL)
    write(folder, "gold/s_gold", GOLD_HEADER, GOLD_SQL.replace("silver.t", "silver.row_ledger"))
    with pytest.raises(ModelError, match=r"silver\.row_ledger is taken by the row ledger"):
        load(folder)


@pytest.mark.parametrize("name", ["My Model.sql", "Ümlaut.sql"])
def test_a_model_is_named_as_an_asset_can_be(folder: Path, name: str) -> None:
    (folder / "gold" / name).write_text("/* */ SELECT 1 AS a")
    with pytest.raises(ModelError, match="a model's file is named for its asset"):
        load(folder)


def test_what_an_editor_leaves_behind_is_no_model(folder: Path) -> None:
    (folder / "gold" / ".s_gold.sql").write_text("half a sentence")
    assert load(folder).keys() == ("t_silver", "s_gold")


def test_a_record_is_known_by_what_its_header_says_or_by_its_times_and_clusters_and_a_row_by_its_grain() -> None:
    models = load_models(PROJECT_ROOT / "sql", CONTRACTS)
    trip = ("pickup_at", "dropoff_at", "pickup_location_id", "dropoff_location_id")
    assert models["taxi_silver"].identity == models["green_silver"].identity == ("vendor_id", *trip)
    assert models["zones_silver"].identity == ("location_id",)


@pytest.mark.parametrize(
    ("identity", "grain", "message"),
    [
        ("[nothing]", "record", "identity column nothing is not one of the SELECT's"),
        ("[pickup_at]", "[pickup_at]", "identity is for records: rows with a grain are known by it"),
    ],
)
def test_an_identity_that_says_nothing_is_refused(tmp_path: Path, identity: str, grain: str, message: str) -> None:
    shutil.copytree(PROJECT_ROOT / "sql", tmp_path / "sql")
    file = tmp_path / "sql" / "silver" / "green_silver.sql"
    lines = file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("grain:", "identity:"))]
    kept.insert(kept.index("partition: pickup_at"), f"grain: {grain}\nidentity: {identity}")
    file.write_text("\n".join(kept))
    with pytest.raises(ModelError, match=message):
        load_models(tmp_path / "sql", CONTRACTS)


def test_a_record_without_an_identity_of_its_own_is_known_by_its_times_and_what_it_is_clustered_by(
    tmp_path: Path,
) -> None:
    shutil.copytree(PROJECT_ROOT / "sql", tmp_path / "sql")
    file = tmp_path / "sql" / "silver" / "green_silver.sql"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("identity:")))
    model = load_models(tmp_path / "sql", CONTRACTS)["green_silver"]
    assert model.identity == ("pickup_at", "dropoff_at", "pickup_location_id")
