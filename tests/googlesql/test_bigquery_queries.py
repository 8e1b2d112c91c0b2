"""Queries that are written for BigQuery alone give on Google's engine what they say."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from sqlglot import exp

from lakehouse.exceptions import QueryError, StatementFailed
from lakehouse.models import dialect
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery import content, placing
from lakehouse.warehouse.bigquery.one_scan import in_one_scan
from tests.googlesql.oracle import Oracle, Rows

_TYPES = {"a": "INT64", "a1": "INT64", "text": "STRING", "amount": "NUMERIC(18,2)", "at": "DATETIME", "ok": "BOOL"}
_SEED = 20_261_128


def _spec(*more: str) -> TableSpec:
    columns = {**_TYPES, **dict.fromkeys(more, "STRING")}
    return TableSpec("silver.t", tuple(Column(name, type_, "Value") for name, type_ in columns.items()), "Rows")


def _rows() -> list[dict[str, str | None]]:
    drawn = random.Random(_SEED)  # noqa: S311
    return [
        {
            "a": str(drawn.randrange(-3, 12)),
            "a1": drawn.choice([None, "1", "11"]),
            "text": drawn.choice([None, "''", "'a1=1,'", "'O\\'Hara \\\\ \\n'"]),
            "amount": drawn.choice([None, "NUMERIC '1.50'", "NUMERIC '-2'"]),
            "at": drawn.choice([None, "DATETIME '2024-02-29 23:59:59.999999'"]),
            "ok": drawn.choice([None, "TRUE", "FALSE"]),
        }
        for _ in range(30)
    ]


def _given(rows: list[dict[str, str | None]], *more: str) -> exp.Query:
    """Rows as a query; ``more`` are columns of NULLs."""
    texts = []
    for row in rows:
        values = {**row, **dict.fromkeys(more)}
        types = {**_TYPES, **dict.fromkeys(more, "STRING")}
        texts.append(", ".join(f"CAST({values[name] or 'NULL'} AS {types[name]}) AS `{name}`" for name in values))
    query = dialect.parse(" UNION ALL ".join(f"SELECT {text}" for text in texts), "rows", QueryError)
    assert isinstance(query, exp.Query)
    return query


def _answer(oracle: Oracle, query: str) -> tuple[object, ...]:
    answer = oracle.run(query)
    assert isinstance(answer, Rows), answer
    (row,) = answer.rows
    return row


def _told(oracle: Oracle, rows: list[dict[str, str | None]], *more: str) -> tuple[object, ...]:
    return _answer(oracle, dialect.render(content.query(_spec(*more), _given(rows, *more)), dialect.BIGQUERY))


def test_content_is_of_the_rows_in_any_order_and_a_column_of_nulls_is_no_change(oracle: Oracle) -> None:
    rows = _rows()
    told = _told(oracle, rows)
    shuffled = random.Random(_SEED).sample(rows, len(rows))  # noqa: S311
    assert shuffled != rows
    assert (told[0], _told(oracle, shuffled), _told(oracle, rows, "added", "Zz")) == (30, told, told)
    assert _told(oracle, [*rows, rows[0]])[1] != told[1]
    for name in _TYPES:
        changed = [{**rows[0], name: None if rows[0][name] is not None else "NULL"}, *rows[1:]]
        assert (_told(oracle, changed)[1] != told[1]) == (rows[0][name] is not None)


def test_content_tells_a_value_of_one_column_from_that_of_another(oracle: Oracle) -> None:
    none: dict[str, str | None] = dict.fromkeys(_TYPES)
    first, second = [{**none, "a": "11"}], [{**none, "a1": "1"}]
    assert _told(oracle, first)[1] != _told(oracle, second)[1]


_COUNTS = """SELECT
  (SELECT COUNT(*) FROM t) AS n,
  (SELECT COUNT(*) FROM t WHERE a > 3) AS many,
  (SELECT COUNT(*) FROM t WHERE a1 = 1 OR ok) AS unknown,
  (SELECT MIN(a) FROM t WHERE a > 3) AS least,
  (SELECT MIN(a) FROM t WHERE a > 3000) AS no_least,
  (SELECT MIN(text) FROM t WHERE NOT ok) AS text,
  (SELECT COUNT(*) FROM t WHERE a IN (SELECT a1 FROM t)) AS found"""


def test_counts_in_one_scan_are_those_of_a_scan_each(oracle: Oracle) -> None:
    for rows in (_rows(), _rows()[:1]):
        given = f"WITH t AS ({_given(rows).sql(dialect.BIGQUERY)}) "
        merged = in_one_scan(_query(_COUNTS))
        assert [*merged.find_all(exp.Table)] != [*_query(_COUNTS).find_all(exp.Table)]
        assert merged.args["from_"].this.name == "t"
        assert _answer(oracle, given + merged.sql(dialect.BIGQUERY)) == _answer(oracle, given + _COUNTS)


@pytest.mark.parametrize(
    "query",
    [
        "WITH c AS (SELECT 1 AS a) SELECT (SELECT COUNT(*) FROM c) AS n, (SELECT MIN(a) FROM c WHERE a > 1) AS m",
        "SELECT (SELECT COUNT(*) FROM t) AS n LIMIT 0",
        "SELECT (SELECT a FROM t) AS a, (SELECT COUNT(*) FROM t) AS n",
        "SELECT (SELECT COUNT(*) OVER () FROM t) AS n",
        "SELECT (SELECT COUNT(*) FROM t LIMIT 0) AS n",
        "SELECT (SELECT COUNT(*) FROM t CROSS JOIN UNNEST(t.b)) AS n",
        "SELECT (SELECT COUNT(*) FROM t) AS n, (SELECT COUNT(*) FROM u) AS m",
        "SELECT (SELECT SUM(a) FROM t WHERE a > 1) AS n",
    ],
)
def test_what_one_scan_would_answer_otherwise_stays(query: str) -> None:
    assert in_one_scan(_query(query)) == _query(query)


def _query(text: str) -> exp.Query:
    query = dialect.parse(text, "query", QueryError)
    assert isinstance(query, exp.Query)
    return query


_PLACES: Mapping[str, exp.Table | exp.Query] = {
    "silver.t": placing.table("silver.t"),
    "gold.q": _query("SELECT `a`, `b`, `x`, `y` FROM silver.t WHERE a > 1"),
}


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM silver.t PIVOT(SUM(a) FOR b IN (1, 2)) AS p", "x y _1 _2"),
        ("SELECT * FROM gold.q PIVOT(SUM(a) FOR b IN (1, 2)) AS p", "x y _1 _2"),
        ("SELECT * FROM gold.q UNPIVOT(v FOR n IN (x, y))", "a b v n"),
        ("SELECT q.a, t.b FROM (silver.t JOIN gold.q USING (a))", "a b"),
        ("SELECT * FROM silver.t TABLESAMPLE SYSTEM (10 PERCENT)", "a b x y"),
    ],
)
def test_what_is_said_of_a_table_is_said_of_what_takes_its_place(oracle: Oracle, query: str, columns: str) -> None:
    text = dialect.render(placing.placed(_query(query), _PLACES), dialect.BIGQUERY)
    said = oracle.analyze(text, {"silver.t": dict.fromkeys("abxy", "INT64")})
    assert isinstance(said, tuple), said
    assert " ".join(name for name, _ in said) == columns


def test_a_table_as_it_was_is_refused_not_answered_as_it_is() -> None:
    with pytest.raises(StatementFailed, match="there is no version of a table here"):
        placing.placed(_query("SELECT a FROM gold.q FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()"), _PLACES)


def test_names_with_dots_become_names_without() -> None:
    name = exp.to_identifier("information_schema.tables", quoted=True)
    query = exp.select(exp.column("a", table=name)).from_(exp.alias_(exp.to_table("gold.q"), name, table=True))
    text = dialect.render(placing.placed(query, _PLACES), dialect.BIGQUERY)
    assert text.startswith("SELECT `information_schema__tables`.a FROM (")
    assert text.endswith("AS `information_schema__tables`")
