"""Every model gives on Google's engine what it gives on DuckDB: what it publishes and rejects, what checks find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlglot import exp

from lakehouse.models import dialect
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
from tests.googlesql.agreement import Disagrees, given, require_same
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


def _of(kind: type[exp.Expr], made: Callable[[Any], exp.Expr]) -> Callable[[exp.Expr], exp.Expr]:
    return lambda node: made(node) if type(node) is kind else node


def _last(made: Callable[[list[exp.Expr]], list[exp.Expr]]) -> Callable[[exp.Expr], exp.Expr]:
    """Of what the outermost SELECT gives."""

    def plant(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Select) and node.parent is None:
            node.set("expressions", made(node.selects))
        return node

    return plant


_EARLIER = exp.Literal.string("2024-02-29 23:59:59")
_PLANTS: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
    "another sum": _of(exp.Sum, lambda node: exp.Max(this=node.this)),
    "NULL for zero": _of(exp.CountIf, lambda node: exp.Nullif(this=node.copy(), expression=exp.Literal.number(0))),
    "a month's last instant left out": _of(exp.LT, lambda node: exp.and_(node.copy(), node.this.copy() < _EARLIER)),
    "the next month's first taken in": _of(exp.LT, lambda node: exp.LTE(this=node.this, expression=node.expression)),
    "every month": _of(exp.Where, lambda node: exp.Where(this=exp.or_(node.this.copy(), exp.true()))),
    "a text in other words": _of(
        exp.Literal, lambda node: exp.Literal.string("unknown") if node.name == "Unknown" else node
    ),
    "cents cut off": _of(exp.Sum, lambda node: exp.func("TRUNC", node.copy())),
    "a column of another name": _last(lambda each: [*each[:-1], exp.alias_(each[-1].unalias(), "miles")]),
    "columns in another order": _last(lambda each: [*each[:-2], each[-1], each[-2]]),
    "a column less": _last(lambda each: each[:-1]),
    "a column of another type": _of(
        exp.Cast, lambda node: dialect.cast(node.this, "STRING") if node.this.name == "trip_count" else node
    ),
}
"""What may be wrong with a model on one engine alone → what makes green_gold so."""


@pytest.mark.parametrize("what", _PLANTS)
def test_a_model_that_is_wrong_on_one_engine_disagrees(oracle: Oracle, session: Session, what: str) -> None:
    model, sources = _MODELS["green_gold"], _read_by(_MODELS["green_gold"])
    query = model.query
    planted = query.transform(_PLANTS[what])
    assert planted != query
    given(session, sources)
    require_same(oracle, session, Statement(query), sources, _PARAMETERS)
    wrong = Statement(query, {"duckdb": dialect.render(planted, "duckdb")})
    with pytest.raises(Disagrees):
        require_same(oracle, session, wrong, sources, _PARAMETERS)
