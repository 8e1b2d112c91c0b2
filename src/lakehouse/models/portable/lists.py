"""Lists as BigQuery has them: a place beyond the end is an error, but for SAFE_OFFSET and SAFE_ORDINAL."""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models.portable.duck import duck, failure, put, shared, whole_literal


def place_of(node: exp.Bracket) -> int | None:
    """The place in a list that is written there, from 0; None where it is computed."""
    written = whole_literal(node.expressions[0]) if len(node.expressions) == 1 else None
    return None if written is None else written - (node.args.get("offset") or 0)


def element(node: exp.Expr) -> exp.Expr:
    """``list[OFFSET(n)]``, ``list[ORDINAL(n)]`` and ``list[n]``: beyond the end it is an error."""
    place = place_of(node) if isinstance(node, exp.Bracket) and not node.args.get("safe") else None
    if place is None or place < 0:
        return node
    beyond = failure("a place is beyond the end of a list")
    within = f"CASE WHEN LENGTH(:list) <= {place} THEN :error ELSE :element END"
    items: exp.Expr = node.this
    return shared(lambda name: duck(within, list=name, element=put(node, [items], [name]), error=beyond), items)
