"""What there is to query, asked of each warehouse as any other tables are."""

from __future__ import annotations

import pytest

from lakehouse.bronze.landing_table import LANDINGS
from lakehouse.column_types import arrow_type
from lakehouse.exceptions import QueryError
from lakehouse.models.model import LEDGER
from tests.warehouse.implementations import House

ZONES = ["location_id", "borough", "zone", "service_zone"]


def shown(house: House, sql: str = "SHOW TABLES") -> list[str]:
    return [f"{row['table_schema']}.{row['table_name']}" for row in house.rows(sql)]


def test_all_that_a_query_can_read_is_shown_though_nothing_was_ever_published(house: House) -> None:
    names = shown(house)
    assert names == sorted({*(spec.name for spec in house.models.specs()), LANDINGS, LEDGER})
    house.warehouse.prepare()
    for name in names:
        assert house.rows(f"SELECT COUNT(*) AS n FROM {name}") == [{"n": 0}]


def test_columns_are_those_that_a_query_returns_in_their_order_and_of_their_types(house: House) -> None:
    house.warehouse.prepare()
    told = house.rows("SELECT * FROM INFORMATION_SCHEMA.COLUMNS ORDER BY table_schema, table_name, ordinal_position")
    for name in shown(house):
        layer, _, table = name.partition(".")
        columns = [row for row in told if (row["table_schema"], row["table_name"]) == (layer, table)]
        returned = house.warehouse.query(f"SELECT * FROM {name}").schema
        assert [(c["column_name"], arrow_type(c["data_type"])) for c in columns] == [(f.name, f.type) for f in returned]
        assert [c["ordinal_position"] for c in columns] == list(range(1, len(columns) + 1))
        assert all(c["description"] for c in columns)


def test_a_table_says_what_it_is_stored_as_and_by_which_column(house: House) -> None:
    (green,) = house.rows("SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE table_name = 'green_trips'")
    assert green == {
        "table_schema": "silver",
        "table_name": "green_trips",
        "table_type": "BASE TABLE",
        "is_queryable": "YES",
        "table_format": "iceberg",
        "partition_column": "pickup_at",
        "description": house.models["green_silver"].table.description,
    }


def test_a_column_says_what_its_model_says_of_it(house: House) -> None:
    (miles,) = house.rows(
        "SELECT * FROM gold.INFORMATION_SCHEMA.COLUMNS "
        "WHERE table_name = 'trips_by_pickup_location' AND column_name = 'pickup_location_id'"
    )
    assert miles == {
        "table_schema": "gold",
        "table_name": "trips_by_pickup_location",
        "column_name": "pickup_location_id",
        "ordinal_position": 2,
        "is_nullable": "YES",
        "data_type": "INT64",
        "is_partitioning_column": "NO",
        "clustering_ordinal_position": 2,
        "unit": None,
        "description": "Taxi zone of the pickup; 264 where none was recorded",
    }


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE silver.zones",
        "DESC silver.zones;",
        "describe zones",
        "DESCRIBE `silver.zones`",
        "DESCRIBE `silver`.`zones`",
        "-- the zones\nDESCRIBE /* of TLC */ silver.zones\n;\n",
    ],
)
def test_a_table_is_described_however_it_is_called(house: House, sql: str) -> None:
    rows = house.rows(sql)
    assert [row["column_name"] for row in rows] == ZONES
    assert rows[0] == {
        "column_name": "location_id",
        "data_type": "INT64",
        "is_nullable": "NO",
        "is_partitioning_column": "NO",
        "unit": None,
        "description": "Number of the taxi zone, 1 to 265",
    }


def test_only_what_keeps_null_out_makes_a_column_not_nullable(house: House) -> None:
    nullable = (
        "SELECT column_name FROM silver.INFORMATION_SCHEMA.COLUMNS WHERE table_name = '{}' AND is_nullable = 'NO'"
    )

    def required(table: str) -> set[str]:
        return {row["column_name"] for row in house.rows(nullable.format(table))}

    assert required("zones") == {"location_id", "borough", "zone"}
    assert "pickup_at" in required("green_trips")  # no row without a month is published
    house.edit("silver/zones_silver.sql", ("type: not_null,", "type: not_null, severity: warn,"))
    assert required("zones") == set()


@pytest.mark.parametrize(
    "view",
    [
        "silver.INFORMATION_SCHEMA.TABLES",
        "silver.information_schema.tables",
        "`silver`.INFORMATION_SCHEMA.TABLES",
        "`silver.INFORMATION_SCHEMA.TABLES`",
        "`a-project`.silver.INFORMATION_SCHEMA.TABLES",
    ],
)
def test_a_layers_views_tell_of_that_layer_alone(house: House, view: str) -> None:
    assert house.rows(f"SELECT DISTINCT table_schema FROM {view}") == [{"table_schema": "silver"}]
    everywhere = house.rows("SELECT DISTINCT table_schema FROM INFORMATION_SCHEMA.TABLES ORDER BY table_schema")
    assert [row["table_schema"] for row in everywhere] == ["bronze", "gold", "silver"]


def test_views_are_joined_aggregated_and_put_beside_tables_as_any_others(house: House) -> None:
    house.publish_zones()
    rows = house.rows(
        """
        WITH columns_of AS (
          SELECT table_schema, table_name, COUNT(*) AS n, COUNTIF(COLUMNS.data_type = 'STRING') AS texts
          FROM INFORMATION_SCHEMA.COLUMNS
          GROUP BY table_schema, table_name
        )
        SELECT t.table_name, c.n, c.texts, (SELECT COUNT(*) FROM silver.zones) AS zones
        FROM silver.INFORMATION_SCHEMA.TABLES AS t
        JOIN columns_of AS c USING (table_schema, table_name)
        WHERE t.table_name LIKE 'zone%'
        """
    )
    assert rows == [{"table_name": "zones", "n": 4, "texts": 3, "zones": 265}]


def test_tables_are_shown_of_one_layer(house: House) -> None:
    assert shown(house, "SHOW TABLES FROM bronze") == [LANDINGS]
    assert shown(house, "show tables in `gold` -- all\n;") == [
        name for name in shown(house) if name.startswith("gold.")
    ]


def test_what_only_models_read_is_described_and_not_shown(house: House) -> None:
    assert "address__city" in [row["column_name"] for row in house.rows("DESCRIBE bronze.users_bronze")]
    (zones,) = house.rows("SELECT * FROM bronze.INFORMATION_SCHEMA.TABLES WHERE table_name = 'zones_bronze'")
    assert (zones["table_type"], zones["table_format"], zones["is_queryable"]) == ("EXTERNAL", "csv", "NO")
    with pytest.raises(QueryError, match=r"query silver\.zones, or DESCRIBE bronze\.zones_bronze"):
        house.rows("SELECT * FROM bronze.zones_bronze")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DESCRIBE silver.grene_trips", r"there is no table silver\.grene_trips; did you mean silver\.green_trips"),
        ("DESCRIBE zonse", r"there is no table zonse; did you mean silver\.zones"),
        ("DESCRIBE", "DESCRIBE silver.zones, a table"),
        ("DESCRIBE SELECT 1", "DESCRIBE silver.zones, a table"),
        ("DESCRIBE silver.zones; SELECT 1 AS x", "DESCRIBE silver.zones, a table"),
        ("SHOW TABLES FROM platinum", "there is no layer platinum; there is bronze, gold, silver"),
        ("SHOW TABLES LIKE 'x'", "there is SHOW TABLES, or SHOW TABLES FROM silver"),
        ("SHOW TABLES; SELECT 1 AS x", "there is SHOW TABLES, or SHOW TABLES FROM silver"),
        ("SELECT 1 AS x FROM INFORMATION_SCHEMA.TABEL", r"no table INFORMATION_SCHEMA\.TABEL; did you mean INFO"),
        ("SELECT 1 AS x FROM platinum.INFORMATION_SCHEMA.TABLES", r"no table platinum\.INFORMATION_SCHEMA\.TABLES"),
        (
            "SELECT tablename FROM INFORMATION_SCHEMA.TABLES",
            r"no column tablename in INFORMATION_SCHEMA\.TABLES; did you mean",
        ),
        ("SELECT nam FROM gold.INFORMATION_SCHEMA.TABLES", r"no column nam in gold\.INFORMATION_SCHEMA\.TABLES"),
        ("SELECT 1 AS x FROM audit.information_schema_tables", "there is no table audit.information_schema_tables"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(house: House, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        house.rows(sql)
