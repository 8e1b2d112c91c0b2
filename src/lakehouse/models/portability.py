"""The portable subset of BigQuery's SQL: what both engines answer alike, proven case by case on Google's own engine.

Most of what lies outside it is not refused by an engine but answered differently, so it is refused here, with the form
that means the same on both.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from lakehouse.models import dialect
from lakehouse.models.portable import refusals, reruns, type_rules
from lakehouse.models.portable.finding import Finding

NOT_PORTABLE = "not the same on DuckDB and BigQuery"


def differing(query: exp.Expr, resolved: exp.Expr) -> Iterator[Finding]:
    """What the engines answer differently, or only one of them answers."""
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
                yield Finding(
                    f"column {name} is new and is called as one of what it is made from",
                    f"give the source's another name in a CTE first, as in {name} AS …",
                )
