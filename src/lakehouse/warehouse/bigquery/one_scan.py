"""Counts that are each a query of their own over one table, as one query: BigQuery bills a table for each reading."""

from __future__ import annotations

from sqlglot import exp

_OTHER_PARTS = ("joins", "laterals", "group", "having", "qualify", "order", "limit", "offset", "distinct", "with_")


def in_one_scan(query: exp.Query) -> exp.Query:
    """The same row: of a SELECT without FROM, counts and least values of one table are computed at one go."""
    if not isinstance(query, exp.Select) or any(map(query.args.get, ("from_", "where", *_OTHER_PARTS))):
        return query
    tables, merged = set(), []
    for projection in query.selects:
        inner = projection.unalias()
        found = _aggregate(inner.this) if isinstance(inner, exp.Subquery) else None
        if found is None:
            return query
        table, value = found
        tables.add(table)
        merged.append(exp.alias_(value, projection.alias, quoted=True))
    if len(tables) != 1:
        return query
    return exp.select(*merged).from_(tables.pop())


def _aggregate(select: exp.Expr) -> tuple[exp.Table, exp.Expr] | None:
    """The table of a ``SELECT aggregate FROM table [WHERE condition]``, and the same without a WHERE."""
    if not isinstance(select, exp.Select) or len(select.selects) != 1 or any(map(select.args.get, _OTHER_PARTS)):
        return None
    source, where = select.args.get("from_"), select.args.get("where")
    if source is None or not isinstance(source.this, exp.Table):
        return None
    value = select.selects[0].unalias().copy()
    if not isinstance(value, exp.AggFunc):
        return None
    told = value if where is None else _of_those(value, where.this.copy())
    return None if told is None else (source.this.copy(), told)


def _of_those(value: exp.Expr, condition: exp.Expr) -> exp.Expr | None:
    """An aggregate of the rows of which a condition is true, over all rows."""
    if isinstance(value, exp.Count) and isinstance(value.this, exp.Star):
        return exp.CountIf(this=condition)
    if isinstance(value, exp.Min):
        return exp.Min(this=exp.If(this=condition, true=value.this, false=exp.Null()))
    return None
