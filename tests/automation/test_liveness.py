"""A run's lock tells whether it has a process, whatever became of that."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lakehouse.automation.liveness import Liveness, RunLocks
from tests.dying import die_holding


def test_a_run_is_alive_while_its_process_holds_the_lock_and_unknown_before_and_after(tmp_path: Path) -> None:
    locks = RunLocks.of(tmp_path)
    assert locks.of_run("a") is Liveness.UNKNOWN
    with locks.held("a"):
        assert locks.of_run("a") is Liveness.ALIVE
        assert locks.of_run("b") is Liveness.UNKNOWN
    assert locks.of_run("a") is Liveness.UNKNOWN
    assert list(locks.known()) == []


def test_a_run_is_dead_when_its_process_was_killed(tmp_path: Path) -> None:
    locks = RunLocks.of(tmp_path)
    die_holding(locks, "a")
    assert locks.of_run("a") is Liveness.DEAD
    assert list(locks.known()) == ["a"]
    locks.forget("a")
    assert locks.of_run("a") is Liveness.UNKNOWN


def test_a_run_is_dead_when_the_process_that_keeps_its_lock_has_ended_in_order(tmp_path: Path) -> None:
    keep = "import sys; from lakehouse.automation.liveness import RunLocks; RunLocks.of(sys.argv[1]).keep('a')"
    subprocess.run([sys.executable, "-c", keep, tmp_path], check=True)
    assert RunLocks.of(tmp_path).of_run("a") is Liveness.DEAD


def test_a_run_is_dead_when_what_held_its_lock_was_left_by_an_error(tmp_path: Path) -> None:
    locks = RunLocks.of(tmp_path)
    with pytest.raises(OSError, match="full"), locks.held("a"):
        raise OSError("the disk is full")
    assert locks.of_run("a") is Liveness.DEAD


def test_another_process_sees_the_lock(tmp_path: Path) -> None:
    look = (
        "import sys\nfrom lakehouse.automation.liveness import RunLocks\n"
        "print(RunLocks.of(sys.argv[1]).of_run('a').name)"
    )
    with RunLocks.of(tmp_path).held("a"):
        said = subprocess.run([sys.executable, "-c", look, tmp_path], check=True, capture_output=True, text=True).stdout
    assert said == "ALIVE\n"


def test_a_part_of_the_process_may_hold_what_the_process_holds(tmp_path: Path) -> None:
    locks = RunLocks.of(tmp_path)
    with locks.held("a"):
        with locks.held("a"):
            pass
        assert locks.of_run("a") is Liveness.ALIVE


def test_a_lock_that_is_looked_at_all_the_time_is_taken_and_never_looks_dead(tmp_path: Path) -> None:
    locks = RunLocks.of(tmp_path)
    seen, over = set(), threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(locks.of_run("a"))

    watching = [threading.Thread(target=look) for _ in range(3)]
    for thread in watching:
        thread.start()
    for _ in range(300):
        with locks.held("a"):
            assert locks.of_run("a") is Liveness.ALIVE
    with locks.held("a"):
        end = time.monotonic() + 10
        while Liveness.ALIVE not in seen and time.monotonic() < end:  # until those that look had their turn
            time.sleep(0.001)
    over.set()
    for thread in watching:
        thread.join()
    assert Liveness.ALIVE in seen
    assert Liveness.DEAD not in seen
