"""One run a dataset at a time, of those on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.exceptions import CommitConflict
from lakehouse.files import make_folder, take_lock


@contextmanager
def one_at_a_time(folder: Path, dataset: str) -> Iterator[None]:
    """Have a dataset's turn, whose lock is a file in a folder; the system takes it back from whoever ends.

    Raises:
        CommitConflict: another run has it.
    """
    make_folder(folder)
    lock = os.open(folder / f"{dataset}.turn", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not take_lock(lock):
            raise CommitConflict(f"{dataset}: another run lands it at this moment; run it again once that has ended")
        yield
    finally:
        os.close(lock)
