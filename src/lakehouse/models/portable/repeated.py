"""What sqlglot writes by naming operands several times, which one within another would have no end."""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models.portable.duck import put, repeats, shared


def once_each(node: exp.Expr) -> exp.Expr:
    """``GREATEST``, ``LEAST``, ``SAFE_DIVIDE``, ``LAST_DAY`` and ``IN UNNEST`` with each operand computed once."""
    operands = _operands(node)
    if not any(map(repeats, operands)):
        return node
    return shared(lambda *names: put(node, operands, names), *operands)


def _operands(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, (exp.Greatest, exp.Least)):
        return [node.this, *node.expressions]
    if isinstance(node, exp.SafeDivide):
        return [node.this, node.expression]
    if isinstance(node, exp.In) and isinstance(node.args.get("unnest"), exp.Unnest):
        return [node.this, *node.args["unnest"].expressions]
    if isinstance(node, exp.LastDay) and (unit := node.args.get("unit")) is not None:
        return [] if unit.name.upper() in {"MONTH", "YEAR"} else [node.this]
    return []
