"""Each rule that writes a form for the local engine is needed: without it some case is answered differently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.models.portable import mending
from tests.googlesql.oracle import Oracle
from tests.googlesql.trial import Expected, Form, are_same, forms, mended_by_rules, of_query, queries, tried

FORMS = tuple(forms())
QUERIES = tuple(queries())


@pytest.fixture(scope="module")
def mended_by() -> dict[str, list[Form | str]]:
    """Rule → the forms and statements that it changes."""
    changed: dict[str, list[Form | str]] = {name: [] for name in mending.RULES}
    everything: tuple[Form | str, ...] = (*FORMS, *QUERIES)
    for each in everything:
        sql = f"SELECT id, {each.sql} AS v FROM silver.edges" if isinstance(each, Form) else each
        fired = mended_by_rules(sql)
        for name in fired:
            changed[name].append(each)
    return changed


@pytest.mark.parametrize("name", [name for name in mending.RULES if name != "IS_NAN"])
def test_without_a_mending_rule_engines_disagree(
    name: str,
    mended_by: dict[str, list[Form | str]],
    google: Expected,
    oracle: Oracle,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    others = {other: rule for other, rule in mending.RULES.items() if other != name}
    assert any(_disagree(each, others, google, oracle, connection) for each in mended_by[name])


def test_without_its_rule_is_nan_is_answered_from_statistics(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    file = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"f": [*map(float, range(9)), float("nan")]}), file)
    query = dialect.parse("SELECT COUNTIF(IS_NAN(f)) AS v FROM silver.numbers", "test", QueryError)
    resolved = dialect.resolve(query, {"silver": {"numbers": {"f": "FLOAT64"}}}, "test", QueryError)
    others = {other: rule for other, rule in mending.RULES.items() if other != "IS_NAN"}
    connection.execute("CREATE SCHEMA IF NOT EXISTS silver")
    connection.execute(f"CREATE OR REPLACE VIEW silver.numbers AS FROM '{file}'")
    found = [
        connection.execute(dialect.render(resolved, "duckdb", rules)).fetchall() for rules in (mending.RULES, others)
    ]
    connection.execute("DROP VIEW silver.numbers")
    assert found == [[(1,)], [(0,)]]


def _disagree(
    each: Form | str,
    rules: Mapping[str, mending.Mending],
    google: Expected,
    oracle: Oracle,
    connection: duckdb.DuckDBPyConnection,
) -> bool:
    if isinstance(each, str):
        return not are_same(*of_query(each, oracle, connection, rules))
    try:
        trial = tried(each, google, connection, rules)
    except duckdb.Error:
        return True
    misled = [difference for difference in trial.differences if not difference.is_refused]
    return bool(misled) or trial.refused > each.refused
