"""Being told to stop: Ctrl-C, SIGTERM and SIGHUP mean the same, and are heard whoever else handles them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Whether this process was told to stop, even if what it did then made something else of that.

    An engine in the middle of a query turns an interruption into an error of its own, and Dagster forgets one that
    comes while a run ends.
    """

    def __init__(self) -> None:
        self._signals: int | None = None
        self._was_told = False

    @property
    def was_told(self) -> bool:
        """Whether it was, since it began to listen."""
        if self._signals is not None:
            with suppress(BlockingIOError):
                self._was_told |= any(number in _SIGNALS for number in os.read(self._signals, 4096))
        return self._was_told

    def require_none(self) -> None:
        """Stop here if the process was told to.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self.was_told:
            raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear signals; each raises :class:`KeyboardInterrupt` where nobody else handles it."""
        if threading.current_thread() is not threading.main_thread():  # which no signal ever reaches
            yield
            return
        self._signals, written = os.pipe()
        os.set_blocking(self._signals, False)
        os.set_blocking(written, False)
        others = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if before[signal.SIGHUP] != signal.SIG_IGN:  # as under nohup
            signal.signal(signal.SIGHUP, _as_ctrl_c)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(others)
            os.close(written)
            os.close(self._signals)
            self._signals = None


def again() -> None:
    """Interrupt this process once more: what it was about to do made an ordinary error of the first time."""
    signal.raise_signal(signal.SIGINT)


def _as_ctrl_c(_: int, __: FrameType | None) -> None:
    """Whoever handles Ctrl-C at the moment handles the end of the terminal too."""
    signal.raise_signal(signal.SIGINT)
