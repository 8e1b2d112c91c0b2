"""What would give a rerun other rows: refused in models, whose rows are published; a query may have it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from lakehouse.models.portable.finding import Finding, as_written
from lakehouse.models.portable.types import FLOAT, kind

_CHANGING = (exp.CurrentDate, exp.CurrentDatetime)
_OF_FLOATS = (exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr)
_BY_ORDER = (exp.RowNumber, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead, exp.Ntile)


def written(query: exp.Expr) -> Iterator[Finding]:
    """What can be told from the query as its author wrote it."""
    for node in query.walk():
        finding = _changing(node) or _order(node)
        if finding is not None:
            yield finding


def typed(resolved: exp.Expr) -> Iterator[Finding]:
    """What takes types to tell: needs the query resolved."""
    for node in resolved.find_all(exp.Sum, exp.Avg):
        if kind(node.this) in FLOAT:
            yield Finding(
                f"{as_written(node)} adds FLOAT64s in another order in each run",
                "cast each to NUMERIC(p, s) first: CAST(x AS …)",
            )


def _changing(node: exp.Expr) -> Finding | None:
    if isinstance(node, _CHANGING):
        return Finding(
            f"{as_written(node)} differs from run to run", "use @partition_start and @partition_end, or a column"
        )
    if isinstance(node, _OF_FLOATS):
        return Finding(
            f"{as_written(node)} adds FLOAT64s in another order in each run",
            "publish the sums, as NUMERIC(p, s), and let its reader work it out",
        )
    if isinstance(node, exp.Query) and node.args.get("limit") and not node.args.get("order"):
        return Finding("LIMIT without ORDER BY keeps other rows in each run", "add ORDER BY")
    return None


def _order(node: exp.Expr) -> Finding | None:
    """What would make a rerun pick other rows, as rows have no order of their own."""
    if isinstance(node, exp.Window) and not node.args.get("order"):
        function = node.this.this if isinstance(node.this, exp.IgnoreNulls) else node.this
        if isinstance(function, _BY_ORDER):
            return Finding(f"{as_written(node)} is another row's in each run", "add ORDER BY to its OVER (…)")
    if isinstance(node, exp.GroupConcat) and not node.find(exp.Order):
        return Finding("an aggregated list is in another order in each run", "add ORDER BY inside it")
    return None
