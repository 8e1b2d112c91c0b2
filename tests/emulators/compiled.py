"""Each model's statements, compiled once for all scenarios and both engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from lakehouse.bronze.landing_table import LANDING_COLUMNS, LANDINGS
from lakehouse.models.model import Models
from lakehouse.warehouse.audit import audit_query
from lakehouse.warehouse.ledger import resolved_ledger
from lakehouse.warehouse.statements import Statement, TieBreaker, compile_model
from tests.loading import CONTRACTS


@dataclass(frozen=True)
class Compiled:
    """What a warehouse runs for a month of a model."""

    select: Statement
    rejected: Statement | None
    audit: Statement


def compiled(models: Models, tie_breaker: TieBreaker) -> Mapping[str, Compiled]:
    """What a warehouse runs whose store breaks ties so, by the key of the model."""
    found = {}
    for model in models:
        statements = compile_model(model, tie_breaker)
        audit = Statement(audit_query(model, models.schema))
        found[model.key] = Compiled(statements.select, statements.rejected, audit)
    return found


def ledger(models: Models) -> exp.Query:
    """The row ledger over the landing records and the tables of these models."""
    landings = {column.name: column.type for column in LANDING_COLUMNS}
    return resolved_ledger(models, CONTRACTS, {**models.schema, "bronze": {LANDINGS.partition(".")[2]: landings}})
