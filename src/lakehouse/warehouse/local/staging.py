"""Where files are written before they are published: a private folder for each run, on the same disk."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

_STALE_SECONDS = 24 * 3600.0


class Staging:
    """The staging folder of a home."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def spill(self) -> Path:
        """Where an engine puts what does not fit into its memory."""
        return self._root / "spill"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A private folder; gone afterwards."""
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(dir=self._root, prefix="model-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed runs left; young folders may belong to a run that is still at work."""
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in self._root.iterdir():
            with contextlib.suppress(FileNotFoundError):  # its own run may remove it at any time
                if folder.stat().st_mtime < time.time() - _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
