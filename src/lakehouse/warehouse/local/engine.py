"""An in-memory DuckDB: how it is set up, and what it says when it cannot do something."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lakehouse.exceptions import ConfigurationError, DiskFull, StatementFailed, StatementFault, first_line
from lakehouse.machine import Place, machine_fault
from lakehouse.models import dialect

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("bronze", "silver", "gold", "audit")


def connect(memory_limit: str, threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    """A private connection with a schema for each layer and one for audits, and BigQuery's idea of time.

    It holds views over immutable files only, so any number may work at once, in this process or others.

    Raises:
        ConfigurationError: it cannot be set up so.
    """
    import duckdb

    config: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill)}
    try:
        connection = duckdb.connect(config=config)
    except duckdb.Error as error:
        raise ConfigurationError(
            f"LAKEHOUSE_MEMORY_LIMIT={memory_limit}, LAKEHOUSE_THREADS={threads}: cannot be had ({first_line(error)})"
        ) from error
    connection.execute("SET enable_progress_bar = FALSE")  # it writes among what commands print
    connection.execute("SET TimeZone = 'UTC'")  # as BigQuery reads times without a zone
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    return connection


@contextmanager
def faults_named(doing: str, memory_limit: str, home: Path) -> Iterator[None]:
    """DuckDB's errors as ours; ``doing`` is what it was asked for, ``home`` what it reads and writes in.

    Raises:
        StatementFailed: a statement could not be run.
        MachineFault: the disk is full, say, or too many files are open.
        ConfigurationError: it needs more memory than it may use.
        KeyboardInterrupt: it was interrupted.
    """
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        fault = machine_fault(error, [Place("LAKEHOUSE_HOME", home)])
        if isinstance(fault, DiskFull) and isinstance(error, duckdb.OutOfMemoryException):
            fact = f"{doing}: needs more memory than LAKEHOUSE_MEMORY_LIMIT={memory_limit}, and room for it on the disk"
            raise DiskFull(f"{fact}: {fault.fact}", "raise it, or make room, and run it again") from error
        if fault is not None:
            raise fault from error
        if isinstance(error, duckdb.IOException):
            raise StatementFailed(first_line(error), _fault(error)) from error
        raise ConfigurationError(
            f"{doing}: needs more memory than LAKEHOUSE_MEMORY_LIMIT={memory_limit}: raise it ({first_line(error)})"
        ) from error
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise StatementFailed(first_line(error), _fault(error)) from error
    except RuntimeError as error:
        if "interrupted" in str(error).lower():  # how DuckDB tells of Ctrl-C
            raise KeyboardInterrupt from None
        raise


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have a signal end what DuckDB computes here.

    It would raise what the handler raises, but only when all its threads are done with their shares of a computation
    that it does not tell them to end, and no other signal is handled meanwhile.

    Raises:
        KeyboardInterrupt: the process was told to stop.
    """
    told = False

    def interrupt(_: int, __: FrameType | None) -> None:
        nonlocal told
        told = True
        connection.interrupt()

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        raise KeyboardInterrupt


def _fault(error: duckdb.Error) -> StatementFault:
    import duckdb

    if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException)):
        return StatementFault.VALUE
    if isinstance(error, (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)):
        return StatementFault.STATEMENT
    return StatementFault.DATA


def quoted(name: str) -> str:
    """An identifier, quoted for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def relation_name(name: str) -> str:
    """The name of a relation, with its layer if it has one, quoted for DuckDB."""
    return ".".join(quoted(part) for part in name.split(".", 1))


def literal(text: str) -> str:
    """A string literal, quoted for DuckDB; for places that take no bound parameter."""
    return "'" + text.replace("'", "''") + "'"


@cache
def duckdb_type(bigquery_type: str) -> str:
    """DuckDB's name of a BigQuery type."""
    return dialect.type_text(bigquery_type, "duckdb")
