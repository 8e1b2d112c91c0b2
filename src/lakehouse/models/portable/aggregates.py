"""Aggregates with their windows, which are one value."""

from __future__ import annotations

from sqlglot import exp


def function_of(node: exp.Expr) -> exp.Expr | None:
    """What a node computes: of a window its function. Of that function nothing, as its window is asked."""
    if isinstance(node, exp.Window):
        return node.this  # type: ignore[no-any-return]
    return None if isinstance(node.parent, exp.Window) and node.arg_key == "this" else node
