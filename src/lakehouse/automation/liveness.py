"""Which runs have a process: each holds a file lock named for its run for as long as it is at work.

The system takes a lock from a process that ends in whatever way, and tells every container that shares the folder; ids
of processes mislead there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lakehouse.files import take_lock

_FOLDER = "runs-at-work"
_HELD = b"held"
_PAUSE_SECONDS = 0.001


class Liveness(Enum):
    """What a run's lock says of its process."""

    ALIVE = "its process holds its lock"
    DEAD = "nobody holds its lock: its process has ended"
    UNKNOWN = "it has no lock: its process takes none"


@dataclass(frozen=True)
class RunLocks:
    """The locks of the runs of one Dagster instance."""

    folder: Path

    @classmethod
    def of(cls, dagster_home: Path | str) -> RunLocks:
        """Those of the instance whose folder this is."""
        return cls(Path(dagster_home) / _FOLDER)

    @contextmanager
    def held(self, run_id: str) -> Iterator[None]:
        """Hold a run's lock; a part of the process that holds it already holds it no more than that.

        Where this is left by an error, the lock tells that the run has no process any more.

        Raises:
            OSError: the lock's file cannot be made.
        """
        lock = self._open(run_id)
        try:
            is_ours = _hold(lock)
            yield
            if is_ours:
                self.forget(run_id)
        finally:
            os.close(lock)

    def keep(self, run_id: str) -> None:
        """Hold a run's lock until this process ends, as it has more to do for the run than whoever asks for this.

        Raises:
            OSError: the lock's file cannot be made.
        """
        lock = self._open(run_id)
        if not _hold(lock):
            os.close(lock)

    def of_run(self, run_id: str) -> Liveness:
        """What is known of a run's process."""
        try:
            lock = os.open(self._path(run_id), os.O_RDONLY)
        except FileNotFoundError:
            return Liveness.UNKNOWN
        try:
            if not _was_held(lock):
                return Liveness.UNKNOWN  # it is being taken
            if not take_lock(lock, shared=True):
                return Liveness.ALIVE
            return Liveness.DEAD if os.fstat(lock).st_nlink else Liveness.UNKNOWN  # given back since it was opened
        finally:
            os.close(lock)

    def forget(self, run_id: str) -> None:
        """Remove the lock of a run that is over."""
        self._path(run_id).unlink(missing_ok=True)

    def known(self) -> Iterator[str]:
        """Every run that has a lock, held or not."""
        with suppress(FileNotFoundError):
            yield from sorted(path.stem for path in self.folder.glob("*.lock"))

    def _open(self, run_id: str) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        return os.open(self._path(run_id), os.O_RDWR | os.O_CREAT, 0o644)

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.lock"


def _hold(lock: int) -> bool:
    """Take a lock; False if this process has it already, as only one executes a run."""
    while not take_lock(lock):
        if _was_held(lock):
            return False
        time.sleep(_PAUSE_SECONDS)  # somebody looks whether it is held, which is over at once
    os.write(lock, _HELD)
    return True


def _was_held(lock: int) -> bool:
    """Whether a run's process has, or had, the lock: others who open the file for a moment write nothing into it."""
    return os.pread(lock, len(_HELD), 0) == _HELD
