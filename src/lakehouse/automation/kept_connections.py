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
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, create_engine, util

BUSY_SECONDS = 30.0
_MOST_IDLE = 4
"""Each takes three open files. More may be in use at once: they are closed when they are done."""

_FORK_SECONDS = 5.0

_Identity = tuple[int, int]


class _Forked(Protocol):
    def before_fork(self) -> None: ...

    def after_fork(self, *, in_child: bool) -> None: ...


@dataclass(frozen=True)
class _Kept:
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
        self._idle: list[_Kept] = []
        self._users: list[int] = []
        self._changed = threading.Condition()
        forks().add(self)
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection; what is done with it is committed, or rolled back where something is raised.

        Raises:
            SQLAlchemyError: the database cannot be opened or used.
        """
        idle = self._taken()
        user = threading.get_ident()
        kept = None
        try:
            kept = idle or self._opened()
            with kept.connection.begin():
                yield kept.connection
        except BaseException:
            self._give_back(None, user)
            if kept is not None:
                kept.connection.close()
            raise
        if not self._give_back(kept, user):
            kept.connection.close()

    def close(self) -> None:
        """Close what is idle; whoever uses the database again opens it again."""
        with self._changed:
            _close_all(self._idle)

    def before_fork(self) -> None:
        """Leave a child nothing to inherit: SQLite would take it for its own, with locks that only the parent has.

        What other threads are at is waited for, but not for ever: one of them may wait for another database.
        """
        self._changed.acquire()
        this = threading.get_ident()
        self._changed.wait_for(lambda: not set(self._users) - {this}, _FORK_SECONDS)
        _close_all(self._idle)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child has no other threads, who would give back what they have."""
        if in_child:
            self._changed = threading.Condition()
            self._users = []
        else:
            self._changed.release()

    def _taken(self) -> _Kept | None:
        """Be one of those who use the database, with an idle connection if there is one to its file."""
        file = _identity(self.path)
        with self._changed:
            self._users.append(threading.get_ident())
            while self._idle:
                kept = self._idle.pop()
                if file is not None and kept.file == file:
                    return kept
                kept.connection.close()  # its file was removed, or another one is in its place
        return None

    def _opened(self) -> _Kept:
        if self._prepare is not None:
            self._prepare(self.path)
        connection = self._engine.connect()
        return _Kept(connection, _identity(self.path))

    def _give_back(self, kept: _Kept | None, user: int) -> bool:
        """Use the database no more; whether the connection is kept for others."""
        with self._changed:
            self._changed.notify_all()
            if user not in self._users:  # this is the child of a fork in its midst: the connection is the parent's
                return False
            self._users.remove(user)
            if is_kept := kept is not None and len(self._idle) < _MOST_IDLE:
                self._idle.append(kept)
        return is_kept


class Forks:
    """What this process has that is told of its forks, for as long as somebody uses it."""

    def __init__(self) -> None:
        self._members: weakref.WeakSet[_Forked] = weakref.WeakSet()
        self._told: list[_Forked] = []
        self._lock = threading.Lock()
        os.register_at_fork(
            before=self._before,
            after_in_parent=lambda: self._after(in_child=False),
            after_in_child=lambda: self._after(in_child=True),
        )

    def add(self, member: _Forked) -> None:
        """Tell it, too."""
        with self._lock:
            self._members.add(member)

    def _before(self) -> None:
        self._lock.acquire()
        self._told = list(self._members)
        for member in self._told:
            member.before_fork()

    def _after(self, *, in_child: bool) -> None:
        for member in self._told:
            member.after_fork(in_child=in_child)
        self._told = []
        if in_child:
            self._lock = threading.Lock()
        else:
            self._lock.release()


@cache
def forks() -> Forks:
    """Those of this process, from when this is first asked for."""
    return Forks()


def _close_all(idle: list[_Kept]) -> None:
    while idle:
        idle.pop().connection.close()


def _identity(path: Path) -> _Identity | None:
    with suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - asked for each transaction, and half the time of the other way
        return status.st_dev, status.st_ino
    return None


def _engine(path: Path) -> Engine:
    """An engine of a database alone, which understands SQL and remembers it together with all others."""

    def opened() -> Any:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
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
