"""A run's database without events: Dagster makes it table by table, so it is made once for its version, then copied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import dagster as dg

from lakehouse.files import move_durably
from lakehouse.private_folders import PrivateFolders

_HEADER = b"SQLite format 3\0"


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
        with suppress(FileNotFoundError):
            content = self._kept.read_bytes()
            if _is_whole(content):
                return content
        with self._work.folder("empty") as folder:
            made = folder / "empty.db"
            self._make(made)
            content = made.read_bytes()
            move_durably(made, self._kept)
        return content


def _is_whole(content: bytes) -> bool:
    """Whether a database has all the pages that its header speaks of."""
    page_bytes, pages = int.from_bytes(content[16:18]), int.from_bytes(content[28:32])
    return content.startswith(_HEADER) and len(content) == page_bytes * pages
