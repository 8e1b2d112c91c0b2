"""The portable subset: what is on the list is let through, what is not is refused by name with what to write instead.

That the list is right is tested on both engines: `tests/googlesql`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lakehouse.exceptions import ModelError, QueryError
from lakehouse.models import dialect, portability
from lakehouse.models.portable import refusals, type_rules
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.googlesql.edges import COLUMNS
from tests.googlesql.trial import forms, queries
from tests.loading import CONTRACTS
from tests.models.refused import TYPED, WRITTEN, as_query
from tests.project import Project

SCHEMA = {
    "silver": {
        "edges": {"id": "INT64", **{name: edges.type for name, edges in COLUMNS.items()}},
        "t": {
            **{"a": "INT64", "b": "INT64", "f": "FLOAT64", "n": "NUMERIC(18,2)", "s": "STRING"},
            **{"d": "DATE", "at": "DATETIME"},
        },
        "u": {"a": "INT64", "c": "INT64"},
    }
}


def differing(sql: str) -> list[str]:
    query = dialect.parse(sql, "test", ModelError)
    resolved = dialect.resolve(query, SCHEMA, "test", ModelError)
    return [str(finding) for finding in portability.differing(query, resolved, SCHEMA)]


def unrepeatable(sql: str) -> list[str]:
    query = dialect.parse(sql, "test", ModelError)
    resolved = dialect.resolve(query, SCHEMA, "test", ModelError)
    return [str(finding) for finding in portability.unrepeatable(query, resolved, SCHEMA)]


@pytest.mark.parametrize("sql", [sql for given in (*WRITTEN.values(), *TYPED.values()) for sql in given])
def test_what_engines_answer_differently_is_refused_with_what_to_write_instead(sql: str) -> None:
    findings = differing(as_query(sql))
    assert findings
    assert all(re.fullmatch(r".+: .+", finding) for finding in findings)


def test_every_rule_has_something_that_it_refuses() -> None:
    assert set(WRITTEN) == set(refusals.RULES)
    assert set(TYPED) == set(type_rules.RULES)
    assert all((*WRITTEN.values(), *TYPED.values()))


def test_what_is_on_the_list_is_let_through() -> None:
    sqls = [*(as_query(form.sql) for form in forms()), *queries()]
    assert {sql: found for sql in sqls if (found := differing(sql))} == {}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SUBSTRR(s, 1)", "SUBSTRR is on no list of what both engines answer alike: did you mean SUBSTR"),
        ("APPROX_QUANTILES(i, 4)", "write PERCENTILE_CONT(x, 0.5) OVER (…)"),
        ("FORMAT('%d', i)", "write ROUND, LPAD or CONCAT"),
        ("SAFE.SUBSTR(s, 1, 2)", "test the argument with IF first"),
        ("LENGTH(i)", "LENGTH(text) takes STRING"),
        ("EXTRACT(ISOYEAR FROM s)", "EXTRACT(part FROM time) takes DATE, DATETIME"),
        ("LAST_DAY(d, ISOYEAR)", "there is MONTH"),
        ("CAST(f AS STRING)", "CAST it AS NUMERIC before"),
        ("i = '1'", "is of type INT64, '1' of STRING: CAST one of them"),
        ("d + INTERVAL 1 DAY", "write DATE_ADD or DATETIME_ADD"),
    ],
)
def test_a_refusal_names_the_nearest_allowed_form(sql: str, said: str) -> None:
    assert any(said in finding for finding in differing(as_query(sql)))


@pytest.mark.parametrize(
    ("sql", "said", "instead"),
    [
        ("CURRENT_DATE()", "differs from run to run", "CAST(@partition_start AS DATE)"),
        ("SUM(f)", "adds FLOAT64s", "SUM(CAST(f AS NUMERIC(18, 2)))"),
        ("AVG(f * 2)", "adds FLOAT64s", "AVG(n * 2)"),
        ("STDDEV(f)", "adds FLOAT64s", "SUM(n * n)"),
        ("ROW_NUMBER() OVER (PARTITION BY a)", "another row's", "ROW_NUMBER() OVER (PARTITION BY a ORDER BY b)"),
        ("STRING_AGG(s, ',')", "another order in each run", "STRING_AGG(s, ',' ORDER BY s)"),
    ],
)
def test_what_differs_from_run_to_run_is_for_queries_not_for_models(sql: str, said: str, instead: str) -> None:
    assert differing(f"SELECT {sql} AS value FROM silver.t") == []
    assert any(said in finding for finding in unrepeatable(f"SELECT {sql} AS value FROM silver.t"))
    assert unrepeatable(f"SELECT {instead} AS value FROM silver.t") == []


def test_rows_that_would_differ_from_run_to_run_are_found() -> None:
    assert unrepeatable("SELECT a FROM silver.t LIMIT 3")
    assert unrepeatable("SELECT a FROM silver.t ORDER BY a LIMIT 3") == []


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
    assert any(finding.startswith(f"column {shadow} is new") for finding in unrepeatable(sql))


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
    assert unrepeatable(sql) == []


def test_the_projects_models_and_their_checks_are_portable() -> None:
    assert len(load_models(PROJECT_ROOT / "sql", CONTRACTS).keys()) >= 8


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("gold/green_gold.sql", ("SUM(miles) AS trip_miles", "APPROX_QUANTILES(miles, 2) AS trip_miles")),
        (
            "gold/green_gold.sql: check every_trip_is_counted",
            ("COALESCE(SUM(trip_count", "COALESCE(ANY_VALUE(trip_count"),
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


@pytest.mark.parametrize("silent", ["TO_JSON_STRING(month)", "FORMAT('%d', trip_count)"])
def test_a_query_that_the_local_engine_would_silently_misread_is_refused(project: Project, silent: str) -> None:
    with pytest.raises(QueryError, match="query: "):
        project.rows(f"SELECT {silent} AS value FROM gold.green_trips_by_payment_type")
