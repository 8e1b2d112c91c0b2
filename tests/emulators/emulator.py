"""Emulators as processes of their own: started on a free loopback port, ended with whoever started them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lakehouse.settings import PROJECT_ROOT

PYTHON = PROJECT_ROOT / ".venv-emulators" / "bin" / "python"

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_LOG_LINES = 40


@dataclass(frozen=True)
class Emulator:
    """A running emulator of BigQuery: its address, and the folder in which what it writes to ``gs://`` lies."""

    address: str
    gcs_root: Path


class EmulatorFailed(Exception):
    """An emulator did not start; the message ends with its log."""


@dataclass(frozen=True)
class Cloud:
    """Running emulators of BigQuery and of Cloud Storage, of which the one loads what the other holds."""

    bigquery: str
    storage: str
    objects: Path
    """Where buckets lie, each in a folder of its name."""


@contextmanager
def cloud_emulators(folder: Path) -> Iterator[Cloud]:
    """Run both with everything they write under ``folder``.

    Raises:
        EmulatorFailed: one is not installed, ended by itself, or did not answer in time.
    """
    for name in ("storage", "bigquery"):
        (folder / name).mkdir()
    objects = folder / "storage" / "objects"
    with (
        storage_emulator(folder / "storage", objects) as storage,
        bigquery_emulator(folder / "bigquery", objects / ".cloudstorage") as bigquery,
    ):
        yield Cloud(bigquery.address, storage, bigquery.gcs_root)


@contextmanager
def bigquery_emulator(folder: Path, objects: Path | None = None) -> Iterator[Emulator]:
    """Run the emulator of BigQuery with everything it writes under ``folder``; ``objects`` is where buckets lie.

    Raises:
        EmulatorFailed: it is not installed, ended by itself, or did not answer in time.
    """
    rest, grpc = _free_ports(2)
    address, root = f"http://127.0.0.1:{rest}", objects or folder / "gcs"
    (folder / "uploads").mkdir()
    root.mkdir(parents=True, exist_ok=True)
    own = {
        "BQEMU_UPLOAD_STAGING_DIR": str(folder / "uploads"),
        "BQEMU_GCS_LOCAL_ROOT": str(root),
        "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
        "BQEMU_QUERY_CACHE_TTL_SECONDS": "0",
    }
    ports = ["--rest-port", str(rest), "--grpc-port", str(grpc)]
    command = ["bigquery", "start", *ports, "--log-format", "console"]
    with _running(command, folder, own, f"{address}/readyz"):
        yield Emulator(address, root)


@contextmanager
def storage_emulator(folder: Path, objects: Path | None = None) -> Iterator[str]:
    """Run the emulator of Cloud Storage, which keeps objects in memory, or in a folder if one is given; its address.

    Raises:
        EmulatorFailed: it is not installed, ended by itself, or did not answer in time.
    """
    (port,) = _free_ports(1)
    address = f"http://127.0.0.1:{port}"
    where, kept = ([], ["--in-memory"]) if objects is None else (["--data-dir", str(objects)], [])
    command = ["storage", *where, "start", "--host", "127.0.0.1", "--port", str(port), *kept, "--quiet"]
    with _running(command, folder, {}, f"{address}/"):
        yield address


@contextmanager
def _running(command: list[str], folder: Path, own: dict[str, str], ready: str) -> Iterator[None]:
    if not PYTHON.exists():
        raise EmulatorFailed(f"there is no {PYTHON}; `make emulators` makes it")
    log = folder / f"{command[0]}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(PYTHON), str(_LAUNCHER), str(os.getpid()), *command],
            cwd=folder,
            env=_environment(folder) | own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, ready, log)
            yield
        finally:
            _end(process)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours or of a cloud's; a home of its own, without extensions or settings of whoever runs this."""
    prefixes = ("BQEMU_", "BIGQUERY_", "GOOGLE_", "STORAGE_", "LAKEHOUSE_", "DAGSTER_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    (folder / "home").mkdir()
    return {**kept, "HOME": str(folder / "home"), "NO_COLOR": "1"}


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise EmulatorFailed(f"the emulator ended with code {process.returncode}:\n{_tail(log)}")
        try:
            with opener.open(url, timeout=1):
                return
        except OSError:  # refused, reset, timed out, or answered that it is not ready
            time.sleep(0.05)
    raise EmulatorFailed(f"the emulator did not answer within {_START_SECONDS:.0f} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
