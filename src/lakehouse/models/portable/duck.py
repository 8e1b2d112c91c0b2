"""SQL of the local engine from templates, for what is written in another way there than in BigQuery."""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp

VALUE_ERROR = "no value: "
"""How the message of an error begins that a value, and no file, is the reason of."""


def duck(template: str, **parts: exp.Expr) -> exp.Expr:
    """DuckDB's SQL with an expression in the place of each ``:name``."""
    tree = _parsed(template).copy()
    for place in list(tree.find_all(exp.Placeholder)):
        part = parts[place.name]
        place.replace(exp.paren(part) if isinstance(part, (exp.Binary, exp.Unary, exp.Between)) else part.copy())
    return tree


@cache
def _parsed(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, read="duckdb")


def failure(message: str) -> exp.Expr:
    """What fails with a message where it is computed."""
    return exp.Anonymous(this="ERROR", expressions=[exp.Literal.string(VALUE_ERROR + message)])


def is_failure(node: exp.Anonymous) -> bool:
    """Whether something that fails with one message is what :func:`failure` makes."""
    (said,) = node.expressions
    return isinstance(said, exp.Literal) and said.name.startswith(VALUE_ERROR)


_LONGEST_WHOLE = 38


def whole_literal(node: exp.Expr | None) -> int | None:
    """The number that is written there, if one is that any engine has."""
    node = node.unnest() if node is not None else None
    if isinstance(node, exp.Neg):
        number = whole_literal(node.this)
        return None if number is None else -number
    if not isinstance(node, exp.Literal) or not node.name.isdigit() or len(node.name) > _LONGEST_WHOLE:
        return None
    return int(node.name)


def once(value: exp.Expr, body: str, **parts: exp.Expr) -> exp.Expr:
    """``body`` with ``v`` for a value that is computed once, however often it is named."""
    return duck(f"LIST_TRANSFORM([:value], LAMBDA v : {body})[1]", value=value, **parts)
