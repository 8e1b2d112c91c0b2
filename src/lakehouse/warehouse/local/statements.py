"""A model's statements for DuckDB, compiled once for all its months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.schema import TableSpec
from lakehouse.warehouse.audit import audit_query
from lakehouse.warehouse.local.engine import quoted


@dataclass(frozen=True)
class Statement:
    """SQL text and the names of the parameters it binds; DuckDB refuses any others."""

    sql: str
    parameters: frozenset[str]

    @classmethod
    def of(cls, query: exp.Expr) -> Statement:
        return cls(dialect.render(query, "duckdb"), dialect.parameters(query))

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """Just the values this statement needs."""
        return {name: values[name] for name in sorted(self.parameters)}


@dataclass(frozen=True)
class ModelStatements:
    """``select`` and ``rejected`` give rows in an order that makes the written file byte-stable."""

    select: Statement
    rejected: Statement | None
    audit: Statement


def compile_model(model: SqlModel, schema: dialect.Schema) -> ModelStatements:
    """The statements of a model; takes tens of milliseconds, so keep the result."""
    select = Statement.of(model.query)
    if model.bronze_asset is None or not _keeps_order(model.resolved):
        select = _ordered(select, _keys(model))
    rejected = None
    if model.rejected is not None and model.rejected_query is not None:
        everything = _hash_of_all(model.rejected)
        rejected = _ordered(Statement.of(model.rejected_query), ["reject_reason", everything])
    return ModelStatements(select, rejected, Statement.of(audit_query(model, schema)))


def _keeps_order(query: exp.Expr) -> bool:
    """Whether rows come out as a bronze relation, which is ordered, gives them: a filter and a projection."""
    changes = ("with_", "with", "joins", "group", "distinct", "order", "limit", "qualify", "windows")
    return isinstance(query, exp.Select) and not any(query.args.get(part) for part in changes)


def _keys(model: SqlModel) -> list[str]:
    """The grain orders rows fully, as it is checked to be unique."""
    if model.grain:
        return [quoted(column) for column in model.grain]
    partition = [quoted(model.table.partition)] if model.table.partition else []
    return [*partition, _hash_of_all(model.table)]


def _hash_of_all(table: TableSpec) -> str:
    return f"hash({', '.join(quoted(column.name) for column in table.columns)})"


def _ordered(statement: Statement, keys: list[str]) -> Statement:
    return Statement(f"SELECT * FROM ({statement.sql}) ORDER BY {', '.join(keys)}", statement.parameters)
