"""The portable subset of BigQuery's SQL: what both engines answer alike, proven case by case on Google's own engine.

Most of what lies outside it is not refused by an engine but answered differently, so it is refused here, with the form
that means the same on both.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from lakehouse.models import dialect
from lakehouse.models.portable import names, refusals, reruns, type_rules
from lakehouse.models.portable.finding import Finding

NOT_PORTABLE = "not the same on DuckDB and BigQuery"


def differing(query: exp.Expr, resolved: exp.Expr, schema: dialect.Schema) -> Iterator[Finding]:
    """What the engines answer differently, or only one of them answers."""
    yield from names.ambiguous(resolved)
    yield from names.unknown(query, resolved, schema)
    yield from _used_shadows(resolved, schema)
    for node in query.walk():
        yield from (finding for rule in refusals.RULES.values() if (finding := rule(node)) is not None)
    for node in resolved.walk():
        yield from (finding for rule in type_rules.RULES.values() if (finding := rule(node)) is not None)


def unrepeatable(query: exp.Expr, resolved: exp.Expr, schema: dialect.Schema) -> Iterator[Finding]:
    """What would give other rows in each run, or other columns than it seems."""
    yield from reruns.written(query)
    yield from reruns.typed(resolved)
    yield from _shadows(resolved, schema)


def _shadows(resolved: exp.Expr, schema: dialect.Schema) -> Iterator[Finding]:
    """New columns named as one that is there already: what such a name means differs from clause to clause."""
    for _, name in _shadowing(resolved, schema):
        yield Finding(
            f"column {name} is new and is called as one of what it is made from",
            f"give the source's another name in a CTE first, as in {name} AS …",
        )


def _used_shadows(resolved: exp.Expr, schema: dialect.Schema) -> Iterator[Finding]:
    """Such names where engines do not agree what they mean: within an order's expression, QUALIFY, HAVING, ROLLUP."""
    for select, name in _shadowing(resolved, schema):
        if any(column.name == name for clause in _clauses(select) for column in clause.find_all(exp.Column)):
            yield Finding(
                f"{name} is a new column and one of what it is made from, and which of them is meant differs",
                "give the new one another name",
            )


def _clauses(select: exp.Select) -> Iterator[exp.Expr]:
    order, group = select.args.get("order"), select.args.get("group")
    if order is not None:
        yield from (ordered.this for ordered in order.expressions if not isinstance(ordered.this, exp.Column))
    if group is not None:
        yield from (part for part in group.expressions if isinstance(part, (exp.Rollup, exp.Cube, exp.GroupingSets)))
    yield from (clause for name in ("qualify", "having") if (clause := select.args.get(name)) is not None)


def _shadowing(resolved: exp.Expr, schema: dialect.Schema) -> Iterator[tuple[exp.Select, str]]:
    """SELECTs with new columns named as one that is there already, and these names."""
    for scope in traverse_scope(resolved):
        if not isinstance(scope.expression, exp.Select):
            continue
        there: set[str] = set()
        for _, source in scope.selected_sources.values():
            if isinstance(source, exp.Table):
                there.update(schema.get(source.db, {}).get(source.name, {}))
            elif isinstance(source.expression, exp.Query):
                there.update(source.expression.named_selects)
        for projection in scope.expression.selects:
            name, value = projection.alias_or_name, projection.unalias()
            # JOIN … USING (x) is resolved to COALESCE(a.x, b.x).
            parts = [value.this, *value.expressions] if isinstance(value, exp.Coalesce) else [value]
            passes_on = all(isinstance(part, exp.Column) and part.name == name for part in parts)
            if name in there and not passes_on:
                yield scope.expression, name
