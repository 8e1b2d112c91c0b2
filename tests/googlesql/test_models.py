"""Every model gives on Google's engine what it gives on DuckDB: what it publishes and rejects, what checks find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import PARTITION_END, PARTITION_START, SqlModel
from lakehouse.partition import WHOLE
from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE, records_name
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.audit import audit_query
from lakehouse.warehouse.failing_rows import causes_query, months_query, sample_query
from lakehouse.warehouse.statements import Statement, compile_model
from lakehouse.warehouse.statistics import money_query
from lakehouse.warehouse.store import Session, Work
from tests.googlesql.agreement import given, require_same
from tests.googlesql.given import MONTH, rows_of
from tests.googlesql.oracle import Oracle
from tests.googlesql.placing import Source
from tests.loading import CONTRACTS, models_of
from tests.warehouse.implementations import local_store

_MODELS = models_of(PROJECT_ROOT / "sql")
_PARAMETERS = {PARTITION_START: MONTH.start, PARTITION_END: MONTH.end}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    store = local_store(tmp_path_factory.mktemp("home"))
    with store.session(Work("models", WHOLE, ""), store.records()) as opened:
        yield opened


def _read_by(model: SqlModel) -> dict[str, Source]:
    """Rows of all that a model, and its checks, read."""
    sources: dict[str, Source] = {}
    for seed, table in enumerate(_MODELS.tables_read(model)):
        spec = _MODELS.spec(table)
        if spec is not None:
            sources[table] = rows_of(spec.columns, seed=seed)
    if model.bronze_asset is not None:
        columns = (*CONTRACTS[model.bronze_asset].columns, *BRONZE_COLUMNS)
        folded = f"bronze.{model.bronze_asset}"
        sources |= {folded: rows_of(columns), records_name(folded): rows_of((*columns, UNREADABLE))}
    return sources


def _audited(model: SqlModel) -> dict[str, Source]:
    sources = _read_by(model) | {STAGED: rows_of(model.table.columns, seed=3)}
    return sources | ({REJECTED: rows_of(model.rejected.columns)} if model.rejected else {})


@pytest.mark.parametrize("key", _MODELS.keys())
def test_a_model_publishes_and_rejects_the_same(oracle: Oracle, session: Session, key: str) -> None:
    model, sources = _MODELS[key], _read_by(_MODELS[key])
    statements = compile_model(model, lambda _: None)
    given(session, sources)
    assert require_same(oracle, session, statements.select, sources, _PARAMETERS, model.table)
    if statements.rejected is not None and model.rejected is not None:
        assert require_same(oracle, session, statements.rejected, sources, _PARAMETERS, model.rejected)


@pytest.mark.parametrize("key", _MODELS.keys())
def test_checks_find_the_same_in_a_model(oracle: Oracle, session: Session, key: str) -> None:
    model, sources = _MODELS[key], _audited(_MODELS[key])
    given(session, sources)
    queries = [audit_query(model, _MODELS.schema), money_query(model, _MODELS.schema)]
    for name in ("grain", *(check.label for check in model.checks)):
        if name != "grain" or model.grain:
            queries += [of(model, _MODELS.schema, name) for of in (sample_query, causes_query, months_query)]
    for query in filter(None, queries):
        require_same(oracle, session, Statement(query), sources, _PARAMETERS)
