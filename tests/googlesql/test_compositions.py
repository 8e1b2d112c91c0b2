"""Forms within forms, drawn: where GoogleSQL has a value, the local engine has the same or fails, never another."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from lakehouse.exceptions import LakehouseError, QueryError
from lakehouse.models import dialect
from tests import soak
from tests.googlesql.edges import COLUMNS, rows_of
from tests.googlesql.oracle import Oracle
from tests.googlesql.trial import FAILS, Form, fill, forms, google_values, is_same, local_text

_ROWS = 24
_TOO_FEW = 8
_NO_VALUE = (
    *(duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException),
    duckdb.OutOfMemoryException,
)
_CALL = re.compile(r"[A-Z_]+\(.*\)", re.DOTALL)


@cache
def _by_type() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for form in forms():
        _, type_ = local_text(f"SELECT {form.sql} AS v FROM silver.edges", tuple(COLUMNS))
        found[type_.partition("(")[0]].append(form.sql)
    return found


def composed(draw: Random, depth: int) -> str:
    """A form, a column of which is another form of its type, and so on."""
    outer = draw.choice([form.sql for form in forms()])
    for _ in range(depth):
        columns = sorted(Form(outer).columns)
        if columns:
            column = draw.choice(columns)
            inner = draw.choice(_by_type()[COLUMNS[column].type.partition("(")[0]])
            within = inner if _CALL.fullmatch(inner) and _balances(inner) else f"({inner})"
            outer = re.sub(rf"(?<![\w'\"\\%.]){column}(?![\w'\"(])", lambda _, within=within: within, outer)  # type: ignore[misc]
    return outer


def _balances(call: str) -> bool:
    """Whether its first bracket ends with it: what is no call of one function has others beside it."""
    depths = list(itertools.accumulate((text == "(") - (text == ")") for text in call))
    return 0 not in depths[call.index("(") : -1]


@pytest.mark.parametrize("number", soak.numbers(40))
def test_what_is_made_of_forms_is_answered_alike(
    number: int, oracle: Oracle, connection: duckdb.DuckDBPyConnection, record_property: Callable[[str, object], None]
) -> None:
    draw = soak.drawn("composition", number)
    compared = 0
    while compared < _TOO_FEW:
        compared = _compared(composed(draw, draw.choice((1, 1, 2))), draw, oracle, connection)
    record_property("soak cases of forms within forms", compared)


def _compared(sql: str, draw: Random, oracle: Oracle, connection: duckdb.DuckDBPyConnection) -> int:
    """How many cases of a composition have a value on both engines, the same; 0 of one that is refused."""
    try:
        form = Form(sql)
        names = form.columns
        text, type_ = local_text(f"SELECT id, {sql} AS v FROM silver.edges", names)
    except LakehouseError:
        return 0
    rows = rows_of(names)
    rows = draw.sample(rows, _ROWS) if len(rows) > _ROWS else rows
    expected_type, expected = google_values(form, names, rows, oracle)
    assert expected_type == type_.partition("(")[0], sql
    compared = 0
    for row, theirs in zip(rows, expected, strict=True):
        ours = _alone(text, names, row, connection)
        if FAILS in (theirs, ours) and not (theirs is FAILS and ours is FAILS):
            continue  # one of them computes what the other sees not to need, or has less room
        assert _is_close(theirs, ours), f"{sql} of {row}: {theirs!r} is not {ours!r}"
        compared += 1
    return compared


def _alone(text: str, names: tuple[str, ...], row: tuple[str, ...], connection: duckdb.DuckDBPyConnection) -> Any:
    fill(connection, names, [row])
    try:
        ((_, value),) = connection.execute(text).fetchall()
    except _NO_VALUE:
        return FAILS
    return value


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return is_same(one, other) or math.isclose(one, other, rel_tol=1e-12)
    return is_same(one, other)


def test_a_form_that_is_mended_wrongly_is_found(oracle: Oracle, connection: duckdb.DuckDBPyConnection) -> None:
    query = dialect.parse("SELECT SUBSTR('abc', 0, 2) AS v", "test", QueryError)
    unmended = query.selects[0].unalias().sql("duckdb")
    assert isinstance(query, exp.Select)
    given, _ = connection.execute(f"SELECT {unmended}, 1").fetchall()[0]
    assert not _is_close(oracle.values(["SUBSTR('abc', 0, 2)"])[0], given)
