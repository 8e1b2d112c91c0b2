"""``lakehouse`` in processes of their own, which race each other or die at a chosen moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lakehouse.partition import Month
from tests.commands import dagster_in_memory, run_arguments, sqlite_without_fsync
from tests.project import Project

_TIMEOUT_SECONDS = 120.0
_POLL_SECONDS = 0.02
"""To ask without a pause takes a core from those who are watched."""

# Children are forked from a server that has done all imports and has no threads, which saves 3 s each.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "dlt.destinations",
        "duckdb",
        "lakehouse.cli.main",
        "lakehouse.definitions",
        "lakehouse.cli.runs",
        "pyarrow.parquet",
        "pyiceberg.catalog.sql",
        "pyiceberg.io.pyarrow",
    ]
)


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it printed."""

    exit_code: int | None
    output: str

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


@dataclass(frozen=True)
class Running:
    """A process at work; what it prints goes to a file."""

    process: BaseProcess
    log: Path

    def wait(self) -> Ended:
        self.process.join(_TIMEOUT_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"it did not end, but said: {self.log.read_text()}")
        return Ended(self.process.exitcode, self.log.read_text())


def fork(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that has the imports already, and nothing else of this one."""
    process: BaseProcess = CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def one_month(month: Month) -> tuple[str, ...]:
    """Arguments that run a month."""
    return run_arguments(month, month)


def start(project: Project, arguments: Sequence[str], patch: Callable[[], object]) -> Running:
    """``lakehouse`` with these arguments, after ``patch`` was called."""
    return _start(project, arguments, patch=patch)


def begin(project: Project, arguments: Sequence[str], prepare: Callable[[], object] | None = None) -> Running:
    """``lakehouse`` with these arguments on Dagster's real databases, after ``prepare`` was called; it begins now."""
    running = _start(project, arguments, None, prepare=prepare)
    _let_go([running])
    return running


def _start(
    project: Project,
    arguments: Sequence[str],
    patch: Callable[[], object] | None,
    prepare: Callable[[], object] | None = None,
) -> Running:
    logs = project.folder / "logs"
    logs.mkdir(exist_ok=True)
    log = logs / f"{len(list(logs.glob('*.txt')))}.txt"
    log.touch()
    process = CONTEXT.Process(
        target=_lakehouse, args=(tuple(arguments), project.command_environment(), log, patch, prepare), daemon=True
    )
    process.start()
    return Running(process, log)


def _let_go(waiting: Sequence[Running]) -> None:
    """Let processes begin once all of them are there."""
    while not all(each.log.with_suffix(".ready").exists() for each in waiting):
        assert all(each.process.is_alive() for each in waiting), [each.log.read_text() for each in waiting]
        time.sleep(0.002)
    for each in waiting:
        each.log.with_suffix(".go").touch()


def race(project: Project, commands: Sequence[Sequence[str]]) -> list[Ended]:
    """``lakehouse`` with each of these arguments in a process of its own, all beginning at the same moment."""
    racing = [_start(project, arguments, patch=None) for arguments in commands]
    _let_go(racing)
    return [each.wait() for each in racing]


@contextmanager
def polling(project: Project, sql: str) -> Iterator[list[dict[str, str | None]]]:
    """A process that asks the same one-row query over and over; the list has its answers once the block is left."""
    answers, stop = project.folder / "answers.jsonl", project.folder / "stop"
    process = CONTEXT.Process(target=_poll, args=(project, sql, answers, stop), daemon=True)
    process.start()
    while process.is_alive() and not answers.exists():
        time.sleep(0.01)
    seen: list[dict[str, str | None]] = []
    try:
        yield seen
    finally:
        stop.touch()
        process.join(_TIMEOUT_SECONDS)
    assert process.exitcode == 0
    seen.extend(json.loads(line) for line in answers.read_text().splitlines())


def kill_this_process() -> None:
    """As ``kill -9`` does: no handler, no ``finally``, nothing flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before(owner: Any, method: str, applies: Callable[..., bool]) -> None:
    """Make the process die instead of calling ``method`` for the first time that ``applies``."""
    original = getattr(owner, method)

    def dying(self: Any, *arguments: Any, **named: Any) -> Any:
        if applies(*arguments):
            kill_this_process()
        return original(self, *arguments, **named)

    setattr(owner, method, dying)


def _lakehouse(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    log: Path,
    patch: Callable[[], object] | None,
    prepare: Callable[[], object] | None,
) -> None:
    from lakehouse.cli.main import main

    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.environ.clear()
    os.environ.update(environment)
    with sqlite_without_fsync():
        if patch is not None:
            patch()
            with dagster_in_memory():
                main(arguments, prog_name="lakehouse")
        else:
            if prepare is not None:
                prepare()
            log.with_suffix(".ready").touch()
            while not log.with_suffix(".go").exists():
                time.sleep(0.001)
            main(arguments, prog_name="lakehouse")


def _poll(project: Project, sql: str, answers: Path, stop: Path) -> None:
    warehouse = project.warehouse()
    with answers.open("w") as lines:
        while not stop.exists():
            (row,) = warehouse.query(sql).to_pylist()
            lines.write(json.dumps({name: None if value is None else str(value) for name, value in row.items()}) + "\n")
            time.sleep(_POLL_SECONDS)
    warehouse.close()
