"""What becomes of a model's reject rules: which records are kept, and a table of the others with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.exceptions import ModelError
from lakehouse.models import dialect
from lakehouse.models.model import PARTITION_START, REJECTED_COLUMNS
from lakehouse.schema import UNREADABLE, TableSpec, records_name, rejected_name

UNREADABLE_VALUE = "unreadable_value"
"""Why a record is rejected, before any rule is asked, that has a time or number which its column cannot hold."""

Rules = Mapping[str, exp.Expr]
"""Reason → predicate; of several that a record meets the first counts."""


def kept(query: exp.Select, rules: Rules) -> exp.Select:
    """The query without the records that meet a rule; a predicate that is NULL is not met."""
    return query.where(*(exp.func("COALESCE", predicate, exp.false()).not_() for predicate in rules.values()))


def columns_read(rules: Rules) -> tuple[str, ...]:
    """Columns that the predicates name, in the order in which they do."""
    found = (column.name.lower() for predicate in rules.values() for column in predicate.find_all(exp.Column))
    return tuple(dict.fromkeys(found))


def rejected_table(table: TableSpec, contract: Contract) -> TableSpec:
    """The table of the records that a model of this contract rejects."""
    return TableSpec(
        name=rejected_name(table.name),
        columns=(*contract.columns, *REJECTED_COLUMNS),
        description=f"Records that {table.name} rejects, as they were landed, one row for each, with the reason",
        partition="month",
        format=table.format,
    )


def rejected_query(rules: Rules, table: TableSpec, bronze: str, schema: dialect.Schema, name: str) -> exp.Select:
    """What fills that table: every rejected record of the bronze relation, not folded.

    Raises:
        ModelError: a rule names a column that the relation does not have.
    """
    reason = exp.Case().when(exp.column(UNREADABLE.name).is_(exp.Null()).not_(), exp.Literal.string(UNREADABLE_VALUE))
    for label, predicate in rules.items():
        reason = reason.when(predicate, exp.Literal.string(label))
    values: dict[str, exp.Expr] = {
        "reject_reason": reason,
        "month": exp.cast(exp.Parameter(this=exp.var(PARTITION_START)), "DATE"),
    }
    projections = [
        exp.alias_(values.get(column.name, exp.column(column.name)), column.name) for column in table.columns
    ]
    records = records_name(f"bronze.{bronze}")
    source = exp.select(*projections).from_(records)
    outer = (
        exp.select("*").from_(source.subquery("with_reason")).where(exp.column("reject_reason").is_(exp.Null()).not_())
    )
    columns = {**schema["bronze"][bronze], UNREADABLE.name: UNREADABLE.type}
    layered = {**schema, "bronze": {**schema["bronze"], records_name(bronze): columns}}
    return dialect.cast_to(dialect.resolve(outer, layered, name, ModelError), table.columns)
