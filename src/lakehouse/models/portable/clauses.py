"""What is refused of clauses: of SELECT and DISTINCT, joins, windows and set operations, as their author wrote them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable.duck import whole_literal
from lakehouse.models.portable.finding import Finding, Rule, as_written

_KINDS_OF_JOIN = frozenset({"", "INNER", "OUTER", "CROSS"})


def _with_offset(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Unnest) and node.args.get("offset"):
        return Finding("UNNEST … WITH OFFSET counts from 1 in DuckDB", "number rows with ROW_NUMBER() OVER (…) - 1")
    return None


def _set_operation(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.SetOperation) and (node.args.get("by_name") or node.side or node.kind):
        return Finding("UNION … BY NAME is not the same on both engines", "name the columns in each SELECT")
    if isinstance(node, (exp.Except, exp.Intersect)) and not node.args.get("distinct"):
        return Finding("EXCEPT and INTERSECT of all rows are not the same on both engines", "write DISTINCT after it")
    return None


def _without_from(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Select) or node.args.get("from_"):
        return None
    for clause in ("where", "group", "having", "qualify", "order"):
        if node.args.get(clause):
            word = {"group": "GROUP BY", "order": "ORDER BY"}.get(clause, clause.upper())
            return Finding(f"{word} without FROM is an error in BigQuery", "write FROM (SELECT …)")
    for projection in node.selects:
        for part in projection.walk(prune=lambda within: isinstance(within, exp.Query)):
            if isinstance(part, (exp.AggFunc, exp.Window)):
                return Finding(f"{as_written(part)} without FROM is an error in BigQuery", "write FROM (SELECT …)")
    return None


def _number_of_rows(node: exp.Expr) -> Finding | None:
    if not isinstance(node, (exp.Limit, exp.Offset)):
        return None
    word = type(node).__name__.upper()
    if isinstance(node, exp.Offset) and node.parent is not None and not node.parent.args.get("limit"):
        return Finding("OFFSET without LIMIT is an error in BigQuery", "write LIMIT before it")
    if whole_literal(node.expression) is None and not isinstance(node.expression, exp.Parameter):
        return Finding(f"{word} of {as_written(node.expression)}", "write a whole number")
    return None


def _select(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Select) and (node.args.get("kind") or node.args.get("hint")):
        return Finding("SELECT AS STRUCT or VALUE", "name the columns")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        return Finding("WITH RECURSIVE is on no list of what both engines answer alike", "write GENERATE_ARRAY")
    if isinstance(node, exp.Join) and (node.method or node.kind not in _KINDS_OF_JOIN or node.side in {"SEMI", "ANTI"}):
        return Finding(f"{node.method or node.kind or node.side} JOIN", "write JOIN … ON …, or WHERE [NOT] EXISTS (…)")
    return None


def _qualify(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Select) and node.args.get("qualify"):
        if any(node.args.get(clause) for clause in ("where", "group", "having")):
            return None
        return Finding("QUALIFY alone is an error in BigQuery", "write WHERE TRUE before it")
    return None


def _distinct(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        return Finding("DISTINCT ON is not BigQuery's", "write QUALIFY ROW_NUMBER() OVER (PARTITION BY …) = 1")
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1:
        return Finding("COUNT(DISTINCT …) of several values", "count the rows of a SELECT DISTINCT")
    return None


def _order_of_distinct(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Select) or not node.args.get("distinct") or not node.args.get("order"):
        return None
    selected = {*node.named_selects, *(as_written(projection.unalias()) for projection in node.selects)}
    for by in (ordered.this for ordered in node.args["order"].expressions):
        is_selected = isinstance(by, exp.Column) and (as_written(by) in selected or by.name in selected or node.is_star)
        if not isinstance(by, exp.Literal) and not is_selected:
            return Finding(f"ORDER BY {as_written(by)} of a SELECT DISTINCT", "select it, and order by its name")
    return None


def _frame(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.WindowSpec) and (node.args.get("kind") == "GROUPS" or node.args.get("exclude")):
        return Finding("GROUPS and EXCLUDE of a window are not BigQuery's", "write ROWS or RANGE")
    if isinstance(node, exp.IgnoreNulls) and isinstance(node.this, (exp.Lag, exp.Lead)):
        return Finding("IGNORE NULLS of LAG and LEAD is not BigQuery's", "write LAST_VALUE(x IGNORE NULLS) OVER (…)")
    return None


def _place(node: exp.Expr) -> Finding | None:
    if not isinstance(node, (exp.Lag, exp.Lead, exp.NthValue, exp.Ntile)):
        return None
    least = 0 if isinstance(node, (exp.Lag, exp.Lead)) else 1
    given = node.this if isinstance(node, exp.Ntile) else node.args.get("offset")
    if given is None:
        return None
    place = whole_literal(given)
    if place is None or place < least:
        return Finding(f"{as_written(node)}: its number of rows", f"write a number from {least} up")
    return None


def _unnest(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Unnest) and not isinstance(node.parent, (exp.From, exp.Join, exp.In)):
        return Finding("UNNEST as a value", "write it after FROM or JOIN")
    return None


RULES: Mapping[str, Rule] = {
    "WITH OFFSET": _with_offset,
    "set operations": _set_operation,
    "no FROM": _without_from,
    "LIMIT": _number_of_rows,
    "kinds of SELECT": _select,
    "QUALIFY": _qualify,
    "DISTINCT": _distinct,
    "order of DISTINCT": _order_of_distinct,
    "frames": _frame,
    "numbers of rows": _place,
    "UNNEST": _unnest,
}
"""By what they are about."""
