"""Being told to stop: Ctrl-C, SIGTERM and SIGHUP mean the same, and are heard whoever else handles them."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ENDING_SECONDS = 2.0
"""How long another signal may come because somebody is impatient, not because nothing ends."""
_SOON_SECONDS = 0.05


class Interruption:
    """Whether this process was told to stop, even if what it did then made something else of that.

    An engine in the middle of a query turns an interruption into an error of its own, and Dagster forgets one that
    comes while a run ends.
    """

    def __init__(self) -> None:
        self._signals: int | None = None
        self._was_told = False
        self._stopped_at = -_ENDING_SECONDS

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
            self._stopped_at = time.monotonic()
            raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear signals: they raise :class:`KeyboardInterrupt` where nobody else handles them.

        Another one does not disturb what ends because of the first, nor what the process has left to do after this.
        """
        if threading.current_thread() is not threading.main_thread():  # which no signal ever reaches
            yield
            return
        self._signals, written = os.pipe()
        os.set_blocking(self._signals, False)
        os.set_blocking(written, False)
        others = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)
        if before[signal.SIGHUP] != signal.SIG_IGN:  # as under nohup
            signal.signal(signal.SIGHUP, _as_ctrl_c)
        try:
            with self._told_again():
                yield
        finally:
            was_told = self.was_told
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if was_told else handler)
            signal.set_wakeup_fd(others)
            os.close(written)
            os.close(self._signals)
            self._signals = None

    def _stop(self, _: int, __: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._stopped_at >= _ENDING_SECONDS:
            self._stopped_at = now
            raise KeyboardInterrupt

    @contextmanager
    def _told_again(self) -> Iterator[None]:
        """An interruption of a destructor, which Python cannot raise there, comes again when that is over."""
        lost: SimpleQueue[UnraisableHookArgs | None] = SimpleQueue()
        complain = sys.unraisablehook
        telling = threading.Thread(target=self._tell, args=(lost, complain), daemon=True)
        telling.start()
        sys.unraisablehook = lost.put  # which is no Python, so that no further signal is handled in it
        try:
            yield
        finally:
            sys.unraisablehook = complain
            lost.put(None)
            telling.join()

    def _tell(
        self, lost: SimpleQueue[UnraisableHookArgs | None], complain: Callable[[UnraisableHookArgs], object]
    ) -> None:
        while (unraisable := lost.get()) is not None:
            if issubclass(unraisable.exc_type, Exception):
                complain(unraisable)
            else:
                time.sleep(_SOON_SECONDS)
                self._stopped_at = -_ENDING_SECONDS
                _thread.interrupt_main()


def again() -> None:
    """Interrupt this process once more: what it was about to do made an ordinary error of the first time."""
    signal.raise_signal(signal.SIGINT)


def _as_ctrl_c(_: int, __: FrameType | None) -> None:
    """Whoever handles Ctrl-C at the moment handles the end of the terminal too."""
    again()
