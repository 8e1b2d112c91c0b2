"""The project's SQL resolved and rendered: what BigQuery means must be what DuckDB does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.schema import Column
from tests.models.refused import FOREIGN, MISPLACED, TOO_EARLY

SCHEMA: dialect.Schema = {
    "silver": {"trips": {"pickup_at": "DATETIME", "kind": "INT64", "amount": "NUMERIC(18,2)"}},
    "gold": {"sums": {"month": "DATE", "total_amount": "NUMERIC(18,2)"}},
}


def resolved(sql: str) -> exp.Query:
    return dialect.resolve(dialect.parse(sql, "query", QueryError), SCHEMA, "query", QueryError)


def run_in_duckdb(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver")
        connection.execute(
            "CREATE TABLE silver.trips AS SELECT * FROM (VALUES"
            " (TIMESTAMP '2024-01-31 23:59:00', 1, 1.10::DECIMAL(18,2)),"
            " (TIMESTAMP '2024-02-01 00:00:00', 2, 2.20::DECIMAL(18,2))) AS t(pickup_at, kind, amount)"
        )
        return connection.execute(dialect.render(resolved(sql), "duckdb")).fetchall()


def test_grouping_by_an_alias_that_shadows_a_column_groups_by_the_alias() -> None:
    rows = run_in_duckdb("SELECT kind * 0 AS kind, COUNT(*) AS n FROM silver.trips GROUP BY kind")
    assert rows == [(0, 2)]


def test_bare_numeric_keeps_nine_decimals_in_duckdb() -> None:
    ((value,),) = run_in_duckdb("SELECT CAST('0.123456789' AS NUMERIC) AS n")
    assert str(value) == "0.123456789"


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("CAST(a AS NUMERIC(18,2))", "ROUND(CAST(a AS NUMERIC), 2)"),
        (
            "CAST(CAST(a AS NUMERIC(18,2)) + 1 AS NUMERIC(9,1))",
            "ROUND(CAST(ROUND(CAST(a AS NUMERIC), 2) + 1 AS NUMERIC), 1)",
        ),
        ("SAFE_CAST(a AS NUMERIC(9))", "ROUND(SAFE_CAST(a AS NUMERIC), 0)"),
        ("CAST(a AS NUMERIC)", "CAST(a AS NUMERIC)"),
        ("CAST(NULL AS NUMERIC(18,2))", "CAST(NULL AS NUMERIC)"),
    ],
)
def test_a_cast_to_so_many_decimals_rounds_in_bigquery_whose_casts_take_no_number_of_them(
    written: str, rendered: str
) -> None:
    query = dialect.parse(f"SELECT {written} AS n FROM t", "query", QueryError)
    assert dialect.render(query, "bigquery") == f"SELECT {rendered} AS n FROM t"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAST(kind AS NUMERIC(4,2))", "CAST(kind AS NUMERIC(18,2))"),
        ("SAFE_CAST(kind AS NUMERIC(4,2))", "CAST(kind AS NUMERIC(4,2))"),
        ("STRING_AGG('x', ',' ORDER BY kind)", "STRING_AGG('x', ',' ORDER BY kind NULLS LAST)"),
        ("kind + 1", "kind - 1"),
    ],
)
def test_queries_that_differ_are_told_apart(one: str, other: str) -> None:
    texts = {dialect.told_apart(resolved(f"SELECT {value} AS a FROM silver.trips")) for value in (one, other)}
    assert len(texts) == 2


def test_how_a_query_is_laid_out_tells_nothing_apart() -> None:
    layouts = ("SELECT kind AS a FROM silver.trips", "select\n  kind as a -- said\nfrom silver.trips")
    assert len({dialect.told_apart(resolved(sql)) for sql in layouts}) == 1


def test_nan_is_found_in_a_file_whose_statistics_leave_it_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [*map(float, range(9)), float("nan")]}), tmp_path / "t.parquet")
    query = dialect.parse("SELECT COUNTIF(IS_NAN(x)) AS nans, COUNTIF(IS_INF(x)) AS infinite FROM t", "q", QueryError)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet('{tmp_path / 't.parquet'}')")
        assert connection.execute(dialect.render(query, "duckdb")).fetchall() == [(1, 0)]


def test_references_are_tables_not_ctes() -> None:
    query = dialect.parse(
        "WITH trips AS (SELECT 1 AS a FROM silver.trips) SELECT a FROM trips JOIN gold.sums ON TRUE", "q", QueryError
    )
    assert dialect.references(query) == ("gold.sums", "silver.trips")


def test_output_types_are_bigquerys() -> None:
    query = resolved(
        "SELECT pickup_at, SUM(amount) AS s, COUNT(*) AS n, DATE(pickup_at) AS d FROM silver.trips GROUP BY ALL"
    )
    assert dialect.output_types(query) == {"pickup_at": "DATETIME", "s": "NUMERIC(18,2)", "n": "INT64", "d": "DATE"}


def test_a_star_is_expanded() -> None:
    assert list(dialect.output_types(resolved("SELECT * FROM gold.sums"))) == ["month", "total_amount"]


def test_casting_to_declared_types_settles_what_engines_infer() -> None:
    query = resolved("SELECT SUM(kind) AS n, AVG(amount) AS a FROM silver.trips")
    typed = dialect.cast_to(query, [Column("n", "INT64", ""), Column("a", "NUMERIC(18,2)", "")])
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver")
        connection.execute("CREATE TABLE silver.trips(pickup_at TIMESTAMP, kind BIGINT, amount DECIMAL(18,2))")
        description = connection.execute(dialect.render(typed, "duckdb")).description
    assert [str(column[1]) for column in description or ()] == ["BIGINT", "DECIMAL(18,2)"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT amunt FROM silver.trips", "there is no column amunt in silver.trips; did you mean amount?"),
        ("SELECT t.amunt FROM silver.trips AS t", "there is no column amunt in silver.trips; did you mean amount?"),
        ("SELECT 1 AS a FROM silver.trip", "there is no table silver.trip; did you mean silver.trips?"),
        ("SELECT 1 AS a FROM trips", "there is no table trips; did you mean silver.trips?"),
        ("SELECT FROM WHERE", "not valid BigQuery SQL"),
        ("DROP TABLE silver.trips", "expected exactly one SELECT"),
        ("SELECT 1 AS a; SELECT 2 AS b", "expected exactly one SELECT"),
        ("", "expected exactly one SELECT"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_there_is(sql: str, message: str) -> None:
    with pytest.raises(QueryError) as error:
        resolved(sql)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_another_dialects_is_refused(foreign: str) -> None:
    with pytest.raises(QueryError, match=r"test: not valid BigQuery SQL: (line 1 has|.+ beside one another)"):
        dialect.parse(foreign, "test", QueryError)


@pytest.mark.parametrize("sql", MISPLACED)
def test_what_is_written_as_elsewhere_is_refused_with_what_to_write(sql: str) -> None:
    with pytest.raises(QueryError, match=r"test: not valid BigQuery SQL: .+: write .+"):
        dialect.parse(sql, "test", QueryError)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS v UNION ALL (SELECT 2 INTERSECT DISTINCT SELECT 2)",
        "WITH a AS (SELECT 1 AS v UNION ALL SELECT 2) SELECT v FROM a EXCEPT DISTINCT SELECT 2",
        "SELECT * EXCEPT (n) FROM (SELECT 1 AS n, 2 AS m) UNION ALL SELECT 4",
        "SELECT LAST_VALUE(n IGNORE NULLS) OVER (ORDER BY n) AS v FROM UNNEST([1]) AS n",
    ],
)
def test_what_is_like_another_dialects_and_bigquerys_is_let_through(sql: str) -> None:
    dialect.parse(sql, "test", QueryError)


def require_columns_alone(sql: str) -> None:
    dialect.require_columns_alone(dialect.parse(sql, "test", QueryError), SCHEMA, "test", QueryError)


@pytest.mark.parametrize("sql", TOO_EARLY)
def test_a_new_column_that_is_used_too_early_is_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="test: a is a new column of the same SELECT, which only its GROUP BY"):
        require_columns_alone(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT kind AS a, COUNT(*) AS n FROM silver.trips GROUP BY a HAVING a > 1 ORDER BY a",
        "SELECT kind AS a FROM silver.trips WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT kind + 1 AS kind, kind AS b FROM silver.trips WHERE kind > 1",
        "WITH c AS (SELECT kind AS a FROM silver.trips) SELECT a, a + 1 AS b FROM c WHERE a > 1 ORDER BY b",
        "SELECT kind FROM silver.trips AS s WHERE EXISTS (SELECT 1 FROM silver.trips AS u WHERE u.kind = s.kind)",
        "SELECT a.kind FROM silver.trips AS a JOIN silver.trips AS b USING (kind)",
        "SELECT kind AS a FROM silver.trips UNION ALL SELECT kind FROM silver.trips ORDER BY a",
    ],
)
def test_a_new_column_is_known_to_what_comes_after_it(sql: str) -> None:
    require_columns_alone(sql)


def test_a_text_may_hold_anything() -> None:
    dialect.parse("SELECT 'a::b == c' AS v, '==' AS w, '::' AS x -- d::e", "test", QueryError)
