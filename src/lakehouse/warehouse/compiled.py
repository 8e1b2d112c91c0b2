"""The statements of a project's models, compiled when first needed and kept for all that read the same models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lakehouse.models.model import Models, SqlModel
from lakehouse.warehouse.audit import audit_query
from lakehouse.warehouse.failing_rows import FailingRows
from lakehouse.warehouse.statements import ModelStatements, Statement, TieBreaker, compile_model
from lakehouse.warehouse.statistics import money_query


@dataclass(frozen=True)
class Compiled:
    """All statements of a model but those of its failing rows."""

    statements: ModelStatements
    audit: Statement
    money: Statement | None


class CompiledModels:
    """The statements of models for a store that orders rows so."""

    def __init__(self, models: Models, tie_breaker: TieBreaker) -> None:
        self._schema = models.schema
        self._tie_breaker = tie_breaker
        self._compiled: dict[str, Compiled] = {}
        self.failing_rows = FailingRows(models.schema)

    def of(self, model: SqlModel) -> Compiled:
        """Those of one of the models."""
        if model.key not in self._compiled:
            money = money_query(model, self._schema) if model.bronze_asset is not None else None
            self._compiled[model.key] = Compiled(
                compile_model(model, self._tie_breaker),
                Statement(audit_query(model, self._schema)),
                None if money is None else Statement(money),
            )
        return self._compiled[model.key]


@lru_cache(maxsize=8)
def compiled_models(models: Models, tie_breaker: TieBreaker) -> CompiledModels:
    """One for each object of models: what they say does not change."""
    return CompiledModels(models, tie_breaker)
