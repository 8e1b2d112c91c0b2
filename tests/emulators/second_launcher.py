"""Runs in `.venv-second`: the second emulator of BigQuery, bound to the process that started it, whose id comes first.

It would download its engine's extensions when it starts: they are installed from their wheels, into its own HOME.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

_PR_SET_PDEATHSIG = 1
_EXTENSIONS = ("ducklake", "icu", "spatial", "inet", "avro")


def _end_with(parent: int) -> None:
    """Be ended by the kernel when the parent ends, however that happens. There is no such thing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the process that started the emulator is gone")


def _install_extensions() -> None:
    with duckdb.connect() as connection:
        for name in _EXTENSIONS:
            spec = find_spec(f"duckdb_extension_{name}")
            if spec is None or not spec.submodule_search_locations:
                raise SystemExit(f"duckdb-extension-{name} is not installed: make second-emulator")
            (folder,) = spec.submodule_search_locations
            (file,) = Path(folder).glob(f"extensions/*/{name}.duckdb_extension")
            connection.execute(f"INSTALL '{file}'")


def _set_zone_after_connecting() -> None:
    """It asks for a time zone while it connects, which needs an extension that is loaded only then."""
    connect: Any = duckdb.connect

    def connected(*args: Any, config: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        kept = dict(config or {})
        zone = kept.pop("TimeZone", None)
        connection = connect(*args, config=kept, **kwargs)
        if zone:
            connection.execute(f"SET TimeZone = '{zone}'")
        return connection

    duckdb.connect = connected


if __name__ == "__main__":
    _end_with(int(sys.argv.pop(1)))
    _install_extensions()
    _set_zone_after_connecting()
    from local_bigquery.cli import main  # type: ignore[import-not-found]  # of .venv-second

    sys.exit(main())
