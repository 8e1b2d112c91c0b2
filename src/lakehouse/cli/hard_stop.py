"""The end of a command that does not end: an engine hears of a limit between two steps, and one step may be endless."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.cli.invocation import FAILED

_GRACE_SECONDS = 10.0
"""What an engine has to put away what it was at."""


@contextmanager
def ended_after(seconds: float, said: str) -> Iterator[None]:
    """End this process, some seconds after a limit at which something should have ended by itself.

    What it has put on disk meanwhile stays until somebody sweeps it, as after a SIGKILL.
    """

    def end() -> None:
        os.write(2, f"Error: {said}\n".encode())
        os._exit(FAILED)

    timer = threading.Timer(seconds + _GRACE_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
