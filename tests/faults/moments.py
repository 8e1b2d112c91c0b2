"""Moments of a command's life at which it is signalled or killed, told by its statements of SQL rather than by a clock.

So they are spread over all that it does, however busy the machine is. A run makes some hundreds: Dagster's events and
the tables' commits.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

FIRST_MONTH, NEXT_MONTH = 480, 380
"""Statements of ``lakehouse run`` of the green pipeline: for the first month, with the opening of all; for another."""

_BEGINNING_SECONDS = 1.0
"""About what it does before its first statement."""
_LONGEST_SECONDS = 0.25


@dataclass(frozen=True)
class Signalled:
    """Called in a process: it is sent ``signals``, the first so long after a statement, the others after each other.

    Statement 0 is the beginning.
    """

    signals: Sequence[signal.Signals]
    statement: int
    seconds: Sequence[float]

    @classmethod
    def drawn(cls, draw: Random, signals: Sequence[signal.Signals], statements: int) -> Signalled:
        """At any moment of a command that makes so many statements."""
        statement = max(0, draw.randrange(-statements // 10, statements))
        first = draw.uniform(0, _LONGEST_SECONDS if statement else _BEGINNING_SECONDS)
        return cls(signals, statement, [first, *(draw.uniform(0, _LONGEST_SECONDS) for _ in signals[1:])])

    def __call__(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        made = count(1)

        def made_one(*_: object) -> None:
            if next(made) == self.statement:
                self._send(0)

        if self.statement:
            event.listen(Engine, "before_cursor_execute", made_one)
        else:
            self._send(0)

    def _send(self, which: int) -> None:
        if which < len(self.signals):
            timer = threading.Timer(self.seconds[which], self._sent, (which,))
            timer.daemon = True
            timer.start()

    def _sent(self, which: int) -> None:
        os.kill(os.getpid(), self.signals[which])
        self._send(which + 1)
