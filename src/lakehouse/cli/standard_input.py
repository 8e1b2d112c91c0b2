"""SQL that comes by standard input: ``lakehouse query -``."""

from __future__ import annotations

import sys

import click

from lakehouse.exceptions import QueryError
from lakehouse.models.bounds import LONGEST

_MOST_BYTES = 4 * LONGEST
"""Of the longest query, in the characters that take most; no more is read."""


def read_sql() -> str:
    """All of standard input; on a terminal it says what it waits for.

    Raises:
        QueryError: there is nothing in it, it is no text, or longer than a query may be.
    """
    if sys.stdin is None:  # a program may be started without
        raise _nothing()
    if sys.stdin.isatty():
        click.echo("waiting for SQL: type or paste it, and end with Ctrl-D on a line of its own", err=True)
    given = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(given) > _MOST_BYTES:
        raise QueryError(f"query: standard input is longer than {LONGEST:,} characters, the most that a query may have")
    try:
        sql = given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QueryError(f"query: standard input is not UTF-8 text ({error.reason} at byte {error.start})") from None
    if not sql.strip():
        raise _nothing()
    return sql


def _nothing() -> QueryError:
    return QueryError("query: standard input is empty: give it one SELECT, as in lakehouse query - < query.sql")
