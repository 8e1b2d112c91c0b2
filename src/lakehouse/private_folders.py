"""Folders of the work that is under way, one for each piece of it: gone with it, or swept once its process is dead.

Whose process that is does not matter, nor what any clock says: each folder has a lock beside it, which the system takes
from a process that ends in whatever way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from lakehouse.files import make_folder, take_lock

_LOCK = ".lock"


@dataclass(frozen=True)
class PrivateFolders:
    """Those below a folder, on one disk."""

    root: Path

    @contextmanager
    def folder(self, kind: str) -> Iterator[Path]:
        """A new folder, empty, of work of a kind; gone afterwards.

        Raises:
            OSError: it cannot be made.
        """
        make_folder(self.root)
        path, lock = self._locked(kind)
        try:
            path.mkdir()
            yield path
        finally:
            self._remove(path)
            os.close(lock)

    def are_at_work(self, kind: str) -> bool:
        """Whether there is a folder of work of a kind that a living process has."""
        return any(not self._is_left(lock) for lock in self.root.glob(f"{kind}-*{_LOCK}"))

    def sweep(self) -> None:
        """Remove what dead processes have left of whatever kind."""
        for path in {each.with_suffix("") for each in self.root.glob("*-*")}:
            self._sweep(path)

    def _locked(self, kind: str) -> tuple[Path, int]:
        """A new folder's path, and its lock, which is held."""
        while True:
            path = self.root / f"{kind}-{uuid4().hex}"
            lock = os.open(_lock_of(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            if take_lock(lock) and os.fstat(lock).st_nlink:
                return path, lock
            os.close(lock)  # it was swept in this moment

    def _sweep(self, path: Path) -> None:
        try:
            lock = os.open(_lock_of(path), os.O_RDWR)
        except FileNotFoundError:  # left by a version that had no locks, or removed in this moment
            self._remove(path)
            return
        try:
            if take_lock(lock):
                self._remove(path)
        finally:
            os.close(lock)

    @staticmethod
    def _is_left(path: Path) -> bool:
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            return take_lock(lock, shared=True)
        finally:
            os.close(lock)

    @staticmethod
    def _remove(path: Path) -> None:
        """The folder, and then what says that it is anybody's."""
        shutil.rmtree(path, ignore_errors=True)
        _lock_of(path).unlink(missing_ok=True)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{_LOCK}")
