"""An in-memory DuckDB: how it is set up, and what it says when it cannot do something."""

from __future__ import annotations

import math
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lakehouse.exceptions import (
    ConfigurationError,
    DiskFull,
    StatementFailed,
    StatementFault,
    TooLittleMemory,
    first_line,
)
from lakehouse.machine import Place, machine_fault
from lakehouse.models import dialect
from lakehouse.models.portable.duck import VALUE_ERROR

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("bronze", "silver", "gold", "audit")
_NEVER = (
    "autoinstall_known_extensions",
    "autoload_known_extensions",
    "allow_community_extensions",
    "allow_persistent_secrets",
    "python_enable_replacements",  # a table's name is never a variable's of this process
)


def connect(memory_limit: str, threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    """A private connection with a schema for each layer and one for audits, and BigQuery's idea of time.

    It holds views over immutable files only, so any number may work at once, in this process or others.

    Raises:
        ConfigurationError: it cannot be set up so.
    """
    import duckdb

    config: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill)}
    config |= dict.fromkeys(_NEVER, False)
    try:
        connection = duckdb.connect(config=config)
        _set_up(connection)
    except duckdb.OutOfMemoryException as error:
        fact = f"the engine needs more memory than LAKEHOUSE_MEMORY_LIMIT={memory_limit}"
        raise ConfigurationError(f"{fact}: raise it ({first_line(error)})") from error
    except duckdb.Error as error:
        raise ConfigurationError(
            f"LAKEHOUSE_MEMORY_LIMIT={memory_limit}, LAKEHOUSE_THREADS={threads}: cannot be had ({first_line(error)})"
        ) from error
    return connection


def _set_up(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET enable_progress_bar = FALSE")  # it writes among what commands print
    connection.execute("SET TimeZone = 'UTC'")  # as BigQuery reads times without a zone
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")


_TOO_LONG = "maximum execution time"
_TOO_DEEP = "Max expression depth limit"
_NO_FUNCTION = re.compile(r'Function with name "?([^\s"]+)"? does not exist|Function "([^"]+)" is a table function')
_OF_A_FILE = re.compile(
    r"parquet|csv|magic bytes|decompress|thrift|protocol|dictionary|corrupt|buffer|page|footer|encoding|file",
    re.IGNORECASE,
)
"""Words of what DuckDB says of a file that it cannot read; it has the same class of error for a wrong argument."""


def seal(connection: duckdb.DuckDBPyConnection, readable: Iterable[Path], seconds: float) -> None:
    """Let anybody's statement run on a connection: from now on it reads these files and what is registered.

    No other file is read, listed or written but those that it spills; nothing is installed, loaded or attached, no
    setting can be changed, and a statement ends after so many seconds.
    """
    paths = ", ".join(literal(str(path)) for path in readable)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = FALSE")
    connection.execute(f"SET max_execution_time = {max(math.ceil(seconds * 1000), 1)}")
    connection.execute("SET lock_configuration = TRUE")


@contextmanager
def faults_named(doing: str, memory_limit: str, home: Path) -> Iterator[None]:
    """DuckDB's errors as ours; ``doing`` is what it was asked for, ``home`` what it reads and writes in.

    Raises:
        StatementFailed: a statement could not be run.
        MachineFault: the disk is full, say, or too many files are open.
        TooLittleMemory: it needs more memory than it may use.
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
            raise StatementFailed(said(error), _fault(error)) from error
        raise TooLittleMemory(
            f"{doing}: needs more memory than LAKEHOUSE_MEMORY_LIMIT={memory_limit}: raise it ({first_line(error)})"
        ) from error
    except duckdb.InterruptException as error:
        if _TOO_LONG in str(error):
            raise StatementFailed(first_line(error), StatementFault.TIME) from error
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise StatementFailed(said(error), _fault(error)) from error
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

    if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException)) or VALUE_ERROR in first_line(error):
        # Its other lines repeat a statement, which may have such a message within it that was not raised.
        return StatementFault.VALUE
    if isinstance(error, _of_statements()):
        return StatementFault.STATEMENT
    if isinstance(error, duckdb.InvalidInputException) and _OF_A_FILE.search(str(error)) is None:
        return StatementFault.STATEMENT
    return StatementFault.DATA


def _of_statements() -> tuple[type[duckdb.Error], ...]:
    import duckdb

    return (
        *(duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException),
        *(duckdb.PermissionException, duckdb.NotImplementedException, duckdb.InvalidTypeException),
        *(duckdb.TypeMismatchException, duckdb.NotSupportedError),
    )


def said(error: duckdb.Error) -> str:
    """What DuckDB says is wrong, without its advice to change how it is set up."""
    line = first_line(error)
    if missing := _NO_FUNCTION.search(line):
        return f"there is no function {(missing[1] or missing[2]).upper()}"
    if _TOO_DEEP in line:
        return "it is nested too deeply; write it in steps, as in WITH … AS (…)"
    return line.partition(VALUE_ERROR)[2] or line


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
