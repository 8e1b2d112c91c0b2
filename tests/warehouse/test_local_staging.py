"""What is written before it is published goes with its run, or with the first run a day after it was killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lakehouse.warehouse.local.staging import Staging
from tests.warehouse.implementations import local_store

HOUR = 3600.0


def left_behind(root: Path, name: str, hours_ago: float) -> Path:
    """A folder that a run has made, and has not removed."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "staged.parquet").write_bytes(b"rows")
    then = time.time() - hours_ago * HOUR
    os.utime(folder, (then, then))
    return folder


def test_preparing_removes_what_killed_runs_left_and_nothing_of_a_run_at_work(tmp_path: Path) -> None:
    root = tmp_path / "staging"
    killed, at_work = left_behind(root, "model-killed", 25), left_behind(root, "model-at-work", 23)
    store = local_store(tmp_path)
    store.prepare()
    assert not killed.exists()
    assert (at_work / "staged.parquet").exists()


def test_a_folder_of_a_run_is_its_own_and_gone_afterwards(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staging")
    with staging.folder() as first, staging.folder() as second:
        assert first != second
        (first / "staged.parquet").write_bytes(b"rows")
    assert list((tmp_path / "staging").iterdir()) == []
