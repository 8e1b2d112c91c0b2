"""The Dagster UI and daemon on this machine: ``dagster dev`` on the project's instance."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lakehouse.settings import PROJECT_ROOT, Settings, dagster_home, environment

_GRACE_SECONDS = 30.0


def serve_until_interrupted(settings: Settings, port: int) -> int:
    """Run ``dagster dev`` until it ends or this process is told to stop; its exit code, 0 if it was told.

    It is started in Dagster's own folder: in a folder with an ``.env`` it would prefer that to these settings.
    """
    with _interruptible() as told, _dagster_dev(settings, port) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0 if told else 1


@contextmanager
def _dagster_dev(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        # Dagster would rather have another tool of its own used; that one wants a project of another shape.
        *(sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev"),
        *("--workspace", str(PROJECT_ROOT / "workspace.yaml")),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    process = subprocess.Popen(command, cwd=dagster_home(settings), env=environment(settings))  # noqa: S603 - ours
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # it ends its servers and its daemon, and waits for them
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """SIGTERM ends as Ctrl-C does, also where a shell started this in the background with Ctrl-C switched off."""
    told: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        told.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
