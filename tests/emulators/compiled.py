"""Each model's statements for each engine, compiled once for all scenarios."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.bronze.contracts import CONTRACTS
from lakehouse.bronze.store import LANDING_COLUMNS, LANDINGS
from lakehouse.models import dialect
from lakehouse.models.model import Models
from lakehouse.warehouse.audit import audit_query
from lakehouse.warehouse.ledger import resolved_ledger
from lakehouse.warehouse.local.statements import ModelStatements, Statement, compile_model


def for_duckdb(models: Models) -> Mapping[str, ModelStatements]:
    """What the local warehouse runs, by the key of the model."""
    return {model.key: compile_model(model, models.schema) for model in models}


def for_bigquery(models: Models) -> Mapping[str, ModelStatements]:
    """The same rendered for BigQuery, by the key of the model; rows come in no order there."""
    return {
        model.key: ModelStatements(
            select=bigquery_statement(model.query),
            rejected=bigquery_statement(model.rejected_query) if model.rejected_query is not None else None,
            audit=bigquery_statement(audit_query(model, models.schema)),
        )
        for model in models
    }


def bigquery_statement(query: exp.Expr) -> Statement:
    """A query's text for BigQuery and the parameters it binds."""
    return Statement(dialect.render(query, "bigquery"), dialect.parameters(query))


def ledger(models: Models) -> exp.Query:
    """The row ledger over the landing records and the tables of these models."""
    landings = {column.name: column.type for column in LANDING_COLUMNS}
    return resolved_ledger(models, CONTRACTS, {**models.schema, "bronze": {LANDINGS.partition(".")[2]: landings}})
