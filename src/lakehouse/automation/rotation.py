"""Which months a tick asks for: the newest every time, the older ones in turn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.partition import Month

NEWEST_MONTHS = 4
"""Months asked for at every tick: TLC publishes up to 93 days late, and the newest partition is two months old."""

_CURSOR_VERSION = 1
_DAEMON_LOOP_SECONDS = 5
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class RotationCursor:
    """Where the turn of the older months goes on, as a sensor's cursor keeps it.

    ``unanswered`` is a month that could not be asked for at the last tick: it gets one more chance before the turn
    goes on without it, so that one broken address does not keep all others from being asked for.
    """

    following: Month | None = None
    unanswered: Month | None = None

    @classmethod
    def parse(cls, cursor: str | None) -> RotationCursor:
        """Read a cursor; what is not one of ours, or of another version, begins the turn anew."""
        try:
            said = json.loads(cursor or "null")
        except ValueError:
            return cls()
        if not isinstance(said, dict) or said.get("version") != _CURSOR_VERSION:
            return cls()
        return cls(_month(said.get("next")), _month(said.get("unanswered")))

    def __str__(self) -> str:
        months = {"next": self.following, "unanswered": self.unanswered}
        return json.dumps({"version": _CURSOR_VERSION} | {name: str(month) for name, month in months.items() if month})


@dataclass(frozen=True)
class Rotation:
    """The older months in the order in which they are asked for, beginning with the one whose turn it is."""

    months: tuple[Month, ...]

    @classmethod
    def of(cls, older: Sequence[Month], position: RotationCursor) -> Rotation:
        """The turn at a position, whatever became of first and last month since."""
        start = position.following
        at = next((index for index, month in enumerate(older) if start is not None and month >= start), 0)
        return cls((*older[at:], *older[:at]))

    def after(self, asked: int) -> Month | None:
        """The month whose turn it is when so many have been asked for; None if there is none."""
        return self.months[asked % len(self.months)] if self.months else None


def months_a_tick(older: int, poll_seconds: int, recheck_days: int) -> int:
    """How many of so many older months to ask for at a tick, so that each is asked for once in ``recheck_days``."""
    # The daemon looks every five seconds whether a tick is due.
    ticks = recheck_days * _SECONDS_A_DAY // (poll_seconds + _DAEMON_LOOP_SECONDS)
    return math.ceil(older / max(1, ticks))


def _month(said: object) -> Month | None:
    try:
        return Month.parse(said) if isinstance(said, str) else None
    except ValueError:
        return None
