"""What is refused of names: words that BigQuery keeps for itself, and names that stand for several things or a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

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


def _twice(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Select) or node.args.get("from_") is None:
        return None
    seen: set[str] = set()
    for source in (node.args["from_"].this, *(join.this for join in node.args.get("joins") or ())):
        alias = source.args.get("alias")
        listed = alias.columns if isinstance(alias, exp.TableAlias) and isinstance(source, exp.Unnest) else ()
        for name in [each.name.upper() for each in listed] or [source.alias_or_name.upper()]:
            if name and name in seen:
                return Finding(f"{name.lower()} is the name of two tables or lists", "give one another name with AS")
            seen.add(name)
    return None


WRITTEN: Mapping[str, Rule] = {
    "reserved words": _kept,
    "names of columns": _listed,
    "order of a set": _order_of_set,
    "USING again": _used_again,
    "names twice": _twice,
}
"""By what they are about; each takes a node as its author wrote it."""


def _row(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.TableColumn):
        return Finding(f"{node.name} is a table, and stands for a whole row", "name its columns")
    return None


TYPED: Mapping[str, Rule] = {"rows": _row}
"""By what they are about; each takes a node of a resolved statement."""


Tables = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Layer → table → column → type."""


def unknown(query: exp.Expr, resolved: exp.Expr, tables: Tables) -> Iterator[Finding]:
    """Columns in EXCEPT or REPLACE of a star, and in USING, that there are none of, or several."""
    written, ours = list(query.find_all(exp.Select)), list(resolved.find_all(exp.Select))
    if len(written) != len(ours) or query.find(exp.Star, exp.Join) is None:
        return
    scopes = {id(scope.expression): scope for scope in traverse_scope(resolved)}
    for select, own in zip(written, ours, strict=True):
        if id(own) not in scopes:
            continue
        sources = scopes[id(own)].sources
        there = {name.lower(): _columns(source, tables) for name, source in sources.items()}
        if all(there.values()) and not any("*" in names for names in there.values()):
            yield from _not_in_star(select, set[str]().union(*there.values()))
            yield from _several(select, there)


def _columns(source: exp.Expr | Scope, tables: Tables) -> set[str]:
    if isinstance(source, exp.Table):
        return {name.lower() for name in tables.get(source.db, {}).get(source.name, {})}
    given = source.expression if isinstance(source, Scope) else source
    if isinstance(given, exp.Query):
        return {name.lower() for name in given.named_selects}
    return {name.lower() for name in given.alias_column_names}


def _not_in_star(select: exp.Select, there: set[str]) -> Iterator[Finding]:
    for star in (star for projection in select.selects if (star := projection.find(exp.Star)) is not None):
        for named in (*(star.args.get("except_") or ()), *(star.args.get("replace") or ())):
            name = named.alias_or_name.lower()
            if name not in there:
                yield Finding(f"* has no column {name} to leave out or replace", f"there is {', '.join(sorted(there))}")


def _several(select: exp.Select, there: Mapping[str, set[str]]) -> Iterator[Finding]:
    """USING of a name that two tables have which were joined by something else."""
    if select.args.get("from_") is None:
        return
    counted = Counter(there.get(select.args["from_"].this.alias_or_name.lower(), ()))
    for join in select.args.get("joins") or ():
        using = {name.name.lower() for name in join.args.get("using") or ()}
        if several := sorted(name for name in using if counted[name] > 1):
            yield Finding(f"USING ({several[0]}): two tables before it have {several[0]}", "write ON, and say of which")
        counted.update(there.get(join.this.alias_or_name.lower(), set()) - using)


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
