"""What is refused of names: words that BigQuery keeps for itself, and names that stand for several things or a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from lakehouse.models.portable.finding import Finding, Rule, as_written

_RESERVED = frozenset(
    {
        *("ALL", "AND", "ANY", "ARRAY", "AS", "ASC", "ASSERT_ROWS_MODIFIED", "AT", "BETWEEN", "BY", "CASE"),
        *("CAST", "COLLATE", "CONTAINS", "CREATE", "CROSS", "CUBE", "CURRENT", "DEFAULT", "DEFINE", "DESC"),
        *("DISTINCT", "ELSE", "END", "ENUM", "ESCAPE", "EXCEPT", "EXCLUDE", "EXISTS", "EXTRACT", "FALSE"),
        *("FETCH", "FOLLOWING", "FOR", "FROM", "FULL", "GROUP", "GROUPING", "GROUPS", "HASH", "HAVING", "IF"),
        *("IGNORE", "IN", "INNER", "INTERSECT", "INTERVAL", "INTO", "IS", "JOIN", "LATERAL", "LEFT", "LIKE"),
        *("LIMIT", "LOOKUP", "MERGE", "NATURAL", "NEW", "NO", "NOT", "NULL", "NULLS", "OF", "ON", "OR"),
        *("ORDER", "OUTER", "OVER", "PARTITION", "PRECEDING", "PROTO", "QUALIFY", "RANGE", "RECURSIVE"),
        *("RESPECT", "RIGHT", "ROLLUP", "ROWS", "SELECT", "SET", "SOME", "STRUCT", "TABLESAMPLE", "THEN"),
        *("TO", "TREAT", "TRUE", "UNBOUNDED", "UNION", "UNNEST", "USING", "WHEN", "WHERE", "WINDOW", "WITH"),
        "WITHIN",
    }
)
"""BigQuery's reference, "Lexical structure": "Reserved keywords"."""


def _kept(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Identifier) or node.args.get("quoted"):
        return None
    if node.name.upper() in _RESERVED:
        return Finding(f"{node.name} is a word that BigQuery keeps for itself", f"write `{node.name}`")
    if not node.name.isascii():
        return Finding(f"{node.name} has letters beyond ASCII", f"write `{node.name}`")
    return None


def _listed(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.TableAlias) and node.args.get("columns") and not isinstance(node.parent, exp.Unnest):
        return Finding(f"names of columns after {node.name}", "name them in its SELECT, with AS")
    return None


def _order_of_set(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.SetOperation) or not node.args.get("order"):
        return None
    names = {name.upper() for name in node.named_selects}
    for column in node.args["order"].find_all(exp.Column):
        if not node.is_star and (column.table or column.name.upper() not in names):
            return Finding(
                f"{as_written(column)} is no column of the first SELECT, by whose names all are ordered",
                f"order by {' or '.join(node.named_selects)}",
            )
    return None


def _used_again(node: exp.Expr) -> Finding | None:
    """A column of USING after a RIGHT or FULL JOIN that has it too: it is either's, and the parser takes the left."""
    outer, there = set[str](), set[str]()
    for join in node.args.get("joins") or () if isinstance(node, exp.Select) else ():
        using = {name.name.upper() for name in join.args.get("using") or ()}
        if again := sorted(using & outer):
            return Finding(
                f"USING ({again[0].lower()}) after a RIGHT or FULL JOIN", "write the first two in a CTE, and join that"
            )
        there |= using
        outer |= there if join.side in {"RIGHT", "FULL"} else set()
    return None


WRITTEN: Mapping[str, Rule] = {
    "reserved words": _kept,
    "names of columns": _listed,
    "order of a set": _order_of_set,
    "USING again": _used_again,
}
"""By what they are about; each takes a node as its author wrote it."""


def _row(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.TableColumn):
        return Finding(f"{node.name} is a table, and stands for a whole row", "name its columns")
    return None


TYPED: Mapping[str, Rule] = {"rows": _row}
"""By what they are about; each takes a node of a resolved statement."""


def ambiguous(resolved: exp.Expr) -> Iterator[Finding]:
    """Columns of a subquery or CTE that has several of that name, of which engines take one."""
    for scope in traverse_scope(resolved):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            inner = getattr(source, "expression", None)
            if isinstance(inner, exp.Query) and inner.named_selects.count(column.name) > 1:
                yield Finding(
                    f"column {column.name} is ambiguous: {column.table} has several",
                    "give each another name with AS",
                )
    for node in resolved.find_all(exp.Star):
        if isinstance(node.parent, exp.Select):
            yield Finding("* of several columns of one name", "name the columns")
