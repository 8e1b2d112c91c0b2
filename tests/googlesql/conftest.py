"""One engine for all tests that a process runs, and a table of what agreed at the end."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.googlesql.oracle import Oracle
from tests.googlesql.report import TRIAL, lines
from tests.googlesql.trial import Expected


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    with Oracle() as engine:
        yield engine


@pytest.fixture(scope="session")
def google(oracle: Oracle) -> Expected:
    return Expected(oracle)


@pytest.fixture(scope="session")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tests = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    given = [value for report in tests for name, value in report.user_properties if name == TRIAL]
    if given:
        terminalreporter.section("SQL on GoogleSQL's engine and on DuckDB")
        terminalreporter.write_line("\n".join(lines(given)))
