"""What BigQuery means, written for the local engine: one rule for each construct that it would read in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from lakehouse.models.portable import decimals, lists, numbers, regexes, repeated, texts, times
from lakehouse.models.portable.duck import duck, shared

Mending = Callable[[exp.Expr], exp.Expr]


def _is_nan(node: exp.Expr) -> exp.Expr:
    """DuckDB answers ``isnan`` from a file's statistics, which leave NaN out; ``isfinite`` it asks the values."""
    if not isinstance(node, exp.IsNan):
        return node
    return shared(lambda x: duck("CASE WHEN ISFINITE(:x) THEN FALSE ELSE NOT ISINF(:x) END", x=x), node.this)


def _sets_of_rows(node: exp.Expr) -> exp.Expr:
    """``ROLLUP``, ``CUBE`` and ``GROUPING SETS`` of no rows give none, not a total of nothing."""
    group = node.args.get("group") if isinstance(node, exp.Select) else None
    if group is None or not any(isinstance(key, (exp.Rollup, exp.Cube, exp.GroupingSets)) for key in group.expressions):
        return node
    having = node.args.get("having")
    are_rows = duck("COUNT(*) > 0")
    node.set("having", exp.Having(this=are_rows if having is None else exp.and_(having.this, are_rows)))
    return node


_LEAVES = (
    *(exp.Identifier, exp.Column, exp.Table, exp.TableAlias, exp.Alias, exp.DataType, exp.DataTypeParam, exp.Var),
    *(exp.From, exp.Join, exp.Where, exp.Subquery, exp.CTE, exp.With, exp.Paren, exp.Boolean, exp.Null),
)
"""What no rule is about, and most nodes are."""
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe)

RULES: Mapping[str, Mending] = {
    "a / b": numbers.division,
    "SAFE_DIVIDE": numbers.safe_division,
    "+ - * of FLOAT64": numbers.arithmetic,
    "* of NUMERIC": decimals.exact_product,
    "DIV": numbers.whole_division,
    "SUM and ROUND of NUMERIC": decimals.room_beside_others,
    "LAG of NUMERIC": decimals.default_beside_it,
    "MOD by -1": numbers.remainder,
    "SQRT, LN, EXP, POW": numbers.finite_function,
    "ROUND of INT64": numbers.rounding_of_whole,
    "ROUND of FLOAT64": numbers.rounding_of_float,
    "SIGN": numbers.sign,
    "decimal literal": decimals.decimal_literal,
    "AVG of NUMERIC": decimals.average,
    "SUM of INT64": numbers.whole_sum,
    "SUM of FLOAT64": numbers.float_aggregate,
    "FLOAT64 to INT64": numbers.float_to_whole,
    "FLOAT64 to NUMERIC": decimals.float_to_decimal,
    "SUBSTR": texts.substring,
    "LEFT, RIGHT, REPEAT": texts.counted_characters,
    "TRIM": texts.trim,
    "LIKE": texts.like,
    "UPPER, LOWER": texts.case,
    "REVERSE": texts.reversed_characters,
    "SPLIT": texts.split_by_nothing,
    "REGEXP_EXTRACT": regexes.extracted,
    "list[OFFSET(n)]": lists.element,
    "cast of STRING": texts.cast_of_text,
    "cast to STRING": texts.cast_to_text,
    "CURRENT_DATETIME": times.now,
    "EXTRACT": times.extract,
    "DATE_ADD": times.shifted,
    "DATE_TRUNC": times.truncated,
    "DATE_FROM_UNIX_DATE": times.from_days,
    "DATE of numbers": times.from_parts,
    "FORMAT_DATE": times.formatted,
    "IS_NAN": _is_nan,
    "ROLLUP of nothing": _sets_of_rows,
}
"""By what they mend. Each takes a node whose parts are mended already, and gives what to put in its place."""


def mended(query: exp.Expr, rules: Mapping[str, Mending] = RULES) -> exp.Expr:
    """A copy of a query, written so that the local engine means by it what BigQuery does.

    It must be annotated with types; where none is known, what takes one to tell is left as it is.
    """
    tree = query.copy()
    decimals.forget_scales(tree)
    every = (*rules.values(), repeated.once_each)
    for node in reversed(list(tree.walk())):  # what is deep first
        for rule in every if type(node) not in _LEAVES else ():
            new = rule(node)
            if new is node:
                continue
            type_ = node.type
            if isinstance(new, _OPERATORS) and isinstance(node.parent, (*_OPERATORS, exp.Neg)):
                new = exp.paren(new, copy=False)
            if node is tree:
                tree = new
            else:
                node.replace(new)
            new.type = type_
            break
    return tree
