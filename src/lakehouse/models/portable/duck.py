"""SQL of the local engine from templates, for what is written in another way there than in BigQuery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import sqlglot
from sqlglot import exp

VALUE_ERROR = "no value: "
"""How the message of an error begins that a value, and no file, is the reason of."""

_IN_BRACKETS = (exp.Binary, exp.Unary, exp.Between, exp.Query)
"""A query also because ``[(SELECT …)]`` is written as a list of its rows, where several are an error."""


def duck(template: str, **parts: exp.Expr) -> exp.Expr:
    """DuckDB's SQL with an expression in the place of each ``:name``."""
    tree = _parsed(template).copy()
    for place in list(tree.find_all(exp.Placeholder)):
        part = parts[place.name]
        place.replace(exp.paren(part) if isinstance(part, _IN_BRACKETS) else part.copy())
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


_REPEATING = (exp.Case, exp.Lambda, exp.Query, exp.Greatest, exp.Least, exp.SafeDivide, exp.LastDay, exp.In)
"""What holds a check, or is written with one."""
_CONSTANTS = (exp.Literal, exp.Null, exp.Boolean, exp.Parameter)


def repeats(node: exp.Expr) -> bool:
    """Whether there is a check in it already: written several times, one within another, they would have no end."""
    return node.find(*_REPEATING) is not None


def shared(write: Callable[..., exp.Expr], *values: exp.Expr) -> exp.Expr:
    """What ``write`` makes of values that it names several times: each is computed once if one of them repeats.

    Others are written as often as they are named, which is faster. ``write`` must name nothing else that is computed.
    """
    if not any(map(repeats, values)):
        return write(*values)
    computed = [value for value in values if not isinstance(value, _CONSTANTS)]
    several = len(computed) > 1
    names = iter([duck(f"w[{place}]" if several else "w") for place in range(1, len(computed) + 1)])
    named = [value if isinstance(value, _CONSTANTS) else next(names) for value in values]
    row = exp.Anonymous(this="ROW", expressions=[value.copy() for value in computed]) if several else computed[0]
    return duck("LIST_TRANSFORM([:row], LAMBDA w : :body)[1]", row=row, body=write(*named))


def put(node: exp.Expr, operands: Sequence[exp.Expr], names: Sequence[exp.Expr]) -> exp.Expr:
    """A node with a name in the place of each operand, which may be the operand itself."""
    for operand, name in zip(operands, names, strict=True):
        if operand is not name:
            operand.replace(name.copy())
    return node


def once(value: exp.Expr, body: str, **parts: exp.Expr) -> exp.Expr:
    """``body`` with ``v`` for a value that is computed once, however often it is named."""
    return duck(f"LIST_TRANSFORM([:value], LAMBDA v : {body})[1]", value=value, **parts)
