"""Statements: what they bind, and in which order a store that keeps one is given rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlglot import exp

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.statements import Statement, compile_model
from tests.loading import models_of

MODELS = models_of(PROJECT_ROOT / "sql")


def by_hash(columns: Sequence[str]) -> exp.Expr:
    return exp.func("hash", *map(exp.column, columns))


def in_no_order(_: Sequence[str]) -> None:
    return None


def test_only_parameters_that_occur_are_bound() -> None:
    statement = Statement(dialect.parse("SELECT @a AS a", "q", QueryError))
    assert (statement.text("duckdb"), statement.text("bigquery")) == ("SELECT $a AS a", "SELECT @a AS a")
    assert statement.bind({"a": datetime(2024, 1, 1), "b": 2}) == {"a": datetime(2024, 1, 1)}


def test_rows_are_ordered_by_the_grain_and_those_of_an_ordered_relation_not_again() -> None:
    gold = compile_model(MODELS["trips_gold"], by_hash).select.text("bigquery")
    assert gold.endswith("ORDER BY `month`, `pickup_location_id`, `taxi_type`")
    silver = compile_model(MODELS["green_silver"], by_hash)
    assert "ORDER BY" not in silver.select.text("bigquery")
    assert silver.rejected is not None
    assert "ORDER BY `reject_reason`, hash(" in silver.rejected.text("bigquery")


def test_a_store_without_an_order_is_asked_for_none() -> None:
    for model in MODELS:
        statements = compile_model(model, in_no_order)
        for statement in filter(None, (statements.select, statements.rejected)):
            assert "ORDER BY" not in statement.text("bigquery")


def test_what_a_month_is_known_by_does_not_tell_how_its_store_orders_rows() -> None:
    for model in MODELS:
        assert compile_model(model, in_no_order).text == compile_model(model, by_hash).text
