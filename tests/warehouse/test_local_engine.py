"""What DuckDB says when it cannot do something, as ours: every fault is a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import duckdb
import pytest

from lakehouse.exceptions import ConfigurationError, StatementFailed, StatementFault
from lakehouse.warehouse.local.engine import connect, faults_named

LONG = "SELECT COUNT(*) FROM range(10000000000) AS a(x), range(1000) AS b(y) WHERE x % 7 = y"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect("100MB", 2, tmp_path / "spill") as connected:
        yield connected


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("SELECT CAST('x' AS BIGINT)", StatementFault.VALUE),
        ("SELECT CAST(1e300 AS BIGINT)", StatementFault.VALUE),
        ("SELECT 9223372036854775807 + CAST(1 AS BIGINT)", StatementFault.VALUE),
        ("SELECT nothing", StatementFault.STATEMENT),
        ("SELECT no_such_function(1)", StatementFault.STATEMENT),
        ("SELECT FROM WHERE", StatementFault.STATEMENT),
        ("SELECT * FROM read_parquet('/nowhere.parquet')", StatementFault.DATA),
    ],
)
def test_what_is_at_fault_is_told_in_one_line(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str, fault: StatementFault
) -> None:
    with pytest.raises(StatementFailed) as error, faults_named("a test", "100MB", tmp_path):
        connection.execute(sql).fetchall()
    assert error.value.fault is fault
    assert "\n" not in str(error.value)


def test_too_little_memory_names_the_setting(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute("SET temp_directory = ''")
    with (
        pytest.raises(ConfigurationError, match="a test: needs more memory than LAKEHOUSE_MEMORY_LIMIT=100MB"),
        faults_named("a test", "100MB", tmp_path),
    ):
        connection.execute("SELECT LIST(x) FROM range(50000000) AS t(x)").fetchall()


def test_an_interrupted_statement_is_an_interrupt(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    timer = Timer(0.3, connection.interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt), faults_named("a test", "100MB", tmp_path):
        connection.execute(LONG).fetchall()
    timer.join()


def test_a_connection_keeps_to_what_it_was_given(tmp_path: Path) -> None:
    settings = ("threads", "memory_limit", "temp_directory", "TimeZone")
    with connect("100MB", 3, tmp_path / "spill") as connected:
        values = connected.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings)).fetchone()
    assert values == (3, "95.3 MiB", str(tmp_path / "spill"), "UTC")


def test_a_limit_that_duckdb_does_not_take_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_MEMORY_LIMIT=99999999999TB"):
        connect("99999999999TB", 2, tmp_path)
