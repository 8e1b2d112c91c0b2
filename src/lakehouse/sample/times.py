"""When the trips of a month begin, and in which order a file lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.partition import Month
from lakehouse.sample.draws import chance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_BY_HOUR = (3, 2, 1.5, 1, 1, 1.2, 2, 4, 5, 5, 5, 5.5, 6, 6, 6.5, 7, 7.5, 8, 7.5, 7, 6, 5.5, 5, 4)
_BY_WEEKDAY = (0.86, 0.94, 1.03, 1.07, 1.1, 1.12, 0.88)
_OUT_OF_ORDER_ROWS = 64


@dataclass(frozen=True)
class Times:
    """Of each row of a file, or of a part of one.

    ``pickup`` is in seconds from the month's start. Rows from ``listed`` on are the null block. ``turn`` counts the
    trips that begin in the same second, from 0, and is below ``turns``: trips whose durations leave their turn when
    divided by ``turns`` are all different.
    """

    pickup: Numbers
    turn: Numbers
    turns: int
    listed: int

    def part(self, start: int, stop: int) -> Times:
        """The rows from ``start`` to ``stop``, exclusive."""
        listed = min(max(self.listed - start, 0), stop - start)
        return Times(self.pickup[start:stop], self.turn[start:stop], self.turns, listed)

    def distinct(self, durations: Numbers) -> Numbers:
        """The durations, each changed by less than ``turns`` seconds, so that no two trips have both times equal."""
        different: Numbers = durations - durations % self.turns + self.turn
        return different


def draw_times(rng: np.random.Generator, month: Month, rows: int, null_block: float) -> Times:
    """Pickups skewed over the hours and weekdays, those of the ``null_block`` (a share) at the end of the file.

    In either part they are roughly but not strictly in order, as TLC's are.
    """
    import numpy as np

    hours = np.arange((month.end - month.start).days * 24, dtype=np.int32)
    weekdays = (month.first_day.weekday() + hours // 24) % 7
    weights = np.array(_BY_HOUR)[hours % 24] * np.array(_BY_WEEKDAY)[weekdays]
    trips = rng.multinomial(rows, weights / weights.sum())
    pickup = np.repeat(hours * np.int32(3600), trips) + rng.integers(0, 3600, rows, dtype=np.int32)
    pickup.sort()

    place = np.arange(rows, dtype=np.int32)
    turn = place - np.maximum.accumulate(np.where(np.diff(pickup, prepend=-1) > 0, place, 0))
    in_block = chance(rng, null_block, rows)
    parts = [_nearly_in_order(rng, np.flatnonzero(~in_block)), _nearly_in_order(rng, np.flatnonzero(in_block))]
    order = np.concatenate(parts)
    return Times(pickup[order], turn[order], int(turn.max()) + 1, len(parts[0]))


def _nearly_in_order(rng: np.random.Generator, order: Numbers) -> Numbers:
    whole = len(order) - len(order) % _OUT_OF_ORDER_ROWS
    blocks = order[:whole].reshape(-1, _OUT_OF_ORDER_ROWS)
    rng.permuted(blocks, axis=1, out=blocks)
    return order
