"""The oracle itself: what it gives is what GoogleSQL's engine said, and where there is no engine nothing passes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.googlesql.oracle import Oracle, OracleFailed, Refusal, Rows

TABLES = {"silver.trips": {"trip_id": "INT64", "amount": "NUMERIC(18,2)", "pickup_at": "DATETIME"}}


def test_values_keep_their_types(oracle: Oracle) -> None:
    given = oracle.run(
        "SELECT 1 AS i, 2.5 AS f, NUMERIC '-1.5' AS n, 'é' AS s, TRUE AS b, DATE '2024-02-29' AS d, "
        "DATETIME '9999-12-31 23:59:59.999999' AS t, TIMESTAMP '2024-01-01 00:00:00+02' AS z, [1, NULL] AS a, "
        "CAST(NULL AS STRING) AS missing"
    )
    assert isinstance(given, Rows)
    assert [type_ for _, type_ in given.columns] == [
        *("INT64", "FLOAT64", "NUMERIC", "STRING", "BOOL", "DATE", "DATETIME", "TIMESTAMP", "ARRAY<INT64>", "STRING")
    ]
    when = datetime(9999, 12, 31, 23, 59, 59, 999999)
    instant = datetime(2023, 12, 31, 22, tzinfo=UTC)
    values = (1, 2.5, Decimal("-1.5"), "é", True, date(2024, 2, 29), when, instant, [1, None], None)
    assert given.rows == (values,)


def test_an_expression_that_fails_is_a_refusal_among_values(oracle: Oracle) -> None:
    one, failed, three = oracle.values(["1", "1 / 0", "1 + 2"])
    assert (one, three) == (1, 3)
    assert isinstance(failed, Refusal)
    assert "division by zero" in failed.reason


def test_a_statement_is_valid_with_the_tables_and_parameters_that_it_is_given(oracle: Oracle) -> None:
    valid = "SELECT SUM(amount) AS amount FROM silver.trips WHERE pickup_at < @partition_end"
    assert oracle.analyze(valid, TABLES, {"partition_end": "DATETIME"}) == (("amount", "NUMERIC"),)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("SELECT amounts FROM silver.trips", "Unrecognized name: amounts"),
        ("SELECT * FROM silver.journeys", "Table not found: silver.journeys"),
        ("SELECT trip_id + pickup_at AS v FROM silver.trips", "No matching signature"),
        ("SELECT trip_id FROM silver.trips WHERE pickup_at < @start", "Query parameter 'start' not found"),
        ("SELECT CAST(1 AS NUMERIC(18, 2)) AS v FROM", "Syntax error"),
        ("SELECT CAST(1 AS INT32) AS v", "Type not found: INT32"),
        ("SELECT trip_id FROM silver.trips GROUP BY pickup_at", "neither grouped nor aggregated"),
    ],
)
def test_a_statement_that_is_not_valid_is_refused(oracle: Oracle, wrong: str, reason: str) -> None:
    said = oracle.analyze(wrong, TABLES)
    assert isinstance(said, Refusal)
    assert reason in said.reason


def test_without_its_environment_it_fails_by_name(tmp_path: Path) -> None:
    with pytest.raises(OracleFailed, match="make oracle"):
        Oracle(tmp_path / "python")


def test_an_engine_that_breaks_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    breaks = tmp_path / "python"
    breaks.write_text("#!/bin/sh\nread question\nexit 3\n")
    breaks.chmod(0o755)
    with Oracle(breaks) as engine, pytest.raises(OracleFailed, match=r"ended with 3 at: SELECT 1"):
        engine.run("SELECT 1")
