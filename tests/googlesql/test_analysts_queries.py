"""Queries that analysts write are answered as they stand, with the same rows on DuckDB and on Google's engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import pytest
from sqlglot import exp

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect, portability
from lakehouse.models.model import SqlModel
from lakehouse.partition import WHOLE
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session, Work
from tests.googlesql.agreement import bigquery_type, given
from tests.googlesql.given import rows_of
from tests.googlesql.oracle import Oracle, Rows
from tests.googlesql.placing import Given, Source, placed
from tests.googlesql.trial import are_same, place_of
from tests.loading import models_of
from tests.warehouse.implementations import local_store

_MODELS = models_of(PROJECT_ROOT / "sql")
_QUERY = re.compile(r"^-- (?P<asks>[^\n]+)\n(?P<sql>(?!--|\n).+?);$", re.DOTALL | re.MULTILINE)
_TEXT = (PROJECT_ROOT / "tests/sql/queries.sql").read_text()
_QUERIES = {found["asks"]: found["sql"] for found in _QUERY.finditer(_TEXT)}

_ROWS = 60
_EARLIEST, _LATEST = date(2023, 1, 1), date(2024, 12, 31)
_VALUES: Mapping[str, Sequence[Any]] = {
    "month": [date(2023, 11, 1), date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)],
    "borough": ["Manhattan", "Queens", "Brooklyn", "EWR", "N/A"],
    "zone": [
        "JFK Airport",
        "Alphabet City",
        "Astoria",
        "Bloomfield/Emerson Hill",
        "East Harlem North",
        "Newark Airport",
    ],
    "taxi_type": ["yellow", "fhv"],
    "payment_type": [1, 2, 0, None, 3],
    "vendor_id": [1, 2, 6],
    "name": ["Leanne Graham", "Zoë O'Hara", "Cher", None, "Mrs. Dennis Schulist"],
    "email": ["Sincere@april.biz", "Shanna@melissa.tv", "Nathan@yesenia.net", None, "no address", "x@APRIL.biz"],
    "website": ["hildegard.org", "anastasia.net", "localhost", None],
    "phone": ["1-770-736-8031 x56442", "(775)976-6794", None, ""],
    "city": ["Gwenborough", "Wisokyburgh", "São Paulo", "McKenziehaven"],
    "dispatching_base_number": ["B00001", "B00014 ", "b00001"],
}
"""Column → values that queries speak of; other columns go through all that their type's pool has."""


def _rows(model: SqlModel, seed: int) -> Given:
    """Rows as the table may have them: its grain once, its months within two years."""
    made = rows_of(model.table.columns, _ROWS, seed)
    names = list(made.columns)
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for number, row in enumerate(made.rows):
        values = dict(zip(names, row, strict=True))
        values |= {name: _value(name, number) for name in _VALUES.keys() & values.keys()}
        moment = values.get(model.table.partition or "", _EARLIEST)
        if moment is None or not _EARLIEST <= date(moment.year, moment.month, moment.day) <= _LATEST:
            continue
        key = tuple(values[name] for name in model.grain) or (number,)
        rows.setdefault(key, tuple(values.values()))
    return Given(made.columns, list(rows.values()))


def _value(name: str, row: int) -> Any:
    values = _VALUES[name]
    return values[(row + row // len(values) * len(name)) % len(values)]


_SOURCES: Mapping[str, Source] = {
    _MODELS[key].table.name: _rows(_MODELS[key], seed) for seed, key in enumerate(_MODELS.keys())
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    store = local_store(tmp_path_factory.mktemp("home"))
    with store.session(Work("queries", WHOLE, ""), store.records()) as opened:
        given(opened, _SOURCES)
        yield opened


@cache
def _statement(asks: str) -> Statement:
    """What is run on DuckDB; nothing of it may be refused."""
    query = dialect.parse(_QUERIES[asks], asks, QueryError)
    resolved = dialect.resolve(query, _MODELS.schema, asks, QueryError)
    assert [str(finding) for finding in portability.differing(query, resolved, _MODELS.schema)] == []
    return Statement(resolved)


def _require_same(oracle: Oracle, session: Session, query: exp.Query, statement: Statement) -> None:
    """Compare names, types and rows: in their order if it has one, of a LIMIT without one just how many there are."""
    local, google = session.rows(statement, {}), oracle.run(placed(query, _SOURCES, {}))
    assert isinstance(google, Rows), google
    assert [(field.name, bigquery_type(field.type)) for field in local.schema] == list(google.columns)
    ours, theirs = [tuple(row.values()) for row in local.to_pylist()], list(google.rows)
    if not query.args.get("order"):
        if query.args.get("limit"):
            assert len(ours) == len(theirs)
            return
        ours, theirs = sorted(ours, key=place_of), sorted(theirs, key=place_of)
    assert are_same(theirs, ours), f"Google's engine: {theirs}\nDuckDB: {ours}"


@pytest.mark.parametrize("asks", _QUERIES)
def test_a_query_is_answered_the_same(oracle: Oracle, session: Session, asks: str) -> None:
    query = dialect.parse(_QUERIES[asks], asks, QueryError)
    _require_same(oracle, session, query, _statement(asks))


@pytest.mark.parametrize(
    ("text", "planted"), [("SUM(total_amount)", "MAX(total_amount)"), ("DESC", "ASC"), ("AS each_trip", "AS of_each")]
)
def test_a_query_that_is_another_on_one_engine_is_found(
    oracle: Oracle, session: Session, text: str, planted: str
) -> None:
    asks = "On which days of the week do yellow taxis earn most?"
    changed = _QUERIES[asks].replace(text, planted)
    assert changed != _QUERIES[asks]
    query = dialect.parse(changed, asks, QueryError)
    with pytest.raises(AssertionError, match=r"DuckDB|each_trip"):
        _require_same(oracle, session, query, _statement(asks))


def test_there_are_sixty_and_most_give_rows(session: Session) -> None:
    giving = [asks for asks in _QUERIES if session.rows(_statement(asks), {}).num_rows]
    assert len(_QUERIES) == _TEXT.count(";\n") >= 60
    assert len(giving) >= 50
