"""Runs in `.venv-emulators`: bqemulator's command line, bound to the process that started it.

Its first argument is that process's id. The DuckDB extension that the emulator would download when it starts is
installed from its wheel, into the HOME that the emulator is given.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb

_PR_SET_PDEATHSIG = 1


def _end_with(parent: int) -> None:
    """Be ended by the kernel when the parent ends, however that happens. There is no such thing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the process that started the emulator is gone")


def _install_extension(name: str) -> None:
    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"duckdb-extension-{name} is not installed: make clean test-gcp")
    (folder,) = spec.submodule_search_locations
    (file,) = Path(folder).glob(f"extensions/*/{name}.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"INSTALL '{file}'")


if __name__ == "__main__":
    _end_with(int(sys.argv.pop(1)))
    _install_extension("spatial")
    from bqemulator.cli import main  # type: ignore[import-not-found]  # of .venv-emulators

    main()
