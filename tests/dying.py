"""Processes that take a run's lock and are killed, as a run's process is by a full memory or a reboot."""

from __future__ import annotations

import signal
import subprocess
import sys

from lakehouse.automation.liveness import RunLocks

_SCRIPT = """
import os, signal, sys
from lakehouse.automation.liveness import RunLocks
with RunLocks.of(sys.argv[1]).held(sys.argv[2]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def die_holding(locks: RunLocks, run_id: str) -> None:
    """Let a process hold a run's lock and die."""
    ended = subprocess.run([sys.executable, "-c", _SCRIPT, str(locks.folder.parent), run_id], check=False)
    assert ended.returncode == -signal.SIGKILL
