"""Queries over the rows of one table as one query: BigQuery bills a table for each reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

NULLS = "nulls_"
"""In front of counts of NULLs."""

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


def at_one_go(queries: Mapping[str, exp.Query]) -> exp.Select:
    """One row: the columns of each of these queries, which have one row, with what it is called in front.

    Raises:
        TypeError: they are not all aggregates of all rows of one table.
    """
    tables, merged = set[exp.Expr](), list[exp.Expr]()
    for prefix, query in queries.items():
        source = query.args.get("from_")
        is_plain = isinstance(query, exp.Select) and not any(map(query.args.get, ("where", *_OTHER_PARTS)))
        if not is_plain or source is None or not isinstance(source.this, exp.Table):
            raise TypeError(f"{prefix}: is no aggregate of all rows of a table")
        tables.add(source.this)
        for each in query.selects:
            merged.append(exp.alias_(each.unalias().copy(), prefix + each.alias_or_name, quoted=True))
    (table,) = tables
    return exp.select(*merged).from_(table.copy())


def measuring(queries: Mapping[str, exp.Query], columns: Iterable[str]) -> exp.Select:
    """The same of these queries, and how many rows of the table have NULL in each column."""
    first = next(iter(queries.values()))
    return at_one_go({**queries, NULLS: nulls(first.args["from_"].this, columns)})


def nulls(source: exp.Table, columns: Iterable[str]) -> exp.Select:
    """One row: how many rows of a table have NULL in each column."""
    counts = (
        exp.alias_(
            exp.CountIf(this=exp.column(column, table=source.alias_or_name, quoted=True).is_(exp.Null())),
            column,
            quoted=True,
        )
        for column in columns
    )
    return exp.select(*counts).from_(source.copy())


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
