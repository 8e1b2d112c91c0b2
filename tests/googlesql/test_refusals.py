"""Each rule that refuses is needed: where it is taken away, engines do not agree on what it refused."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from lakehouse.exceptions import LakehouseError, QueryError
from lakehouse.models.portable import refusals, type_rules
from tests.googlesql.oracle import Oracle, Refusal
from tests.googlesql.trial import FAILS, Expected, Form, are_same, local_text, of_query, tried
from tests.models.refused import (
    AMBIGUOUS,
    FOREIGN,
    MISPLACED,
    SHADOWED,
    TOO_EARLY,
    TYPED,
    UNKNOWN,
    WRITTEN,
    as_query,
    columns_of,
)

CASES = [
    *((refusals.RULES, rule, sql) for rule, given in WRITTEN.items() for sql in given),
    *((type_rules.RULES, rule, sql) for rule, given in TYPED.items() for sql in given),
]


@pytest.mark.parametrize(("rules", "name", "sql"), CASES, ids=[f"{name}: {sql}" for _, name, sql in CASES])
def test_without_a_refusal_engines_disagree(
    rules: dict[str, Callable[..., object]],
    name: str,
    sql: str,
    google: Expected,
    oracle: Oracle,
    connection: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(LakehouseError):
        local_text(as_query(sql), columns_of(sql))
    monkeypatch.delitem(rules, name)
    assert _disagree(sql, google, oracle, connection)


@pytest.mark.parametrize("sql", [*FOREIGN, *MISPLACED, *TOO_EARLY])
def test_what_is_refused_for_its_words_or_an_early_name_is_refused_by_googles_engine(sql: str, oracle: Oracle) -> None:
    assert isinstance(oracle.run(sql), Refusal)


@pytest.mark.parametrize("sql", SHADOWED)
def test_without_its_refusal_a_shadowed_name_is_answered_differently(
    sql: str, google: Expected, oracle: Oracle, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LakehouseError, match="is a new column and one of what it is made from"):
        local_text(sql, columns_of(sql))
    monkeypatch.setattr("lakehouse.models.portability._used_shadows", lambda *_: ())
    assert _disagree(sql, google, oracle, connection)


@pytest.mark.parametrize("sql", AMBIGUOUS)
def test_without_its_refusal_an_ambiguous_name_is_answered(
    sql: str, google: Expected, oracle: Oracle, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LakehouseError, match=r"is ambiguous: .+ has several"):
        local_text(sql, columns_of(sql))
    monkeypatch.setattr("lakehouse.models.portable.names.ambiguous", lambda _: ())
    assert _disagree(sql, google, oracle, connection)


@pytest.mark.parametrize("sql", UNKNOWN)
def test_without_its_refusal_an_unknown_name_is_left_out(
    sql: str, google: Expected, oracle: Oracle, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LakehouseError, match=r"has no column|two tables before it have"):
        local_text(sql, columns_of(sql))
    monkeypatch.setattr("lakehouse.models.portable.names.unknown", lambda *_: ())
    assert _disagree(sql, google, oracle, connection)


def _disagree(sql: str, google: Expected, oracle: Oracle, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether values differ, or one engine has none of it."""
    try:
        if sql != as_query(sql):
            return bool(tried(Form(sql), google, connection).differences)
        expected, local = of_query(sql, oracle, connection)
    except duckdb.Error:
        return True
    except QueryError as error:
        return "duckdb has no such SQL" in str(error)
    except AssertionError:  # GoogleSQL refuses the form
        return True
    return expected == FAILS or not are_same(expected, local)
