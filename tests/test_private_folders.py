"""Folders of work under way are gone with it; what a dead process left is swept, and nothing of a living one is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lakehouse.private_folders import PrivateFolders

LONG_AGO = 0.0
WORK = """
import sys
from pathlib import Path
from lakehouse.private_folders import PrivateFolders
with PrivateFolders(Path(sys.argv[1])).folder("model") as folder:
    (folder / "staged.parquet").write_bytes(b"rows")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def at_work(root: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that has a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_a_folder_is_its_own_and_gone_afterwards(tmp_path: Path) -> None:
    folders = PrivateFolders(tmp_path)
    with folders.folder("model") as first, folders.folder("model") as second:
        assert first != second
        (first / "staged.parquet").write_bytes(b"rows")
        assert folders.are_at_work("model")
        assert not folders.are_at_work("landing")
    assert list(tmp_path.iterdir()) == []
    assert not folders.are_at_work("model")


def test_what_is_swept_is_what_a_dead_process_left_whatever_the_clock_says(tmp_path: Path) -> None:
    folders = PrivateFolders(tmp_path)
    with at_work(tmp_path) as (process, folder):
        for each in (folder, folder / "staged.parquet", *tmp_path.glob("*.lock")):
            os.utime(each, (LONG_AGO, LONG_AGO))
        folders.sweep()
        assert (folder / "staged.parquet").read_bytes() == b"rows"
        assert folders.are_at_work("model")
        process.kill()
        process.wait()
        assert not folders.are_at_work("model")
        folders.sweep()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_lock_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "landing-old").mkdir()
    (tmp_path / "model-never-made.lock").touch()
    (tmp_path / "spill").mkdir()  # another's, which tidies it up itself
    PrivateFolders(tmp_path).sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["spill"]


def test_folders_that_are_made_while_others_sweep_stand(tmp_path: Path) -> None:
    folders = PrivateFolders(tmp_path)
    made = 0

    def work() -> None:
        nonlocal made
        for _ in range(200):
            with folders.folder("model") as folder:
                (folder / "rows").touch()
                folders.sweep()
                assert (folder / "rows").exists()
                made += 1

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    assert made == 800
    assert list(tmp_path.iterdir()) == []
