"""``lakehouse`` in processes that are forked from one that has loaded all it needs, and killed at a drawn moment.

A command that is started so does all that one in a shell does, but for the seconds in which Python imports modules. It
leads a process group, which is killed whole.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from tests.commands import dagster_in_memory, sqlite_without_fsync
from tests.faults.processes import CONTEXT
from tests.loading import models_of
from tests.project import Project

T = TypeVar("T")

_TIMEOUT_SECONDS = 180.0
_LOOK_SECONDS = 0.004
_MODIFYING = ("INSERT", "UPDATE", "DELETE", "CREATE")
_CHANGED = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1}
"""What Python tells of the changes it makes: how many of its arguments are paths."""


class Unit(StrEnum):
    """What a command's progress is told by."""

    CPU_SECONDS = "CPU seconds"
    WRITES = "writes"
    """What Python opens to write, renames and removes in the home, but for what is aside in its ``staging``; and what
    the catalog is told."""
    CATALOG_WRITES = "writes of the catalog"
    """What the catalog is told, and each of its commits."""


@dataclass(frozen=True)
class Moment:
    """When a command's process group is killed: once it has used so much CPU, or instead of the write after so many."""

    unit: Unit
    amount: float

    def earlier(self) -> Moment:
        """A moment before it, for a command that has ended by then."""
        return replace(self, amount=self.amount * 0.9)


@dataclass(frozen=True)
class Ended:
    """How a process ended, what it said, and what it had used."""

    exit_code: int
    output: str
    cpu_seconds: float

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


@dataclass(frozen=True)
class _Task:
    function: Callable[..., object]
    arguments: tuple[object, ...]
    said: Path
    cpu_seconds: float | None


@dataclass(frozen=True)
class Forks:
    """What forks; it does one thing after the other."""

    project: Project
    pipe: Connection

    def begin(self, arguments: Sequence[str], moment: Moment | None = None) -> None:
        """Start ``lakehouse`` with these arguments, to be killed at a moment."""
        seconds = moment.amount if moment is not None and moment.unit is Unit.CPU_SECONDS else None
        self._begin(_lakehouse, (self.project, tuple(arguments), moment), seconds)

    def is_over(self) -> bool:
        """Whether what was begun has ended."""
        return self.pipe.poll()

    def ended(self) -> Ended:
        """How what was begun has ended, once it has."""
        assert self.pipe.poll(_TIMEOUT_SECONDS), "it did not end"
        ended = self.pipe.recv()
        assert isinstance(ended, Ended)
        return ended

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """What a function returns in a process of its own."""
        returned = self.project.folder / "returned"
        self._begin(_call, (returned, function, arguments), None)
        ended = self.ended()
        assert ended.exit_code == 0, ended.output
        value: T = pickle.loads(returned.read_bytes())  # noqa: S301 - our own
        return value

    def _begin(self, function: Callable[..., object], arguments: tuple[object, ...], cpu: float | None) -> None:
        self.pipe.send(_Task(function, arguments, self.project.folder / "said.txt", cpu))


@contextmanager
def forks(project: Project, *, in_memory: bool) -> Iterator[Forks]:
    """A process that forks commands of a project; ``in_memory``: they leave nothing in Dagster's databases."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs, project, in_memory), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Forks(project, ours)
    finally:
        ours.close()
        process.join(_TIMEOUT_SECONDS)


def _serve(pipe: Connection, project: Project, in_memory: bool) -> None:
    """Fork for each task until nobody asks any more."""
    os.environ.clear()
    os.environ.update(project.command_environment())
    with ExitStack() as stack:
        stack.enter_context(sqlite_without_fsync())
        stack.enter_context(patch("lakehouse.warehouse.profile.load_models", lambda folder, *_: models_of(folder)))
        _load_the_rest(project)
        if in_memory:
            stack.enter_context(dagster_in_memory())
        while True:
            try:
                pipe.send(_forked(pipe.recv()))
            except (EOFError, BrokenPipeError):  # whoever asked has left
                return


def _load_the_rest(project: Project) -> None:
    """What is imported only where it is used, and what is made of the models once."""
    from lakehouse.cli.selection import select
    from lakehouse.definitions import build_definitions

    select(build_definitions(project.settings()), "*")


def _forked(task: _Task) -> Ended:
    task.said.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _be_the_child(task)
    os.setpgid(pid, pid)
    cpu = 0.0
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            cpu = used.ru_utime + used.ru_stime
            return Ended(os.waitstatus_to_exitcode(status), task.said.read_text(), cpu)
        if task.cpu_seconds is not None and _cpu_seconds(pid) >= task.cpu_seconds:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)


def _cpu_seconds(pid: int) -> float:
    """What a process that may be over has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _be_the_child(task: _Task) -> None:
    """Do the task and exit; never return to what the parent was doing."""
    code = 1
    try:
        os.setpgid(0, 0)
        descriptor = os.open(task.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        task.function(*task.arguments)
        code = 0
    except SystemExit as exited:
        code = int(exited.code or 0)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _call(returned: Path, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    returned.write_bytes(pickle.dumps(function(*arguments)))


def _lakehouse(project: Project, arguments: tuple[str, ...], killed_at: Moment | None) -> None:
    from lakehouse.cli.main import main

    if killed_at is not None and killed_at.unit is not Unit.CPU_SECONDS:
        _die_instead_of_a_write(project, killed_at)
    main(arguments, prog_name="lakehouse")


def _die_instead_of_a_write(project: Project, moment: Moment) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Connection as Database
    from sqlalchemy.engine import Engine

    home, staging, catalog = (f"{project.home}/", f"{project.home}/staging", f"{project.home}/catalog.db")
    written = count(1)

    def about_to_write() -> None:
        if next(written) > moment.amount:
            os.killpg(0, signal.SIGKILL)

    def audited(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            changed = arguments[:1] if int(arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR) else ()
        else:
            changed = arguments[: _CHANGED.get(name, 0)]
        paths = [str(path) for path in changed]
        if any(path.startswith(home) and not path.startswith(staging) for path in paths):
            about_to_write()

    def told(connection: Database, _: object, statement: str, *__: object) -> None:
        if connection.engine.url.database == catalog and statement.lstrip().startswith(_MODIFYING):
            about_to_write()

    def committed(connection: Database) -> None:
        if connection.engine.url.database == catalog:
            about_to_write()

    if moment.unit is Unit.WRITES:
        sys.addaudithook(audited)
    event.listen(Engine, "before_cursor_execute", told)
    event.listen(Engine, "commit", committed)
