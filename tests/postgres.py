"""A PostgreSQL server of one's own, Debian's, on loopback for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSTALLED = Path("/usr/lib/postgresql")
_START_SECONDS = 60.0
SECRET = "s3cret"  # noqa: S105 - of a server that is gone with the tests


def programs() -> Path | None:
    """The folder of the newest server's programs, None if there is none."""
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a new server, with the password of its user."""
    binaries = programs()
    assert binaries is not None
    # Not below the tests' own folder, nor what TMPDIR names: only their user may enter these, and as root the server
    # refuses to run.
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-postgres-", dir="/tmp"))
    data, user = folder / "data", [] if os.geteuid() else _as_postgres(folder)
    (folder / "password").write_text(SECRET)
    (folder / "password").chmod(0o644)
    try:
        made = ["--pwfile", folder / "password", "--auth=scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        _run([*user, binaries / "initdb", "-D", data, "-U", "loader", *made])
        port = _free_port()
        options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*user, binaries / "postgres", "-D", data, *given], stdout=log, stderr=log)
        try:
            _wait(binaries, port, server, folder / "log")
            yield f"postgresql://loader:{SECRET}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # which ends it at once, whoever is connected
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(folder: Path) -> list[str]:
    """What runs a program as the system's user of that name, which the folder is given to."""
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait(binaries: Path, port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def _run(command: list[object]) -> None:
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
