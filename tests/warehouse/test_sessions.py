"""What a session keeps for itself, in every store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.exceptions import QueryError, StatementFailed
from lakehouse.models import dialect
from lakehouse.partition import WHOLE
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Store, Work
from tests.warehouse.implementations import RUN_ID, local_store
from tests.warehouse.memory import MemoryStore

STORES: dict[str, Callable[[Path], Store]] = {"duckdb_iceberg": local_store, "in_memory": MemoryStore}
WORK = Work("t", WHOLE, RUN_ID)


def statement(sql: str) -> Statement:
    return Statement(dialect.parse(sql, "test", QueryError))


@pytest.mark.parametrize("kind", STORES)
def test_what_is_kept_is_computed_once_and_named_until_something_else_is(kind: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path)
    with store.session(WORK, store.records()) as session:
        session.relate("silver.t", pa.table({"n": [1, 2, 3], "name": ["a", None, "c"]}))
        above = statement("SELECT n, name FROM silver.t WHERE n > @least ORDER BY n DESC")
        assert session.keep("audit.kept", above, {"least": 1}) == 2
        session.relate("silver.t", pa.table({"n": [7], "name": ["other"]}))
        everything = Statement(dialect.all_of("audit.kept"))
        assert session.rows(everything, {}).to_pylist() == [{"n": 3, "name": "c"}, {"n": 2, "name": None}]

        assert session.keep("audit.kept", above, {"least": 7}) == 0
        assert session.rows(everything, {}).to_pydict() == {"n": [], "name": []}
        session.relate("audit.kept", pa.table({"other": [1]}))
        assert session.rows(everything, {}).to_pylist() == [{"other": 1}]
        with pytest.raises(StatementFailed, match="no_such_column"):
            session.keep("audit.kept", statement("SELECT no_such_column FROM silver.t"), {})
        assert session.rows(everything, {}).to_pylist() == [{"other": 1}]
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    store.close()


def test_the_local_store_keeps_more_than_its_memory_holds(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, memory_limit="60MB", threads=1, of_samples=False)
    with store.session(WORK, store.records()) as session:
        session.relate("silver.t", pa.table({"n": range(1_000_000)}))
        wide = ", ".join(f"n * {factor} AS n_{factor}" for factor in range(1, 13))  # some 100 MB
        assert session.keep("audit.kept", statement(f"SELECT {wide} FROM silver.t"), {}) == 1_000_000
        assert list((tmp_path / "staging" / "spill").iterdir())
        found = session.one(statement("SELECT SUM(n_1) AS least, SUM(n_12) AS most FROM audit.kept"), {})
    total = sum(range(1_000_000))
    assert found == {"least": total, "most": 12 * total}
    store.close()
