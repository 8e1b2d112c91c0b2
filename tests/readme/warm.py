"""``lakehouse`` typed again: in processes that are forked from one that has loaded all it needs.

To load it takes two or three seconds of CPU, and a newcomer types some thirty commands. The first of each kind is the
installed one; each further one has the arguments, the folder, the environment, the input and the outputs that the
shell gives it, and a process of its own.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

_LOADED = (
    "dlt.destinations",
    "duckdb",
    "lakehouse.cli.runs",
    "lakehouse.cli.shown",
    "lakehouse.cli.status_command",
    "lakehouse.definitions",
    "pyarrow.parquet",
    "pyiceberg.catalog.sql",
    "pyiceberg.io.pyarrow",
)

_ASK = """
import json, os, socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect(sys.argv[1])
asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(asking, [len(asked).to_bytes(4, "big")], [0, 1, 2])
asking.sendall(asked)
sys.exit(int(asking.recv(16) or b"1"))
"""

_FUNCTION = """
declare -A typed
lakehouse() {{
  local kind="of $1"
  [[ "$kind" == "of --sample" ]] && kind="of $2"
  if [[ "${{typed[$kind]}}" ]]; then {python} -I -S {ask} {socket} "$@"
  else typed[$kind]=once; command lakehouse "$@"; fi
}}
"""


@contextmanager
def warmed(clone: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """While such a process of the clone's own Python is there, what a shell is to be told of it."""
    python = clone / ".venv" / "bin" / "python"
    with TemporaryDirectory() as folder:  # the address of a socket is to be short
        ask, address = Path(folder, "ask.py"), Path(folder, "socket")
        ask.write_text(_ASK)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(address))
            listening.listen()
            server = subprocess.Popen(
                [python, "-m", __name__, str(listening.fileno())],
                cwd=clone,
                env=dict(environment),
                pass_fds=[listening.fileno()],
            )
        try:
            yield _FUNCTION.format(python=python, ask=ask, socket=address)
        finally:
            server.terminate()
            server.wait()


def _serve(listening: socket.socket) -> NoReturn:
    """Fork for each who asks, one after the other."""
    for name in _LOADED:
        import_module(name)
    gc.freeze()
    while True:
        asking, _ = listening.accept()
        with asking:
            pid = os.fork()
            if pid == 0:
                _be_lakehouse(asking)
            os.waitpid(pid, 0)


def _be_lakehouse(asking: socket.socket) -> NoReturn:
    from lakehouse.cli.main import main

    code: object = 1
    try:
        length, streams, *_ = socket.recv_fds(asking, 4, 3)
        with asking.makefile("rb") as sent:
            arguments, folder, environment = json.loads(sent.read(int.from_bytes(length, "big")))
        for stream, given in enumerate(streams):
            os.dup2(given, stream)
            os.close(given)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["lakehouse", *arguments]
        main(arguments, prog_name="lakehouse")
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        asking.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
