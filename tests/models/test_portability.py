"""The portable subset: each construct outside it is found, its portable form and the project's models are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.exceptions import ModelError, QueryError
from lakehouse.models import dialect, portability
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.loading import CONTRACTS
from tests.project import Project

SCHEMA = {
    "silver": {
        "t": {
            **{"a": "INT64", "b": "INT64", "f": "FLOAT64", "n": "NUMERIC(18,2)", "s": "STRING"},
            **{"d": "DATE", "at": "DATETIME", "instant": "TIMESTAMP"},
        },
        "u": {"a": "INT64", "c": "INT64"},
    }
}

REFUSED_AND_PORTABLE = [
    # what is refused, part of the reason, what is portable instead
    ("TIMESTAMP_DIFF(instant, instant, MINUTE)", "counts differently", "DATETIME_DIFF(at, at, SECOND)"),
    ("DATETIME_DIFF(at, at, WEEK)", "counts differently", "DATE_DIFF(d, d, DAY)"),
    ("EXTRACT(DAYOFWEEK FROM d)", "numbers days", "CAST(FORMAT_DATE('%u', d) AS INT64)"),
    ("EXTRACT(ISOWEEK FROM d)", "numbers days", "FORMAT_DATE('%V', d)"),
    ("EXTRACT(WEEK(MONDAY) FROM d)", "numbers days", "EXTRACT(HOUR FROM at)"),
    ("CAST(a / b AS NUMERIC(18, 2))", "infinity in DuckDB", "CAST(SAFE_DIVIDE(a, b) AS NUMERIC(18, 2))"),
    ("a / 60", "another type", "CAST(a / 60 AS NUMERIC(18, 2))"),
    ("SAFE_DIVIDE(a, b)", "another type", "CAST(ROUND(SAFE_DIVIDE(a, b), 1) AS NUMERIC(18, 2))"),
    ("AVG(n)", "another type", "CAST(AVG(n) AS NUMERIC(18, 2))"),
    ("CAST(AVG(f) AS NUMERIC(18, 2))", "adds FLOAT64s", "CAST(AVG(CAST(f AS NUMERIC(18, 2))) AS NUMERIC(18, 2))"),
    ("SUM(f)", "adds FLOAT64s", "SUM(CAST(f AS NUMERIC(18, 2)))"),
    ("SUM(f * 2)", "adds FLOAT64s", "SUM(n * 2)"),
    ("FORMAT('%.2f', f)", "returns its pattern", "ROUND(f, 2)"),
    ("CAST(f AS INT64)", "rounds halves", "CAST(ROUND(f) AS INT64)"),
    ("CAST(2.5 AS INT64)", "rounds halves", "CAST(FLOOR(n) AS INT64)"),
    ("SAFE_CAST(s AS INT64)", "is 2 in DuckDB", "IF(REGEXP_CONTAINS(s, r'^[0-9]+$'), CAST(s AS INT64), NULL)"),
    ("CAST(f AS STRING)", "writes 1 as 1.0", "CAST(a AS STRING)"),
    ("CAST(n AS STRING)", "writes 1 as 1.0", "CAST(d AS STRING)"),
    ("DATE_TRUNC(d, MONTH)", "is a timestamp in DuckDB", "CAST(DATE_TRUNC(d, MONTH) AS DATE)"),
    ("DATE_ADD(d, INTERVAL 1 DAY)", "is a timestamp in DuckDB", "CAST(DATE_ADD(d, INTERVAL 1 DAY) AS DATE)"),
    ("DATE_SUB(d, INTERVAL 1 DAY)", "is a timestamp in DuckDB", "CAST((DATE_SUB(d, INTERVAL 1 DAY)) AS DATE)"),
    ("CAST(DATE_TRUNC(d, WEEK(MONDAY)) AS DATE)", "begins it on another day", "CAST(DATE_TRUNC(d, YEAR) AS DATE)"),
    ("CAST(DATE_TRUNC(d, ISOWEEK) AS DATE)", "begins it on another day", "DATETIME_TRUNC(at, HOUR)"),
    ("APPROX_QUANTILES(a, 4)", "approximate", "CAST(PERCENTILE_CONT(n, 0.5) OVER () AS NUMERIC(18, 2))"),
    ("APPROX_COUNT_DISTINCT(a)", "approximate", "COUNT(DISTINCT a)"),
    ("FARM_FINGERPRINT(s)", "no FARM_FINGERPRINT", "TO_HEX(MD5(s))"),
    ("SAFE.SUBSTR(s, 1, 2)", "no SAFE. functions", "SUBSTR(s, 1, 2)"),
    ("TRIM(s)", "all white space", "TRIM(s, ' ')"),
    ("FORMAT_DATETIME('%E4S', at)", "no %E in formats", "FORMAT_DATETIME('%S', at)"),
    ("CAST(s AS INT64)", "more texts", "IF(REGEXP_CONTAINS(s, r'^[0-9]+$'), CAST(s AS INT64), NULL)"),
    ("SAFE_CAST(s AS FLOAT64)", "more texts", "IF(REGEXP_CONTAINS(s, r'^[0-9]+$'), SAFE_CAST(s AS FLOAT64), NULL)"),
    ("SAFE_CAST(s AS BOOL)", "more texts", "s = 'true'"),
    ("CAST(ROUND(f, 1) AS INT64)", "rounds halves", "CAST(TRUNC(f) AS INT64)"),
    (
        "CAST(SUM(SAFE_DIVIDE(n, 3)) AS NUMERIC(18, 2))",
        "another type",
        "SUM(CAST(SAFE_DIVIDE(n, 3) AS NUMERIC(18, 2)))",
    ),
    ("STDDEV(n)", "adds FLOAT64s", "SUM(n * n)"),
    ("ROW_NUMBER() OVER (PARTITION BY a)", "another row's", "ROW_NUMBER() OVER (PARTITION BY a ORDER BY b)"),
    ("CAST(a AS BIGNUMERIC)", "no BIGNUMERIC", "CAST(a AS NUMERIC(29, 0))"),
    ("DATETIME_DIFF(at, at, MONTH)", "counts differently", "DATE_DIFF(d, d, MONTH)"),
    ("a / 0", "infinity in DuckDB", "CAST(a / (60 * 60) AS NUMERIC(18, 4))"),
    ("CAST(a AS NUMERIC)", "another scale", "CAST(a AS NUMERIC(18, 2))"),
    ("CURRENT_DATE()", "differs from run to run", "CAST(@partition_start AS DATE)"),
    ("RAND()", "differs from run to run", "a + b"),
    ("GENERATE_UUID()", "differs from run to run", "TO_HEX(SHA256(s))"),
    ("ANY_VALUE(a)", "another value in each run", "MIN(a)"),
    ("STRING_AGG(s, ',')", "another order in each run", "STRING_AGG(s, ',' ORDER BY s)"),
    ("ARRAY_AGG(a ORDER BY b LIMIT 3)", "no LIMIT in ARRAY_AGG", "ARRAY_LENGTH(ARRAY_AGG(a ORDER BY b))"),
]


def findings(sql: str) -> list[str]:
    query = dialect.parse(sql, "test", ModelError)
    resolved = dialect.resolve(query, SCHEMA, "test", ModelError)
    return [str(finding) for finding in (*portability.written(query), *portability.typed(resolved, SCHEMA))]


@pytest.mark.parametrize(("refused", "reason"), [(refused, reason) for refused, reason, _ in REFUSED_AND_PORTABLE])
def test_a_construct_that_engines_read_differently_is_found(refused: str, reason: str) -> None:
    assert any(reason in finding for finding in findings(f"SELECT {refused} AS value FROM silver.t"))


@pytest.mark.parametrize("portable", [portable for _, _, portable in REFUSED_AND_PORTABLE])
def test_its_portable_form_is_not(portable: str) -> None:
    assert findings(f"SELECT {portable} AS value FROM silver.t") == []


def test_the_advice_for_weeks_is_itself_portable() -> None:
    monday = "DATE_SUB(d, INTERVAL CAST(FORMAT_DATE('%u', d) AS INT64) - 1 DAY)"
    assert findings(f"SELECT CAST({monday} AS DATE) AS monday FROM silver.t") == []


@pytest.mark.parametrize(
    ("sql", "shadow"),
    [
        ("SELECT SUM(a) AS a FROM silver.t", "a"),
        ("SELECT n AS f FROM silver.t", "f"),
        ("WITH x AS (SELECT a, b FROM silver.t) SELECT a + 1 AS b FROM x", "b"),
        ("SELECT t.a AS c FROM silver.t AS t JOIN silver.u AS u ON t.a = u.a", "c"),
        ("WITH x AS (SELECT a + 1 AS b FROM silver.t) SELECT b AS day FROM x", "b"),
    ],
)
def test_a_new_column_called_as_one_of_its_source_is_found(sql: str, shadow: str) -> None:
    assert any(finding.startswith(f"column {shadow} is new") for finding in findings(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b AS other FROM silver.t",
        "WITH x AS (SELECT a AS amount FROM silver.t) SELECT SUM(amount) AS a FROM x",
        "WITH y AS (SELECT c FROM silver.u), x AS (SELECT a + 1 AS c FROM silver.t) SELECT c FROM x",
        "SELECT u.c, t.a FROM silver.t AS t JOIN silver.u AS u ON t.a = u.a",
        "SELECT a, c FROM silver.t JOIN silver.u USING (a)",
        "SELECT c FROM silver.u UNION ALL SELECT b AS c FROM silver.t",
    ],
)
def test_names_that_no_source_has_may_be_taken(sql: str) -> None:
    assert findings(sql) == []


def test_rows_that_would_differ_from_run_to_run_are_found() -> None:
    assert findings("SELECT a FROM silver.t LIMIT 3")
    assert findings("SELECT a FROM silver.t ORDER BY a LIMIT 3") == []
    assert findings("SELECT a FROM UNNEST([1, 2]) AS a WITH OFFSET AS position")
    assert findings("SELECT a FROM silver.t FULL UNION ALL BY NAME SELECT c FROM silver.u")


def test_the_projects_models_and_their_checks_are_portable() -> None:
    assert len(load_models(PROJECT_ROOT / "sql", CONTRACTS).keys()) >= 8


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("gold/green_gold.sql", ("SUM(miles) AS trip_miles", "AVG(miles) AS trip_miles")),
        (
            "gold/green_gold.sql: check every_trip_is_counted",
            ("COALESCE(SUM(trip_count", "COALESCE(SUM(1.5 / trip_count"),
        ),
    ],
)
def test_a_model_or_check_outside_the_subset_does_not_load(tmp_path: Path, where: str, change: tuple[str, str]) -> None:
    for path in (PROJECT_ROOT / "sql").rglob("*.sql"):
        copy = tmp_path / path.relative_to(PROJECT_ROOT / "sql")
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text().replace(*change) if path.name == "green_gold.sql" else path.read_text())
    with pytest.raises(ModelError) as error:
        load_models(tmp_path, CONTRACTS)
    assert str(error.value).startswith(f"{where}: not the same on DuckDB and BigQuery: ")


@pytest.mark.parametrize("silent", ["EXTRACT(DAYOFWEEK FROM month)", "FORMAT('%d', trip_count)"])
def test_a_query_that_duckdb_would_silently_misread_is_refused(project: Project, silent: str) -> None:
    with pytest.raises(QueryError, match="query: "):
        project.rows(f"SELECT {silent} AS value FROM gold.green_trips_by_payment_type")
