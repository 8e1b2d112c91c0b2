"""What DuckDB says when it cannot do something, as ours: every fault is a real one."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import duckdb
import pytest

from lakehouse.exceptions import ConfigurationError, StatementFailed, StatementFault
from lakehouse.warehouse.local.engine import connect, faults_named, interruptible

ENDLESS = "SELECT COUNT(*) FROM few a, few b, few c, few d, few e WHERE a.x + b.x + c.x + d.x + e.x > 1"
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
        ("SELECT ERROR('no value: of a test')", StatementFault.VALUE),
        ("SELECT CASE WHEN TRUE THEN ERROR('no value: of a test') ELSE nothing END", StatementFault.STATEMENT),
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


def test_a_long_statement_draws_no_progress_bar_even_where_python_is_used_by_hand(tmp_path: Path) -> None:
    by_hand = (
        "import sys\nfrom pathlib import Path\nfrom lakehouse.warehouse.local.engine import connect\n"
        "with connect('100MB', 2, Path(sys.argv[1])) as connected:\n"
        """    print(connected.execute("SELECT current_setting('enable_progress_bar')").fetchall())"""
    )
    said = subprocess.run([sys.executable, "-c", by_hand, tmp_path], check=True, capture_output=True, text=True).stdout
    assert said == "[(False,)]\n"


def test_an_interrupted_statement_is_an_interrupt(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    timer = Timer(0.3, connection.interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt), faults_named("a test", "100MB", tmp_path):
        connection.execute(LONG).fetchall()
    timer.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_another_thread_of_duckdb_computes(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, number: signal.Signals
) -> None:
    """One share of the work is all there is, so in half of the attempts a thread of DuckDB's own has it."""
    connection.execute("CREATE TABLE few AS SELECT x FROM range(1000) AS t(x)")
    before = signal.signal(number, signal.default_int_handler)
    faulthandler.dump_traceback_later(60, exit=True)  # else a signal that ends nothing would hang the tests
    try:
        for _ in range(4):
            timer = Timer(0.2, os.kill, (os.getpid(), number))
            timer.start()
            with (
                pytest.raises(KeyboardInterrupt),
                faults_named("a test", "100MB", tmp_path),
                interruptible(connection),
            ):
                connection.execute(ENDLESS).fetchall()
            timer.join()
            assert signal.getsignal(number) is signal.default_int_handler
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(number, before)


def test_a_signal_that_no_computation_hears_is_an_interrupt_all_the_same(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible(connection):
        signal.raise_signal(signal.SIGINT)


def test_a_connection_keeps_to_what_it_was_given(tmp_path: Path) -> None:
    settings = ("threads", "memory_limit", "temp_directory", "TimeZone")
    with connect("100MB", 3, tmp_path / "spill") as connected:
        values = connected.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings)).fetchone()
    assert values == (3, "95.3 MiB", str(tmp_path / "spill"), "UTC")


def test_a_limit_that_duckdb_does_not_take_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_MEMORY_LIMIT=99999999999TB"):
        connect("99999999999TB", 2, tmp_path)
