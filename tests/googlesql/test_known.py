"""Where the engines are known not to agree: each with both answers, so that whoever mends one takes it off the list.

No model and no contract meets any of them with values that sources have; rows that are made up keep clear of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.exceptions import QueryError, StatementFailed
from lakehouse.models import dialect
from lakehouse.partition import WHOLE
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session, Work
from tests.googlesql.oracle import Oracle, Rows
from tests.googlesql.placing import Given, Source, placed
from tests.warehouse.implementations import local_store


@dataclass(frozen=True)
class _Known:
    """An expression over the one column ``x``, as DuckDB has it and as BigQuery does, and what either gives of it."""

    expression: str
    ours: pa.Array
    theirs: Source
    on_duckdb: Any
    on_google: Any


def _floats(value: float) -> Given:
    return Given({"x": "FLOAT64"}, [(value,)])


_ROUNDED = "CAST(CAST(x AS NUMERIC(38,9)) AS NUMERIC(18,2))"
_SHORT = float(pa.scalar(0.145, pa.float32()).as_py())

_KNOWN = {
    "a NUMERIC of more digits than its cast names": _Known(
        "CAST(x AS NUMERIC(4,2))",
        pa.array([Decimal("12345.60")]),
        Given({"x": "NUMERIC"}, [(Decimal("12345.60"),)]),
        StatementFailed,
        Decimal("12345.6"),
    ),
    "halves of cents of a hundred millions as FLOAT64": _Known(
        _ROUNDED, pa.array([100000000.005]), _floats(100000000.005), Decimal("100000000.01"), Decimal(100000000)
    ),
    "a FLOAT64 of fifteen digits, if halves of cents are looked at": _Known(
        _ROUNDED, pa.array([1e15]), _floats(1e15), Decimal("999999999999999.98"), Decimal(10**15)
    ),
    "a FLOAT32, which BigQuery loads as a FLOAT64": _Known(
        "CAST(CAST(x AS STRING) AS NUMERIC(18,2))",
        pa.array([0.145], pa.float32()),
        _floats(_SHORT),
        Decimal("0.15"),
        Decimal("0.14"),
    ),
    "a file's decimal of more than nine places, which BigQuery rounds twice": _Known(
        "CAST(x AS NUMERIC(18,2))",
        pa.array([Decimal("0.0049999996")], pa.decimal128(38, 10)),
        dialect.parse("SELECT CAST('0.0049999996' AS BIGNUMERIC) AS x", "known", QueryError),
        Decimal("0.00"),
        Decimal("0.01"),
    ),
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    store = local_store(tmp_path_factory.mktemp("home"))
    with store.session(Work("known", WHOLE, ""), store.records()) as opened:
        yield opened


@pytest.mark.parametrize("what", _KNOWN)
def test_the_engines_still_differ(oracle: Oracle, session: Session, what: str) -> None:
    known = _KNOWN[what]
    session.relate("audit.known", pa.table({"x": known.ours}))
    statement = Statement(dialect.parse(f"SELECT {known.expression} AS v FROM audit.known", what, QueryError))
    theirs = oracle.run(placed(statement.query, {"audit.known": known.theirs}, {}))
    assert isinstance(theirs, Rows)
    assert theirs.rows == ((known.on_google,),)
    if known.on_duckdb is StatementFailed:
        with pytest.raises(StatementFailed):
            session.one(statement, {})
    else:
        assert session.one(statement, {}) == {"v": known.on_duckdb}
        assert known.on_duckdb != known.on_google
