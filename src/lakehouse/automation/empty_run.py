"""A run's database without events: Dagster makes it table by table, so it is made once for its version, then copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path

import dagster as dg

from lakehouse.files import move_durably
from lakehouse.private_folders import PrivateFolders


class EmptyRun:
    """That of the runs whose databases are in a folder; ``make`` has Dagster make one."""

    def __init__(self, folder: Path, make: Callable[[Path], None]) -> None:
        self._kept = folder / f".empty-{dg.__version__}"
        self._work = PrivateFolders(folder / ".work")
        self._make = make

    def place(self, path: Path) -> None:
        """Give a run its database, whole or not at all, unless another process was faster.

        Raises:
            OSError: it cannot be written there.
        """
        content = self._content
        with self._work.folder("run") as folder:
            copy = folder / path.name
            copy.write_bytes(content)
            with suppress(FileExistsError):
                path.hardlink_to(copy)

    @cached_property
    def _content(self) -> bytes:
        """Kept for other processes, too."""
        self._work.sweep()
        if _is_whole(self._kept):
            return self._kept.read_bytes()
        with self._work.folder("empty") as folder:
            made = folder / "empty.db"
            self._make(made)
            content = made.read_bytes()
            move_durably(made, self._kept)
        return content


def _is_whole(file: Path) -> bool:
    """Whether a database is undamaged, and says of which version it is."""
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
        is_sound = connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return is_sound and bool(connection.execute("SELECT 1 FROM alembic_version").fetchone())
    return False
