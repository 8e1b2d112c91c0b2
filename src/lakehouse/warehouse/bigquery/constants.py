"""A month of a partitioned table by constants: BigQuery then reads, and bills, no other of its partitions."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.partition import Partition, Period
from lakehouse.schema import Column, TableSpec


def of_month(spec: TableSpec, partition: Partition, there: Iterable[str], table: exp.Table) -> exp.Select:
    """The rows of a month, or of a whole table; columns that are not ``there`` are NULL."""
    held = set(there)
    columns = (_column(column, column.name in held) for column in spec.columns)
    rows = exp.select(*columns).from_(table)
    return rows if spec.partition is None or not isinstance(partition, Period) else rows.where(is_in(spec, partition))


def is_in(spec: TableSpec, partition: Period) -> exp.Expr:
    """True of the rows of a month.

    Raises:
        TypeError: the table has no months.
    """
    start, end = (exp.cast(exp.Literal.string(text), _type(spec)) for text in bounds(spec, partition))
    column = exp.column(_partition(spec), quoted=True)
    return exp.and_(exp.GTE(this=column, expression=start), exp.LT(this=column.copy(), expression=end))


def deleted(spec: TableSpec, partition: Partition, table: str) -> str:
    """The statement that removes a month, of just its partition, or all rows of a table without months."""
    if spec.partition is None or not isinstance(partition, Period):
        return f"DELETE FROM {table} WHERE TRUE"
    start, end = (f"{_type(spec)} {exp.Literal.string(text).sql(dialect.BIGQUERY)}" for text in bounds(spec, partition))
    return f"DELETE FROM {table} WHERE `{spec.partition}` >= {start} AND `{spec.partition}` < {end}"


def bounds(spec: TableSpec, partition: Period) -> tuple[str, str]:
    """First instant of a month, and of the next, as constants of the partition column's type are written."""
    if _type(spec) == "DATE":
        return partition.start.date().isoformat(), partition.end.date().isoformat()
    return partition.start.isoformat(sep=" "), partition.end.isoformat(sep=" ")


def _partition(spec: TableSpec) -> str:
    if spec.partition is None:
        raise TypeError(f"{spec.name} has no months")
    return spec.partition


def _type(spec: TableSpec) -> str:
    return spec.column(_partition(spec)).type


def _column(column: Column, is_there: bool) -> exp.Expr:
    value = exp.column(column.name, quoted=True)
    return value if is_there else exp.alias_(dialect.cast(exp.Null(), column.type), column.name, quoted=True)
