"""Column lineage of a model, read from its SQL."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.scope import build_scope

from lakehouse.models import dialect
from lakehouse.models.model import SqlModel


def column_lineage(model: SqlModel) -> dict[str, frozenset[tuple[str, str]]]:
    """Column → the ``(layer.table, column)`` pairs its value is computed from.

    Takes tens of milliseconds: for a run's metadata, not for import time.
    """
    nodes: dict[str, Node] = lineage(
        None,
        model.resolved,
        {},
        scope=build_scope(model.resolved),
        dialect=dialect.BIGQUERY,
        trim_selects=False,
        copy=False,
    )
    return {column: frozenset(_leaves(node)) for column, node in nodes.items()}


def _leaves(node: Node) -> set[tuple[str, str]]:
    return {
        (f"{leaf.expression.db}.{leaf.expression.name}", leaf.name.rpartition(".")[2].strip('"`'))
        for leaf in node.walk()
        if isinstance(leaf.expression, exp.Table)
    }
