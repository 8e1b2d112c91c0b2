"""What a restatement changes, and the row ledger, are the same on Google's engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp

from lakehouse.bronze.landing_table import LANDING_COLUMNS, LANDINGS
from lakehouse.partition import WHOLE
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.compared import compared
from lakehouse.warehouse.difference import AFTER, BEFORE, CHANGES, changes_query, counts_query, pairs_query
from lakehouse.warehouse.difference_rows import grain_rows_query, record_rows_query
from lakehouse.warehouse.ledger import resolved_ledger
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session, Work
from tests.googlesql.agreement import given, require_same
from tests.googlesql.given import rows_of
from tests.googlesql.oracle import Oracle
from tests.googlesql.placing import Given, Source
from tests.loading import CONTRACTS, models_of
from tests.warehouse.implementations import local_store

_MODELS = models_of(PROJECT_ROOT / "sql")
_OF_EACH_KIND = {(bool(m.grain), m.is_partitioned, m.bronze_asset is None): m.key for m in _MODELS}
"""What tells how the rows of a model are compared → the last that is so; the statements are the analyzer's for all."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    store = local_store(tmp_path_factory.mktemp("home"))
    with store.session(Work("comparisons", WHOLE, ""), store.records()) as opened:
        yield opened


@pytest.mark.parametrize("key", _OF_EACH_KIND.values())
def test_what_is_told_of_a_restatement_is_the_same(oracle: Oracle, session: Session, key: str) -> None:
    """Rows are lost, come, copied, and of some one value is another's."""
    model = _MODELS[key]
    how = compared(model.table, model.identity, None)
    before = rows_of(model.table.columns, rows=14)
    last = len(before.columns) - 1
    changed = [(*row[:last], before.rows[place][last]) for place, row in enumerate(before.rows[3:9])]
    new = rows_of(model.table.columns, rows=3, seed=11).rows
    after = Given(before.columns, [*changed, *before.rows[9:], *before.rows[9:11], *new])
    sources: dict[str, Source] = {BEFORE: before, AFTER: after, CHANGES: changes_query(how)}
    given(session, sources)
    queries: list[exp.Query] = [
        *(changes_query(how), counts_query(how), pairs_query(how), record_rows_query(how)),
        *((grain_rows_query(how, how.rest, 100),) if model.grain else ()),
    ]
    for query in queries:
        assert require_same(oracle, session, Statement(query), sources, {})


def test_the_row_ledger_is_the_same(oracle: Oracle, session: Session) -> None:
    landings = {column.name: column.type for column in LANDING_COLUMNS}
    schema = {**_MODELS.schema, "bronze": {LANDINGS.partition(".")[2]: landings}}
    sources: dict[str, Source] = {LANDINGS: rows_of(LANDING_COLUMNS)}
    sources |= {spec.name: rows_of(spec.columns, seed=seed) for seed, spec in enumerate(_MODELS.specs())}
    given(session, sources)
    ledger = resolved_ledger(_MODELS, CONTRACTS, schema)
    assert require_same(oracle, session, Statement(ledger), sources, {})
