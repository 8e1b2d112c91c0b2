"""What a statement reads and removes of partitioned tables, judged by its text: one month of each, by constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import sqlglot
from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.partition import Month
from lakehouse.schema import TableSpec

Tables = Mapping[str, TableSpec]
"""By what statements call them."""

_READERS = (exp.Select, exp.Delete, exp.Update, exp.Merge, exp.Insert, exp.Create, exp.Alter)
_OF_TRANSACTIONS = (exp.Transaction, exp.Commit, exp.Rollback)


def unbound(sql: str, tables: Tables, month: Month | None) -> list[str]:
    """Reads of partitioned tables that are not bound to the month, or, if none is given, to any one month.

    A read is bound where the nearest SELECT around it, or the DELETE, UPDATE or MERGE of the table itself, demands
    ``partition >= CONSTANT AND partition < CONSTANT``.
    """
    return [finding for each in _statements(sql) for finding in _unbound(each, tables, month)]


def wrongly_deleted(sql: str, tables: Tables, month: Month | None) -> list[str]:
    """DELETEs of anything but a whole month, by its partition's column alone, or of a whole table without partition."""
    deletes = (each for statement in _statements(sql) for each in statement.find_all(exp.Delete))
    return [finding for each in deletes if (finding := _wrong(each, tables, month)) is not None]


def _statements(sql: str) -> Iterator[exp.Expr]:
    for each in sqlglot.parse(sql, read=dialect.BIGQUERY):
        if isinstance(each, exp.Command):
            raise TypeError(f"cannot be judged: {each.sql(dialect.BIGQUERY)}")
        if each is not None and not isinstance(each, _OF_TRANSACTIONS):
            yield each


def _unbound(statement: exp.Expr, tables: Tables, month: Month | None) -> Iterator[str]:
    for table in statement.find_all(exp.Table):
        spec = tables.get(_name(table))
        around = table.find_ancestor(*_READERS)
        is_written = isinstance(around, exp.Insert | exp.Create | exp.Alter)
        if spec is None or spec.partition is None or is_written:
            continue
        bound = _month(around, table, spec)
        if bound is None or month not in (None, bound):
            kind = type(around).__name__.upper()
            yield f"{kind} of {spec.name} that is {'of no one month' if bound is None else f'of {bound}'}"


def _wrong(delete: exp.Delete, tables: Tables, month: Month | None) -> str | None:
    table, where = delete.this, delete.args.get("where")
    spec = tables.get(_name(table)) if isinstance(table, exp.Table) else None
    if spec is None or where is None:
        return f"DELETE of what is none of the tables, or without a condition: {delete.sql(dialect.BIGQUERY)}"
    if spec.partition is None:
        return None if where.this == exp.true() else f"DELETE of some rows of {spec.name}, which comes whole"
    bound = _month(delete, table, spec)
    if bound is None or len(list(where.this.flatten())) != 2 or month not in (None, bound):
        return f"DELETE of {spec.name} by more than a whole month: {where.sql(dialect.BIGQUERY)}"
    return None


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _month(around: exp.Expr | None, table: exp.Table, spec: TableSpec) -> Month | None:
    """The month that a statement demands of the rows of a table of its own; None if it is not just one."""
    where = None if around is None else around.args.get("where")
    if where is None or spec.partition is None:
        return None
    is_alone = not around.args.get("joins") if isinstance(around, exp.Select) else True
    names = {table.alias_or_name, *([""] if is_alone else [])}
    found: dict[type[exp.Expr], list[datetime | None]] = {exp.GTE: [], exp.LT: []}
    for condition in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        column = condition.this
        is_own = isinstance(column, exp.Column) and column.name == spec.partition and column.table in names
        if is_own and type(condition) in found:
            found[type(condition)].append(_constant(condition.expression, spec.column(spec.partition).type))
    (starts, ends) = found.values()
    if len(starts) != 1 or len(ends) != 1 or starts[0] is None or ends[0] is None:
        return None
    month = Month(starts[0].year, starts[0].month)
    return month if (month.start, month.end) == (starts[0], ends[0]) else None


def _constant(value: exp.Expr, type_: str) -> datetime | None:
    """The value of a constant of a type."""
    if not isinstance(value, exp.Cast) or not isinstance(value.this, exp.Literal) or not value.this.is_string:
        return None
    return datetime.fromisoformat(value.this.this) if value.to.sql(dialect.BIGQUERY) == type_ else None
