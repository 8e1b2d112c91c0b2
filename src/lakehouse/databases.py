"""SQLite databases that cannot be used: which file it is, what is wrong with it, what to do."""

from __future__ import annotations

import errno
import re
import resource
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.exceptions import DatabaseUnusable
from lakehouse.files import may_be_written

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

_NOTE = "database: "
_TOLD = re.compile(r"sqlite3\.\w+[):]+ (.+)")
_MISSING = re.compile(r"no such (table|column)|has no column named")
_RIGHTS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_WORDS = {
    "unable to open database file": sqlite3.SQLITE_CANTOPEN,
    "database or disk is full": sqlite3.SQLITE_FULL,
    "attempt to write a readonly database": sqlite3.SQLITE_READONLY,
    "disk I/O error": sqlite3.SQLITE_IOERR,
    "database is locked": sqlite3.SQLITE_BUSY,
    "database disk image is malformed": sqlite3.SQLITE_CORRUPT,
    "file is not a database": sqlite3.SQLITE_NOTADB,
}
_LITTLE_BYTES = 1 << 20


def name_databases_in_errors() -> None:
    """Have SQLAlchemy's errors carry the file that they are about; they do not by themselves."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "handle_error", _note):
        event.listen(Engine, "handle_error", _note)


def _note(context: ExceptionContext) -> None:
    if context.engine is None or not context.engine.url.database:
        return
    file, error = Path(context.engine.url.database), context.sqlalchemy_exception
    (error or context.original_exception).add_note(f"{_NOTE}{file}")
    original = context.original_exception
    if error is not None and (number_behind(original, file) or database_fault(original, file, None)):
        # Dagster prints what it could not write: no statement is to blame, and its parameters are pages.
        error.statement = error.params = error.code = None


def retold(message: str) -> BaseException:
    """An error of which only the words are left, as Dagster keeps it: SQLite's if it tells one, with its database."""
    sqlites = _TOLD.search(message)
    error = sqlite3.OperationalError(sqlites[1]) if sqlites else Exception(message)
    for line in message.splitlines():
        if line.startswith(_NOTE):
            error.add_note(line)
    return error


def database_named(error: BaseException) -> Path | None:
    """The database that an error carries."""
    notes: list[str] = getattr(error, "__notes__", [])
    return next((Path(note.removeprefix(_NOTE)) for note in notes if note.startswith(_NOTE)), None)


def number_behind(error: BaseException, file: Path | None) -> int | None:
    """What the system answered where SQLite tells it in a code of its own, as of any other file; else None."""
    code = _code(error)
    if code == sqlite3.SQLITE_CANTOPEN and file is not None and may_be_written(file if file.exists() else file.parent):
        return errno.EMFILE  # nothing else keeps it from being opened
    if code == sqlite3.SQLITE_IOERR:
        return _behind_io_error(file)
    return errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EACCES if code in _RIGHTS else None


def database_fault(error: BaseException, file: Path | None, dagster_home: Path | None) -> DatabaseUnusable | None:
    """What is wrong with a database, None of what is no fault of one. One that is not known is one of Dagster's."""
    is_dagsters = file is None or dagster_home is None or file.is_relative_to(dagster_home)
    named = str(file) if file else f"a database of Dagster's in DAGSTER_HOME={dagster_home}"
    code = _code(error)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseUnusable(
            f"{named}: {error}", "another process has it and did not let go; end it or wait for it, and run it again"
        )
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}:
        return DatabaseUnusable(f"{named} is damaged or cannot be read ({error})", _instead(is_dagsters=is_dagsters))
    if type(error).__name__ == "NoSuchTableError":  # SQLAlchemy's, which looked for it itself
        return _of_another_version(f"{named}: no such table: {error}", is_dagsters=is_dagsters)
    if code == sqlite3.SQLITE_ERROR and _MISSING.search(str(error)):
        return _of_another_version(f"{named}: {error}", is_dagsters=is_dagsters)
    return None


def _code(error: BaseException) -> int | None:
    """SQLite's primary code of an error of its own; of one that was only told, by its words."""
    if not isinstance(error, sqlite3.Error):
        return None
    told = next((code for words, code in _WORDS.items() if words in str(error)), sqlite3.SQLITE_ERROR)
    return int(getattr(error, "sqlite_errorcode", told)) & 0xFF


def _of_another_version(fact: str, *, is_dagsters: bool) -> DatabaseUnusable:
    migrate = "if another version of Dagster made it, say dagster instance migrate; else " if is_dagsters else ""
    return DatabaseUnusable(fact, f"{migrate}{_instead(is_dagsters=is_dagsters)}")


def _instead(*, is_dagsters: bool) -> str:
    if is_dagsters:
        return (
            "move it away with its -wal and -shm, and run it again; Dagster's record of runs is lost with it, the "
            "tables are not"
        )
    return "put back a copy of it, or run the months again in a new LAKEHOUSE_HOME"


def _behind_io_error(file: Path | None) -> int | None:
    """SQLite says no more than "disk I/O error" of a file that would be too large, and of some full disks."""
    if file is None:
        return None
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    sizes = [each.stat().st_size for each in file.parent.glob(f"{file.name}*")]
    if largest != resource.RLIM_INFINITY and any(size + _LITTLE_BYTES > largest for size in sizes):
        return errno.EFBIG
    return errno.ENOSPC if file.parent.is_dir() and shutil.disk_usage(file.parent).free < _LITTLE_BYTES else None
