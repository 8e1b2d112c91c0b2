"""What failed checks show, asked of DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.results import CheckResult
from lakehouse.warehouse.failing_rows import SAMPLE_COLUMNS, causes, causes_query, sample_query
from lakehouse.warehouse.local.engine import DuckDbEngine
from lakehouse.warehouse.local.statements import Statement


@dataclass(frozen=True)
class _Statements:
    """Of one check; None for what it does not show."""

    sample: Statement | None
    causes: Statement | None


class FailingRows:
    """Adds to failed checks what they show. Statements are compiled when first needed and kept for other months."""

    def __init__(self, schema: dialect.Schema) -> None:
        self._schema = schema
        self._compiled: dict[tuple[str, str], _Statements] = {}

    def shown(
        self, engine: DuckDbEngine, model: SqlModel, parameters: Mapping[str, object], checks: Iterable[CheckResult]
    ) -> tuple[CheckResult, ...]:
        """The checks of a month whose staged and rejected rows the engine knows."""
        return tuple(check if check.passed else self._shown(engine, model, parameters, check) for check in checks)

    def _shown(
        self, engine: DuckDbEngine, model: SqlModel, parameters: Mapping[str, object], check: CheckResult
    ) -> CheckResult:
        import duckdb

        statements = self._statements(model, check.name)
        sample, facts = None, dict(check.facts)
        try:
            if statements.sample is not None:
                rows = engine.table(statements.sample.sql, statements.sample.bind(parameters))
                sample = rows.select(range(min(SAMPLE_COLUMNS, rows.num_columns)))
            if statements.causes is not None:
                facts |= causes(engine.table(statements.causes.sql, statements.causes.bind(parameters)))
        except duckdb.Error as error:  # what a failed check shows decides nothing about its month
            facts["not_shown"] = str(error).splitlines()[0]
        return replace(check, sample=sample, facts=facts)

    def _statements(self, model: SqlModel, name: str) -> _Statements:
        known = self._compiled.get((model.key, name))
        if known is None:
            known = self._compiled[model.key, name] = _Statements(
                _statement(sample_query(model, self._schema, name)),
                _statement(causes_query(model, self._schema, name)),
            )
        return known


def _statement(query: exp.Query | None) -> Statement | None:
    return None if query is None else Statement.of(query)
