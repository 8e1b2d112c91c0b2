"""A SQLite database, looked into without anything being written: no log, and no index of one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from lakehouse.databases import database_fault
from lakehouse.exceptions import DatabaseUnusable

_BUSY_SECONDS = 2.0


def first_value(file: Path, sql: str, dagster_home: Path) -> object:
    """The first value that a query answers, None if there is none.

    Raises:
        DatabaseUnusable: it cannot be opened, or has not what is asked for.
    """
    # One without a log nobody is writing to; and to open it as others do would make one.
    how = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?{how}", uri=True, timeout=_BUSY_SECONDS)) as database:
            row = database.execute(sql).fetchone()
    except sqlite3.Error as error:
        known = database_fault(error, file, dagster_home)
        raise known or DatabaseUnusable(f"{file}: {error}", "make it readable for whoever runs this") from None
    return None if row is None else row[0]
