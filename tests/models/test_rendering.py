"""How large what is rendered is: in proportion to what was written. And that it says the same however deep it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect

COLUMNS = {
    "f": "FLOAT64",
    "i": "INT64",
    "m": "NUMERIC(18,2)",
    "s": "STRING",
    "y": "STRING",
    "d": "DATE",
    "t": "DATETIME",
    "b": "BOOL",
}
SCHEMA: dialect.Schema = {"silver": {"readings": COLUMNS}}
ROWS = (
    "(1.5, 1, 2.25, 'Abc', '2024-02-29', DATE '2024-02-29', TIMESTAMP '2024-02-29 10:30:00.5', TRUE)",
    "(0.0, 0, 0.00, '', '', DATE '0999-01-01', TIMESTAMP '0001-01-01 00:00:00', FALSE)",
    "(-2.5, -1, -1.10, 'b', '10', DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999', TRUE)",
    "(1e308, 3, 7.00, 'bAbb', '2024-2-30', DATE '1000-12-30', TIMESTAMP '2024-01-01 00:00:00', NULL)",
    "(0.001, 30, 0.01, 'aß', '+0x1', DATE '2023-12-31', TIMESTAMP '2023-12-31 12:00:00.123456', FALSE)",
    "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
)
FAILS = "an error"

AROUND = (
    ("f", "SAFE_DIVIDE(i, {} + 2.5)"),
    ("f", "SAFE_DIVIDE({}, f)"),
    ("i", "CAST(SAFE_DIVIDE(6, {}) AS INT64)"),
    ("f", "SAFE_DIVIDE(f + 1, {} * 2)"),
    ("f", "i / ({} + 1.5)"),
    ("f", "IF(IS_NAN({}), f, 1.5)"),
    ("i", "GREATEST({}, i, 2)"),
    ("i", "LEAST(i, {})"),
    ("i", "IF(i IN UNNEST([{}, 2, NULL]), 1, i)"),
    ("i", "IF({} IN UNNEST([1, i]), 3, i)"),
    ("s", "UPPER({})"),
    ("s", "LOWER(UPPER({}))"),
    ("s", "SUBSTR({}, -2)"),
    ("s", "SUBSTR({}, i, 2)"),
    ("s", "SUBSTR(s, LENGTH({}) - 1, i)"),
    ("s", "LEFT({}, i)"),
    ("s", "RIGHT(s, LENGTH({}) - i)"),
    ("s", "REPEAT(s, LENGTH({}) - 2)"),
    ("s", "SPLIT(s, {})[SAFE_OFFSET(0)]"),
    ("s", "SPLIT({}, 'b')[OFFSET(0)]"),
    ("s", "SPLIT({}, s)[SAFE_OFFSET(0)]"),
    ("y", "CAST(SAFE_CAST({} AS INT64) AS STRING)"),
    ("y", "CAST(CAST({} AS INT64) AS STRING)"),
    ("y", "CAST(CAST({} AS NUMERIC) AS STRING)"),
    ("y", "CAST(CAST({} AS DATE) AS STRING)"),
    ("y", "IF(SAFE_CAST({} AS FLOAT64) > 1, '1.5', y)"),
    ("y", "IF(TIMESTAMP({}) > TIMESTAMP(t), '2024-02-29 10:00:00+01', y)"),
    ("y", "IF(SAFE_CAST({} AS TIMESTAMP) > TIMESTAMP(t), '2024-02-29 10:00:00+01', y)"),
    ("y", "FORMAT_DATE('%Y-%m-%d', CAST({} AS DATE))"),
    ("b", "CAST(CAST({} AS STRING) AS BOOL)"),
    ("t", "CAST(CAST({} AS STRING) AS DATETIME)"),
    ("d", "CAST(FORMAT_DATE('%Y-%m-%d', {}) AS DATE)"),
    ("d", "DATE(EXTRACT(YEAR FROM {}) + i, 1, 1)"),
    ("t", "DATETIME(EXTRACT(YEAR FROM {}), 1, 1, EXTRACT(HOUR FROM t), 0, i)"),
    ("d", "LAST_DAY({}, QUARTER)"),
    ("d", "LAST_DAY({}, WEEK)"),
    ("d", "DATE_ADD(DATE_TRUNC({}, WEEK), INTERVAL 9 DAY)"),
)
"""A column, and what is written around it again and again."""


def rendered(query: str) -> str:
    parsed = dialect.parse(query, "test", QueryError)
    return dialect.render(dialect.resolve(parsed, SCHEMA, "test", QueryError), "duckdb")


def size(expression: str) -> int:
    """Characters that an expression takes in the local engine."""
    return len(rendered(f"SELECT {expression} AS v FROM silver.readings"))


def nested(around: str, times: int, column: str = "f") -> str:
    expression = column
    for _ in range(times):
        expression = around.format(expression)
    return expression


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table of rows that have numbers."""
    types = {"FLOAT64": "DOUBLE", "INT64": "BIGINT", "NUMERIC(18,2)": "DECIMAL(18, 2)", "STRING": "VARCHAR"}
    types |= {"DATE": "DATE", "DATETIME": "TIMESTAMP", "BOOL": "BOOLEAN"}
    columns = ", ".join(f"{name} {types[type_]}" for name, type_ in COLUMNS.items())
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        opened.execute("CREATE SCHEMA silver")
        opened.execute(f"CREATE TABLE silver.rows (number BIGINT, {columns})")
        for number, row in enumerate(ROWS):
            opened.execute(f"INSERT INTO silver.rows VALUES ({number}, {row[1:]}")
        yield opened


def answers(query: str, connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """What a query of one column gives of each row: a value, or that it fails."""
    sql = rendered(query)
    given: list[Any] = []
    for number in range(len(ROWS)):
        connection.execute(f"CREATE OR REPLACE VIEW silver.readings AS FROM silver.rows WHERE number = {number}")
        try:
            given.append(connection.execute(sql).fetchall())
        except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException):
            given.append(FAILS)
    return given


@pytest.mark.parametrize("around", ["{} + f", "{} * 1.5 - i", "{} / 2.5", "SQRT(ABS({}) + 1.5)"])
def test_what_is_nested_twice_as_deep_is_not_much_more_than_twice_as_long(around: str) -> None:
    assert size(nested(around, 16)) < 3 * size(nested(around, 8))


def require_even_growth(column: str, around: str) -> None:
    """Each level adds as much as the one before: what is checked before it is written many times."""
    sizes = [size(nested(around, times, column)) for times in (2, 3, 4)]
    assert sizes[2] - sizes[1] <= 1.1 * (sizes[1] - sizes[0])


@pytest.mark.parametrize(("column", "around"), AROUND)
def test_each_level_adds_as_much_as_the_one_before(column: str, around: str) -> None:
    require_even_growth(column, around)
    assert size(nested(around, 12, column)) < 3 * size(nested(around, 6, column))


@pytest.mark.parametrize(("column", "around"), AROUND)
def test_twelve_levels_give_what_is_computed_step_by_step(
    column: str, around: str, connection: duckdb.DuckDBPyConnection
) -> None:
    require_even_growth(column, around)
    times = 12
    step = around.replace("{}", "x{}")
    steps = [f"s0 AS (SELECT *, {column} AS x0 FROM silver.readings)"]
    steps += [f"s{n + 1} AS (SELECT *, {step.format(n)} AS x{n + 1} FROM s{n})" for n in range(times)]
    at_once = answers(f"SELECT {nested(around, times, column)} AS v FROM silver.readings", connection)
    assert at_once == answers(f"WITH {', '.join(steps)} SELECT x{times} AS v FROM s{times}", connection)
    assert any(value not in (FAILS, [(None,)]) for value in at_once), "no row has a value"


def test_a_query_of_several_rows_is_no_value_also_where_it_is_named_once(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("CREATE OR REPLACE VIEW silver.readings AS FROM silver.rows")
    for sql in ("ROUND((SELECT f FROM silver.readings), 2)", "UPPER((SELECT s FROM silver.readings))"):
        with pytest.raises(duckdb.InvalidInputException, match="More than one row"):
            connection.execute(rendered(f"SELECT {sql} AS v"))


def test_a_text_of_a_query_is_cast_to_a_timestamp(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE OR REPLACE VIEW silver.readings AS FROM silver.rows")
    sql = rendered("SELECT CAST(SAFE_CAST((SELECT MIN(y) FROM silver.readings WHERE i = 1) AS TIMESTAMP) AS DATE) AS v")
    assert connection.execute(sql).fetchall()[0][0].isoformat() == "2024-02-29"
