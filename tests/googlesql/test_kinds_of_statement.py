"""Aggregates, groups, windows, orders and relations over the edges: both engines give the same rows."""

from __future__ import annotations

import duckdb
import pytest

from tests.googlesql.oracle import Oracle
from tests.googlesql.trial import are_same, of_query, queries


@pytest.mark.parametrize("sql", tuple(queries()))
def test_engines_agree_on_every_kind_of_statement(
    sql: str, oracle: Oracle, connection: duckdb.DuckDBPyConnection
) -> None:
    expected, local = of_query(sql, oracle, connection)
    assert are_same(expected, local), f"{expected!r} is not {local!r}"
