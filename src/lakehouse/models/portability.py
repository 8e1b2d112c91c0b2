"""The portable subset of BigQuery's SQL: what DuckDB, through sqlglot, understands as BigQuery does.

Most of what lies outside it is not refused by an engine but answered differently, so it is refused here, with
the form that means the same on both. Each rule was measured on DuckDB 2.0 and a BigQuery emulator, or follows
from BigQuery's reference; values that would differ from rerun to rerun are outside too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.optimizer.simplify import simplify

from lakehouse.models import dialect

NOT_PORTABLE = "not the same on DuckDB and BigQuery"

_DIFFERENCES = (exp.TimestampDiff, exp.DatetimeDiff, exp.DateDiff, exp.TimeDiff)
_TRUNCATIONS = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)
_DATES_IN_BIGQUERY_ONLY = (exp.DateTrunc, exp.DateAdd, exp.DateSub)
_CHANGING = (
    *(exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentDatetime, exp.CurrentTime),
    *(exp.Rand, exp.Uuid, exp.SessionUser),
)
_OF_FLOATS = (exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr)
_BY_ORDER = (exp.RowNumber, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead)
_WHOLE = (exp.Round, exp.Floor, exp.Ceil, exp.Trunc)
_INEXACT = {exp.DType.DOUBLE, exp.DType.FLOAT}
_DECIMAL = {exp.DType.DECIMAL, exp.DType.BIGDECIMAL}
_WEEKS = {"WEEK", "ISOWEEK", "DAYOFWEEK"}


@dataclass(frozen=True)
class Finding:
    """A construct outside the subset, and what to write instead.

    One that ``misleads`` is answered by DuckDB without an error, and in a way that nobody would expect.
    """

    construct: str
    instead: str
    misleads: bool = False

    def __str__(self) -> str:
        return f"{self.construct}: {self.instead}"


def written(query: exp.Expr) -> Iterator[Finding]:
    """What can be told from the query as its author wrote it."""
    for node in query.walk():
        for rule in _RULES:
            finding = rule(node)
            if finding is not None:
                yield finding


def typed(resolved: exp.Expr, schema: dialect.Schema) -> Iterator[Finding]:
    """What takes types and columns to tell: needs the query resolved, see :func:`lakehouse.models.dialect.resolve`."""
    for node in resolved.find_all(exp.Sum, exp.Avg, exp.Cast):
        for finding in (_of_a_float(node), _of_a_text(node)):
            if finding is not None:
                yield finding
    yield from _shadows(resolved, schema)


def _difference(node: exp.Expr) -> Finding | None:
    if not isinstance(node, _DIFFERENCES):
        return None
    unit = _unit(node)
    counted_alike = {"DAY", "MONTH", "YEAR"} if isinstance(node, exp.DateDiff) else {"SECOND", "DAY"}
    if isinstance(node, exp.TimestampDiff) or unit not in counted_alike:
        return Finding(
            f"a difference in {unit} of {'timestamps' if isinstance(node, exp.TimestampDiff) else 'times'} "
            "counts differently on each engine",
            "write DATETIME_DIFF(…, SECOND), divided as needed, or DATE_DIFF(…, DAY)",
            misleads=True,
        )
    return None


def _part(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Extract):
        part = node.this.name.upper() if isinstance(node.this, exp.Var) else "WEEK"
        if part in _WEEKS:
            return Finding(
                f"EXTRACT({part} …) numbers days and weeks differently on each engine",
                "write CAST(FORMAT_DATE('%u', d) AS INT64) for the day of the week, Monday 1, or '%V' for the ISO week",
                misleads=True,
            )
    return None


def _truncation(node: exp.Expr) -> Finding | None:
    if isinstance(node, _TRUNCATIONS) and _unit(node) in _WEEKS:
        return Finding(
            "truncation to a week begins it on another day on each engine",
            "subtract days: DATE_SUB(d, INTERVAL CAST(FORMAT_DATE('%u', d) AS INT64) - 1 DAY)",
            misleads=True,
        )
    if isinstance(node, _DATES_IN_BIGQUERY_ONLY):
        around = node.parent
        while isinstance(around, exp.Paren):
            around = around.parent
        if not (isinstance(around, exp.Cast) and around.to.this == exp.DType.DATE):
            return Finding(
                f"{node.sql(dialect.BIGQUERY)} is a timestamp in DuckDB",
                "put it in CAST(… AS DATE), also inside others",
            )
    return None


def _division(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Div) and not _is_number_but_zero(node.expression):
        return Finding("a division by zero is infinity in DuckDB", "write SAFE_DIVIDE(a, b), which is NULL then")
    if isinstance(node, (exp.Div, exp.SafeDivide, exp.Avg)) and not _is_cast(node):
        return Finding(
            f"{node.sql(dialect.BIGQUERY)} is of another type on each engine", "put it in CAST(… AS NUMERIC(p, s))"
        )
    return None


def _function(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Trim) and node.expression is None:
        return Finding("TRIM takes all white space in BigQuery, spaces in DuckDB", "say what: TRIM(x, ' ')")
    if isinstance(node, exp.TimeToStr) and "%E" in node.args["format"].name:
        return Finding("DuckDB has no %E in formats", "write the format without it")
    if isinstance(node, exp.TryCast) and node.to.this == exp.DType.BIGINT and node.find_ancestor(exp.If) is None:
        return Finding(
            "SAFE_CAST('1.5' AS INT64) is 2 in DuckDB", "test it with REGEXP_CONTAINS first, then CAST", misleads=True
        )
    return next((finding for kind, finding in _FUNCTIONS.items() if isinstance(node, kind)), None)


_NOT_APPROXIMATE = Finding("approximate functions differ", "write PERCENTILE_CONT(…) OVER (…), or COUNT(DISTINCT …)")
_FUNCTIONS: dict[type[exp.Expr], Finding] = {
    exp.Format: Finding(
        "FORMAT returns its pattern in DuckDB", "write ROUND, or format where the result is shown", misleads=True
    ),
    exp.ApproxQuantiles: _NOT_APPROXIMATE,
    exp.ApproxDistinct: _NOT_APPROXIMATE,
    exp.ApproxTopK: _NOT_APPROXIMATE,
    exp.FarmFingerprint: Finding("DuckDB has no FARM_FINGERPRINT", "write TO_HEX(MD5(…))"),
    exp.SafeFunc: Finding("DuckDB has no SAFE. functions", "test the argument with IF first"),
}


def _relation(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Unnest) and node.args.get("offset"):
        return Finding(
            "UNNEST … WITH OFFSET counts from 1 in DuckDB", "number rows with ROW_NUMBER() OVER (…) - 1", misleads=True
        )
    if isinstance(node, exp.SetOperation) and node.args.get("by_name") and node.side == "FULL":
        return Finding("neither engine's FULL UNION BY NAME means the same", "name the columns in each SELECT")
    if isinstance(node, exp.DataType) and node.this == exp.DType.BIGDECIMAL:
        return Finding("DuckDB has no BIGNUMERIC", "write NUMERIC(p, s)")
    if isinstance(node, exp.DataType) and node.this in _DECIMAL and not node.expressions:
        return Finding("NUMERIC is of another scale on each engine", "write its precision, as in NUMERIC(18, 2)")
    return None


def _rerun(node: exp.Expr) -> Finding | None:
    """What would make a rerun give other rows."""
    if isinstance(node, _CHANGING):
        return Finding(
            f"{node.sql(dialect.BIGQUERY)} differs from run to run",
            "use @partition_start and @partition_end, or a column",
        )
    if isinstance(node, _OF_FLOATS):
        return Finding(
            f"{node.sql(dialect.BIGQUERY)} adds FLOAT64s in another order in each run",
            "publish the sums, as NUMERIC(p, s), and let its reader work it out",
        )
    if isinstance(node, exp.Query) and node.args.get("limit") and not node.args.get("order"):
        return Finding("LIMIT without ORDER BY keeps other rows in each run", "add ORDER BY")
    return None


def _order(node: exp.Expr) -> Finding | None:
    """What would make a rerun pick other rows, as rows have no order of their own."""
    if isinstance(node, exp.Window) and isinstance(node.this, _BY_ORDER) and not node.args.get("order"):
        return Finding(f"{node.sql(dialect.BIGQUERY)} is another row's in each run", "add ORDER BY to its OVER (…)")
    if isinstance(node, exp.TableSample):
        return Finding("a sample is of other rows in each run", "filter by a column")
    if isinstance(node, exp.AnyValue):
        return Finding("ANY_VALUE is another value in each run", "write MIN or MAX")
    if isinstance(node, (exp.ArrayAgg, exp.GroupConcat)):
        if node.find(exp.Limit):
            return Finding("DuckDB has no LIMIT in ARRAY_AGG", "filter with QUALIFY ROW_NUMBER() OVER (…) first")
        if not node.find(exp.Order):
            return Finding("an aggregated list is in another order in each run", "add ORDER BY inside it")
    return None


_RULES: tuple[Callable[[exp.Expr], Finding | None], ...] = (
    *(_difference, _part, _truncation, _division, _function, _relation, _rerun, _order),
)


def _of_a_float(node: exp.Expr) -> Finding | None:
    kind = node.this.type.this if node.this.type else None
    text = node.sql(dialect.BIGQUERY)
    if isinstance(node, (exp.Sum, exp.Avg)):
        if kind in _INEXACT:
            return Finding(
                f"{text} adds FLOAT64s in another order in each run", "cast each to NUMERIC(p, s) first: CAST(x AS …)"
            )
        return None
    if not isinstance(node, exp.Cast) or kind not in _INEXACT | _DECIMAL:
        return None
    whole = isinstance(node.this, _WHOLE) and not node.this.args.get("decimals")
    if node.to.this == exp.DType.BIGINT and not whole:
        return Finding(f"{text} rounds halves differently on each engine", "write CAST(ROUND(x) AS INT64)")
    if node.to.this == exp.DType.TEXT:
        return Finding(f"{text} writes 1 as 1.0 or 1.00 on some engine", "keep it a number")
    return None


def _of_a_text(node: exp.Expr) -> Finding | None:
    """DuckDB takes '1.5' for the INT64 2, '1_000' for a number and 't' for TRUE."""
    if not isinstance(node, exp.Cast) or node.to.this not in {exp.DType.BIGINT, exp.DType.BOOLEAN, *_INEXACT}:
        return None
    kind = node.this.type.this if node.this.type else None
    is_tested = isinstance(node.this, exp.TimeToStr) or node.find_ancestor(exp.If) is not None
    if kind not in {exp.DType.TEXT, exp.DType.VARCHAR} or is_tested:
        return None
    return Finding(
        f"{node.sql(dialect.BIGQUERY)} takes more texts in DuckDB than in BigQuery",
        "test it first: IF(REGEXP_CONTAINS(x, r'^[0-9]+$'), CAST(x AS …), NULL)",
    )


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


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    if unit is None:
        return "DAY"
    return "WEEK" if isinstance(unit, exp.WeekStart) else unit.name.upper()


def _is_number_but_zero(node: exp.Expr) -> bool:
    if node.find(exp.Column, exp.Parameter, exp.Func, exp.Query) is not None:
        return False
    node = simplify(node.copy()).unnest()
    if isinstance(node, exp.Neg):
        node = node.this
    return isinstance(node, exp.Literal) and not node.is_string and float(node.name) != 0


def _is_cast(node: exp.Expr) -> bool:
    """Whether a cast settles the type, however deep inside it the node is; before anything adds it up."""
    around = node.parent
    while around is not None and not isinstance(around, (exp.Query, exp.AggFunc)):
        if isinstance(around, exp.Cast):
            return True
        around = around.parent
    return False
