"""What is refused of windows and of what aggregates take: BigQuery asks more of them than other engines do."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable.finding import Finding, Rule, as_written
from lakehouse.models.portable.types import FLOAT, NUMBER, TEXT, UNKNOWN, WHOLE, kind

_RANKS = (exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
_PLACES = (exp.FirstValue, exp.LastValue, exp.NthValue)
_SHARES = (exp.PercentileCont, exp.PercentileDisc)
_UNFRAMED = (*_RANKS, exp.RowNumber, *_SHARES)


def _window_order(node: exp.Expr) -> Finding | None:
    function = _windowed(node)
    if not isinstance(node, exp.Window) or function is None:
        return None
    order = _given(node, "order")
    if order is None and isinstance(function, (*_RANKS, *_PLACES)):
        return Finding(f"{as_written(node)} without an order is an error in BigQuery", "write ORDER BY within OVER (…)")
    if order is not None and isinstance(function, _SHARES):
        return Finding(f"{as_written(node)}: its window has an order", "leave ORDER BY out")
    if isinstance(function.this, exp.Order):
        return Finding(f"{as_written(node)}: ORDER BY in its arguments", "order the window, within OVER (…)")
    return None


def _window_frame(node: exp.Expr) -> Finding | None:
    function = _windowed(node)
    if not isinstance(node, exp.Window) or function is None:
        return None
    spec = _given(node, "spec")
    if spec is not None and isinstance(function, _UNFRAMED):
        return Finding(f"{as_written(node)}: it takes no frame", "leave ROWS or RANGE out")
    if isinstance(function.this, exp.Distinct) and (spec is not None or _given(node, "order") is not None):
        return Finding(f"{as_written(node)}: DISTINCT in an ordered window", "leave the order and the frame out")
    return None


def _windowed(node: exp.Expr) -> exp.Expr | None:
    """The function of a window; one that is only named has none."""
    if not isinstance(node, exp.Window) or isinstance(node.this, exp.Identifier):
        return None
    function: exp.Expr = node.this
    return function.this if isinstance(function, exp.IgnoreNulls) else function


def _given(window: exp.Window, clause: str) -> exp.Expr | None:
    """A clause of a window, or of the one that it names."""
    own = window.args.get(clause)
    if own is not None or window.alias == "":
        return own
    select = window.find_ancestor(exp.Select)
    for named in select.args.get("windows") or () if select is not None else ():
        if named.name.upper() == window.alias.upper() and named is not window:
            return _given(named, clause)
    return None


def _bounds(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.WindowSpec):
        return None
    bounds = [bound for name in ("start", "end") if isinstance(bound := node.args.get(name), exp.Expr)]
    for bound in bounds:
        if not isinstance(bound, (exp.Literal, exp.Parameter, exp.Cast)) or bound.find(exp.Column):
            return Finding(f"a frame of {as_written(bound)} rows", "write a number from 0 up")
    window = node.parent
    is_alone = isinstance(window, exp.Window) and node.args.get("kind") == "RANGE" and _given(window, "order") is None
    if is_alone and "CURRENT ROW" in (node.args.get("start"), node.args.get("end") or "CURRENT ROW"):
        return Finding("RANGE … CURRENT ROW without an order is an error in BigQuery", "write ORDER BY before it")
    return None


def _ordered(node: exp.Expr) -> Finding | None:
    """ORDER BY in an aggregate, which STRING_AGG alone has."""
    if not isinstance(node, exp.AggFunc) or not isinstance(node.this, exp.Order):
        return None
    if not isinstance(node, exp.GroupConcat):
        return Finding(f"{as_written(node)}: ORDER BY in it is an error in BigQuery", "leave it out")
    values = node.this.this.expressions if isinstance(node.this.this, exp.Distinct) else None
    for by in (ordered.this for ordered in node.this.expressions):
        if isinstance(by, exp.Literal):
            return Finding(f"{as_written(node)} is ordered by a number", "order by the value itself")
        if values is not None and by not in values:
            return Finding(f"{as_written(node)}: DISTINCT, and ordered by another value", "order by the text itself")
    return None


WRITTEN: Mapping[str, Rule] = {
    "orders of windows": _window_order,
    "frames of windows": _window_frame,
    "bounds of frames": _bounds,
    "ordered aggregates": _ordered,
}
"""By what they are about; each takes a node as its author wrote it."""


def _partition(node: exp.Expr) -> Finding | None:
    for by in node.args.get("partition_by") or () if isinstance(node, exp.Window) else ():
        if kind(by) in FLOAT:
            return Finding(f"PARTITION BY {as_written(by)}, a FLOAT64, is an error in BigQuery", "CAST it AS NUMERIC")
    return None


def _range(node: exp.Expr) -> Finding | None:
    """A distance is of the type of what is ordered by it."""
    if not isinstance(node, exp.WindowSpec) or node.args.get("kind") != "RANGE":
        return None
    order = _given(node.parent, "order") if isinstance(node.parent, exp.Window) else None
    bounds = [bound for name in ("start", "end") if isinstance(bound := node.args.get(name), exp.Expr)]
    if order is None or not bounds:
        return None
    by = order.expressions[0].this
    if kind(by) not in NUMBER:
        return Finding(f"RANGE of a distance, ordered by {as_written(by)}", "order by a number, as UNIX_DATE(date)")
    for bound in bounds:
        if kind(by) in WHOLE and kind(bound) not in WHOLE:
            return Finding(f"RANGE of {as_written(bound)}, ordered by an INT64", "write a whole number")
    return None


def _joined_texts(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.GroupConcat):
        return None
    value = node.this.this if isinstance(node.this, exp.Order) else node.this
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    if kind(value) in TEXT | UNKNOWN:
        return None
    return Finding(f"STRING_AGG of {as_written(value)}, which is no text", "CAST it AS STRING")


TYPED: Mapping[str, Rule] = {"partitions": _partition, "distances": _range, "joined texts": _joined_texts}
"""By what they are about; each takes a node of a resolved statement."""
