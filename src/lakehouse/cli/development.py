"""The Dagster UI and daemon on this machine: ``dagster dev`` on the project's instance."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from lakehouse.cli.instance import open_instance
from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import PROJECT_ROOT, Settings, environment

_HOST = "127.0.0.1"
_GRACE_SECONDS = 30.0


def serve_until_interrupted(settings: Settings, port: int) -> int:
    """Run ``dagster dev`` until it ends or this process is told to stop; its exit code, 0 if it was told.

    Raises:
        ConfigurationError: Dagster's folder cannot be written, the port is taken, or the instance is served already.
    """
    home = settings.dagster_home
    with open_instance(settings):  # what keeps it from being opened is one line here, and many of Dagster's
        pass
    with _only_one(home):
        _require_free(port)
        click.echo(f"The Dagster UI will be on http://{_HOST}:{port} in some seconds; Ctrl-C ends it.")
        with _dagster_dev(settings, home, port) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                return 0


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Two daemons on one instance would both act on its sensors and schedules."""
    from filelock import FileLock, Timeout

    lock = FileLock(home / ".dev.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigurationError(
            f"DAGSTER_HOME={home}: another lakehouse dev serves this instance; use that one, or end it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _require_free(port: int) -> None:
    """Dagster would go on without its UI."""
    try:
        socket.create_server((_HOST, port)).close()
    except OSError as problem:
        raise ConfigurationError(
            f"--port {port}: {_HOST}:{port} cannot be listened on ({problem.strerror}); end what uses it, or give "
            "another port"
        ) from None


@contextmanager
def _dagster_dev(settings: Settings, home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``dagster dev`` in a session of its own, ended with all that it has started.

    It is started in Dagster's own folder: in a folder with an ``.env`` it would prefer that to these settings.
    """
    command = [
        # Dagster would rather have another tool of its own used; that one wants a project of another shape.
        *(sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev"),
        *("--workspace", str(PROJECT_ROOT / "workspace.yaml")),
        *("--host", _HOST, "--port", str(port)),
    ]
    process = subprocess.Popen(command, cwd=home, env=environment(settings), start_new_session=True)  # noqa: S603 - ours
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # it ends its servers and its daemon, and waits for them
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        with suppress(ProcessLookupError):  # runs under way are ended, and recorded as failed
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
