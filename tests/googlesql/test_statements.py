"""Every statement that the house has for BigQuery is one that Google's analyzer takes, over the tables it reads.

The warehouse is led through all it does, on a store that runs each statement and notes it. What the tour passes by is
found in the source: a new place that makes a statement, or hands one over, fails here until the tour comes by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import get_args

import pytest
from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.checks.kinds import Check
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.googlesql import sites
from tests.googlesql.analysis import Analysis
from tests.googlesql.oracle import Oracle
from tests.googlesql.recording import Columns, Place, Recorded, Recording
from tests.googlesql.tour import FAILING_CHECKS, tour_in
from tests.loading import CONTRACTS

_WRITTEN_FOR = {
    "lakehouse/warehouse/statements.py": "the one door of statements, which the tour goes through",
    "lakehouse/warehouse/local/session.py": "DuckDB's own text of what the tour's sessions are given as well",
    "lakehouse/assets/sql_models.py": "a model's query as Dagster shows it: one that is staged, see below",
    "lakehouse/models/dialect.py": "render itself; names of types; texts that are compared and shown, never run",
    "lakehouse/models/portable/finding.py": "words of messages",
    "lakehouse/cli/output.py": "DuckDB writes JSON of rows at hand",
    **dict.fromkeys(
        (f"lakehouse/warehouse/bigquery/{name}.py" for name in ("constants", "placing", "records", "session")),
        "BigQuery's own texts, which are sent on the cloud's tour: test_sent.py",
    ),
    "lakehouse/warehouse/bigquery/foreseen.py": "the same, by dry run: test_estimates.py",
    "lakehouse/warehouse/bigquery/short_floats.py": "a part of these, which test_short_floats.py evaluates",
}
"""Module in which a tree becomes text → what for. A new one is either on the tour or for one engine alone."""

_OF_ACCOUNTS = "lakehouse/warehouse/queries.py Queries._answer: session.relate"
"""Where a store has counts of its own for the ledger: BigQuery's does, and test_sent.py comes by there."""

_RUN_ON = {
    "lakehouse/automation/empty_run.py": "SQLite: Dagster's runs",
    "lakehouse/automation/kept_connections.py": "SQLite: Dagster's databases",
    "lakehouse/automation/private_storage.py": "SQLite: Dagster's databases",
    "lakehouse/cli/output.py": "DuckDB: JSON of rows at hand",
    "lakehouse/warehouse/local/engine.py": "DuckDB: settings and schemas of a connection",
    "lakehouse/warehouse/local/private_pyiceberg.py": "SQLite: the catalog of Iceberg tables",
    "lakehouse/warehouse/local/session.py": "DuckDB: views of files, COPY, what footers count; and the statements",
    "lakehouse/warehouse/local/tables.py": "SQLite: the catalog of Iceberg tables",
}
"""Module that hands text to a database itself → which, and what for. None of it is for BigQuery."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """All that the tour came by."""
    made = Recording()
    with made.of_constructions(), tour_in(tmp_path_factory.mktemp("tour"), made) as tour:
        tour.everything()
    return made


@pytest.fixture(scope="module")
def analysis(oracle: Oracle) -> Analysis:
    return Analysis(oracle)


def test_the_analyzer_takes_every_statement(recording: Recording, analysis: Analysis) -> None:
    faults = dict.fromkeys(fault for each in recording.recorded if (fault := analysis.fault(each)) is not None)
    assert not faults, "\n\n".join(faults)
    assert len(analysis.answers) > 150


def test_the_tour_comes_by_every_place_that_makes_a_statement(recording: Recording) -> None:
    found = [site for module, text in sites.modules() for site in sites.statements(module, text)]
    assert not sites.unvisited(found, {each.made_at for each in recording.recorded if each.made_at})
    assert len(found) > 15


def test_the_tour_comes_by_every_place_that_gives_a_session_something(recording: Recording) -> None:
    found = [
        site
        for module, text in sites.modules()
        if "warehouse/local/" not in module
        for site in sites.handovers(module, text)
    ]
    assert sites.unvisited(found, {place for place in recording.given if place}) == [_OF_ACCOUNTS]
    assert len(found) > 40


def test_text_is_written_and_run_only_where_it_is_known_what_for() -> None:
    written = {site.module for module, text in sites.modules() for site in sites.writers(module, text)}
    run = {site.module for module, text in sites.modules() for site in sites.runners(module, text)}
    assert (written, run) == (set(_WRITTEN_FOR), set(_RUN_ON))


def test_every_kind_of_check_fails_on_the_tour() -> None:
    """And the tour asserts that it does."""
    union, _ = get_args(Check)
    assert {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(union)} == FAILING_CHECKS.keys()


def test_what_dagster_shows_of_a_model_is_what_is_staged(recording: Recording) -> None:
    texts = {each.text for each in recording.recorded if each.how == "stage audit.staged"}
    for model in load_models(PROJECT_ROOT / "sql", CONTRACTS):
        assert dialect.render(model.query, dialect.BIGQUERY) in texts


def test_a_new_place_is_found_by_name() -> None:
    new = "class Store:\n    def run(self, session):\n        session.rows(Statement(query), {})\n"
    (made,), (given,) = sites.statements("new.py", new), sites.handovers("new.py", new)
    assert sites.unvisited([made, given], {Place("new.py", 2), Place("old.py", 3)}) == [
        "new.py Store.run: Statement",
        "new.py Store.run: session.rows",
    ]
    assert not sites.unvisited([made, given], {Place("new.py", 3)})
    assert [site.name for site in sites.writers("new.py", "def f():\n    query.sql('bigquery')\n")] == [
        "new.py f: query.sql"
    ]
    assert [site.name for site in sites.runners("new.py", "self._connection.execute('')")] == [
        "new.py : self._connection.execute"
    ]


def _staged(recording: Recording, key: str) -> Recorded:
    return next(each for each in recording.recorded if each.work.startswith(key) and each.how == "stage audit.staged")


def _of_other_columns(recorded: Recorded, change: Callable[[dict[str, str]], object]) -> Recorded:
    read: dict[str, Columns | Recorded] = {}
    for name, columns in recorded.read.items():
        assert isinstance(columns, Mapping)
        changed = dict(columns)
        change(changed)
        read[name] = changed
    return replace(recorded, read=read)


def _changed(recorded: Recorded, change: Callable[[exp.Expr], exp.Expr]) -> Recorded:
    changed = recorded.query.transform(change)
    assert isinstance(changed, exp.Query)
    assert changed != recorded.query
    return replace(recorded, query=changed)


def _declared(recorded: Recorded, **types: str) -> Recorded:
    assert recorded.spec is not None
    columns = (replace(each, type=types.get(each.name, each.type)) for each in recorded.spec.columns)
    return replace(recorded, spec=replace(recorded.spec, columns=tuple(columns)))


def _ungrouped(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Select):
        node.set("group", None)
    return node


_PLANTS: Mapping[str, tuple[str, Callable[[Recorded], Recorded], str]] = {
    "a column that is not there": (
        "green_gold",
        lambda each: _of_other_columns(each, lambda columns: columns.pop("payment_type")),
        "payment_type",
    ),
    "a column of another type": (
        "green_gold",
        lambda each: _of_other_columns(each, lambda columns: columns.update(total_amount="STRING")),
        "No matching signature for aggregate function SUM",
    ),
    "a parameter without a value": ("green_gold", lambda each: replace(each, parameters={}), "Query parameter"),
    "a function of DuckDB's": ("users_gold", lambda each: _changed(each, _counted_approximately), "Function not found"),
    "no GROUP BY": ("users_gold", lambda each: _changed(each, _ungrouped), "neither grouped nor aggregated"),
    "a table that is not there": ("users_gold", lambda each: replace(each, read={}), "Table not found"),
    "another type than declared": (
        "users_gold",
        lambda each: _declared(each, user_count="STRING"),
        "instead of",
    ),
}


def _counted_approximately(node: exp.Expr) -> exp.Expr:
    return exp.func("list_unique", exp.column("city")) if isinstance(node, exp.Count) else node


@pytest.mark.parametrize("plant", _PLANTS)
def test_a_planted_wrong_statement_is_refused(recording: Recording, analysis: Analysis, plant: str) -> None:
    key, change, reason = _PLANTS[plant]
    right = _staged(recording, key)
    assert analysis.fault(right) is None
    assert reason in (analysis.fault(change(right)) or "")


def test_a_wrong_relation_is_told_of_and_what_reads_it_is_not_asked(recording: Recording, analysis: Analysis) -> None:
    reader = next(each for each in recording.recorded if any(isinstance(of, Recorded) for of in each.read.values()))
    name, related = next((name, of) for name, of in reader.read.items() if isinstance(of, Recorded))
    wrong = replace(related, query=exp.select(exp.column("nothing")).from_("nowhere"), read={"nowhere": {"a": "INT64"}})
    assert "Unrecognized name: nothing" in (analysis.fault(wrong) or "")
    assert analysis.fault(replace(reader, read={name: wrong})) is None
