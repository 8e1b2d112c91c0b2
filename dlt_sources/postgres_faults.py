"""What a PostgreSQL server answers instead of rows: in one line, without secrets, and whether it may pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote, urlsplit

from dlt_sources.changing_table import ChangingTable
from dlt_sources.remote_file import RemoteFile, TryAgain
from lakehouse.exceptions import ConfigurationError, ContractViolation, SourceUnavailable

_PASSING = ("08", "40", "53", "57", "58", "XX")
"""Classes of SQLSTATE that may pass: connection, rollback, resources, whoever stops it, the system, the server."""

_NOT_THERE = ("42P01", "42703", "3F000", "0A000", "42804")
"""No such table, column or schema, or another than when it was looked at."""

_PASSING_WORDS = re.compile(r"starting up|shutting down|too many|connection slots|recovery|terminating", re.IGNORECASE)
"""Of a refusal to connect, of which ADBC tells no SQLSTATE."""

_CLUTTER = re.compile(r"^\w+: |\[libpq\]|\[PGRES_\w+\]|Failed to connect:|Execution error|SQLSTATE: \w+$|^: ")


@contextmanager
def faults_named(table: ChangingTable, remote: RemoteFile) -> Iterator[None]:
    """Tell the driver's errors as ours.

    Raises:
        ConfigurationError: the server refuses who asks, or there is no such database.
        ContractViolation: the table is another since it was looked at.
        TryAgain: it may pass.
    """
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        told = without_passwords(_words(str(error)), remote.url)
        state = error.sqlstate
        if state is not None and state.startswith(_NOT_THERE):
            raise ContractViolation(f"{table.what}: {told}; nothing was landed") from None
        if _may_pass(state, told):
            raise TryAgain(SourceUnavailable, f"could not be read ({told})") from None
        advice = f"check {remote.setting} and what its user may do"
        raise ConfigurationError(remote.message(f"refuses ({told})", advice)) from None


@contextmanager
def breaks_named(url: str) -> Iterator[None]:
    """Tell what ends the rows before their end, which Arrow tells in its own ways, as what may pass.

    Raises:
        TryAgain: they ended.
    """
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        told = without_passwords(_words(str(error)), url)
        raise TryAgain(SourceUnavailable, f"broke off ({told})") from None


def without_passwords(text: str, url: str) -> str:
    """A text with every password that an address holds taken out of it."""
    parts = urlsplit(url)
    secrets = {parts.password or "", *(value for name, value in parse_qsl(parts.query) if "pass" in name.lower())}
    for secret in sorted({*secrets, *map(unquote, secrets)} - {""}, key=len, reverse=True):
        text = text.replace(secret, "...")
    return text


def _may_pass(state: str | None, told: str) -> bool:
    if state is not None:
        return state.startswith(_PASSING)
    return "FATAL:" not in told or _PASSING_WORDS.search(told) is not None


def _words(message: str) -> str:
    """The first line of what the server said, without what the driver puts around it."""
    line = message.splitlines()[0]
    while (less := _CLUTTER.sub("", line).strip()) != line:
        line = less
    return line.rstrip(".")
