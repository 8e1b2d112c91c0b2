"""A month made on a disk that loses power at a chosen moment: just before or after a rename, an fsync or a commit."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from lakehouse.partition import Month
from tests import direct
from tests.faults.processes import fork
from tests.power import Disk
from tests.project import Project

_LOST = 75
"""Exit code of a process whose disk lost power when it was to."""

_TIMEOUT_SECONDS = 60.0

_END = "the end"


@dataclass(frozen=True)
class Lost:
    """What a process had said was published when the power was lost, after so many moments; at what that was."""

    published: tuple[str, ...]
    moment: int
    at: str


def lose_power_making(
    project: Project, month: Month, disk: Disk, moment: int | None, prepare: Callable[[], object] | None = None
) -> Lost:
    """Make a month in a process of its own, after ``prepare`` was called there; power is lost at a moment of it.

    At the end, if ``moment`` is None or there are fewer.
    """
    told, tell = Pipe(duplex=False)
    with disk.mounted():
        process = fork(_make, project, month, disk, moment, prepare, tell)
        tell.close()
        said: list[tuple[str, int]] = []
        with told, suppress(EOFError):
            while told.poll(_TIMEOUT_SECONDS):
                said.append(told.recv())
        process.join(_TIMEOUT_SECONDS)
        assert process.exitcode == _LOST, (process.exitcode, said)
        assert not disk.has_power
    *published, (at, passed) = said
    return Lost(tuple(asset for asset, _ in published), passed, at)


@dataclass
class _Moments:
    """Counts what a process does to its disk, and takes the power at one of these moments."""

    disk: Disk
    chosen: int | None
    tell: Connection
    passed: int = 0

    def around(self, owner: Any, name: str) -> None:
        """Let a moment pass before each call, and one after it."""
        called = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self._pass(f"before {name}")
            answer = called(*arguments, **named)
            self._pass(f"after {name}")
            return answer

        setattr(owner, name, counted)

    def _pass(self, what: str) -> None:
        if self.passed == self.chosen:
            self.lose(what)
        self.passed += 1

    def lose(self, what: str) -> None:
        self.disk.lose_power()
        self.tell.send((what, self.passed))
        os._exit(_LOST)


def _make(
    project: Project,
    month: Month,
    disk: Disk,
    moment: int | None,
    prepare: Callable[[], object] | None,
    tell: Connection,
) -> None:
    from sqlalchemy.engine.default import DefaultDialect

    if prepare is not None:
        prepare()
    moments = _Moments(disk, moment, tell)
    for owner, name in ((os, "fsync"), (os, "replace"), (os, "rename"), (DefaultDialect, "do_commit")):
        moments.around(owner, name)
    for asset, _ in direct.making(project, month, *direct.GREEN):
        tell.send((asset, moments.passed))
    moments.lose(_END)
