"""How large what is rendered is: in proportion to what was written."""

from __future__ import annotations

import pytest

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect

SCHEMA: dialect.Schema = {"silver": {"readings": {"f": "FLOAT64", "i": "INT64", "m": "NUMERIC(18,2)"}}}


def size(expression: str) -> int:
    """Characters that an expression takes in the local engine."""
    query = dialect.parse(f"SELECT {expression} AS v FROM silver.readings", "test", QueryError)
    return len(dialect.render(dialect.resolve(query, SCHEMA, "test", QueryError), "duckdb"))


def nested(around: str, times: int) -> str:
    expression = "f"
    for _ in range(times):
        expression = around.format(expression)
    return expression


@pytest.mark.parametrize(
    "around",
    ["{} + f", "{} * 1.5 - i", "i / ({} + 1.5)", "{} / 2.5", "SQRT(ABS({}) + 1.5)"],
)
def test_what_is_nested_twice_as_deep_is_not_much_more_than_twice_as_long(around: str) -> None:
    assert size(nested(around, 16)) < 3 * size(nested(around, 8))
