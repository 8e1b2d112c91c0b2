"""``lakehouse`` runs in processes of their own that race each other, or die at a chosen moment."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lakehouse.month import Month
from tests.project import Project

TIMEOUT_SECONDS = 120.0

# Children are forked from a server that has all imports done and no threads: 1 s each instead of 4 s.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["lakehouse.cli", "lakehouse.definitions", "lakehouse.runs", "dlt", "duckdb", "pyarrow.parquet", "pyiceberg.catalog.sql"]
)


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it wrote."""

    exit_code: int | None
    output: str

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


@dataclass(frozen=True)
class Running:
    """A process at work, its output in a file."""

    process: BaseProcess
    log: Path

    def wait(self) -> Ended:
        self.process.join(TIMEOUT_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"{self.process.name} did not end: {self.log.read_text()}")
        return Ended(self.process.exitcode, self.log.read_text())


def month_arguments(month: Month) -> tuple[str, ...]:
    return ("run", "--from", str(month), "--to", str(month))


def start(project: Project, *arguments: str, patch: Callable[[], object] | None = None, go: Path | None = None) -> Running:
    """``lakehouse`` with these arguments; ``patch`` is called in the process first. It waits for ``go`` to exist."""
    logs = project.folder / "logs"
    logs.mkdir(exist_ok=True)
    log = logs / f"{len(list(logs.iterdir()))}.txt"
    log.touch()
    process = _CONTEXT.Process(
        target=_lakehouse, args=(arguments, project.command_environment(), log, patch, go), daemon=True
    )
    process.start()
    return Running(process, log)


def _lakehouse(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    log: Path,
    patch: Callable[[], object] | None,
    go: Path | None,
) -> None:
    from lakehouse.cli import main

    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environment)
    if patch is not None:
        patch()
    if go is not None:
        log.with_suffix(".ready").touch()
        while not go.exists():
            time.sleep(0.002)
    main(list(arguments), prog_name="lakehouse")
