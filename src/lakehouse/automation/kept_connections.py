"""SQLite databases whose connections stay open from one use to the next, for whoever asks in this process."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, create_engine, util

_BUSY_SECONDS = 30.0
_MOST_IDLE = 4
"""Each takes three open files. More may be in use at once: they are closed when they are done."""

_Identity = tuple[int, int]


@dataclass(frozen=True)
class _Idle:
    connection: Connection
    file: _Identity | None


class KeptDatabase:
    """A database and its idle connections; a thread that uses one has it to itself, and a transaction in it.

    What is committed is the system's: a process that is killed loses none of it. The disk is waited for only when the
    write-ahead log is folded into the file: a loss of power may take the last commits, and leaves a whole database.
    """

    def __init__(self, path: Path, prepare: Callable[[Path], None] | None = None) -> None:
        """``prepare`` is called with the path before a file is opened that was not open, or is another one by now."""
        self.path = path
        self._prepare = prepare
        self._engine = _engine(path)
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()
        _watch_forks().add(self)
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection; what is done with it is committed, or rolled back where something is raised.

        Raises:
            SQLAlchemyError: the database cannot be opened or used.
        """
        taken = self._taken()
        try:
            with taken.connection.begin():
                yield taken.connection
        except BaseException:
            taken.connection.close()
            raise
        with self._lock:
            if keep := len(self._idle) < _MOST_IDLE:
                self._idle.append(taken)
        if not keep:
            taken.connection.close()

    def close(self) -> None:
        """Close what is idle; whoever uses the database again opens it again."""
        with self._lock:
            _close_all(self._idle)

    def before_fork(self) -> None:
        """Leave a child nothing to inherit: SQLite would take it for its own, with locks that only the parent has."""
        self._lock.acquire()
        _close_all(self._idle)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child has nobody who would give the lock back."""
        if in_child:
            self._lock = threading.Lock()
        else:
            self._lock.release()

    def _taken(self) -> _Idle:
        file = _identity(self.path)
        with self._lock:
            while self._idle:
                idle = self._idle.pop()
                if file is not None and idle.file == file:
                    return idle
                idle.connection.close()  # its file was removed, or another one is in its place
        if self._prepare is not None:
            self._prepare(self.path)
        connection = self._engine.connect()
        return _Idle(connection, _identity(self.path))


class _Forks:
    """The databases of this process, which are told of its forks."""

    def __init__(self) -> None:
        self._databases: weakref.WeakSet[KeptDatabase] = weakref.WeakSet()
        self._told: list[KeptDatabase] = []
        self._lock = threading.Lock()
        os.register_at_fork(
            before=self._before,
            after_in_parent=lambda: self._after(in_child=False),
            after_in_child=lambda: self._after(in_child=True),
        )

    def add(self, database: KeptDatabase) -> None:
        with self._lock:
            self._databases.add(database)

    def _before(self) -> None:
        self._lock.acquire()
        self._told = list(self._databases)
        for database in self._told:
            database.before_fork()

    def _after(self, *, in_child: bool) -> None:
        for database in self._told:
            database.after_fork(in_child=in_child)
        self._told = []
        if in_child:
            self._lock = threading.Lock()
        else:
            self._lock.release()


@cache
def _watch_forks() -> _Forks:
    return _Forks()


def _close_all(idle: list[_Idle]) -> None:
    while idle:
        idle.pop().connection.close()


def _identity(path: Path) -> _Identity | None:
    with suppress(FileNotFoundError):
        status = os.stat(path)  # noqa: PTH116 - asked for each transaction, and half the time of the other way
        return status.st_dev, status.st_ino
    return None


def _engine(path: Path) -> Engine:
    """An engine of a database alone, which understands SQL and remembers it together with all others."""

    def opened() -> Any:
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    dialect = _dialect()
    return Engine(
        NullPool(opened, dialect=dialect),
        dialect,
        URL.create("sqlite", database=str(path)),
        execution_options={"compiled_cache": _compiled()},
    )


@cache
def _dialect() -> Dialect:
    engine = create_engine("sqlite://", poolclass=NullPool)
    engine.connect().close()  # it asks a first connection what there is to know of SQLite
    return engine.dialect


@cache
def _compiled() -> util.LRUCache[object, object]:
    return util.LRUCache(500)
