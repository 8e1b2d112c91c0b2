"""What is drawn at random for every kind of trips: values by their shares, and zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.sample.reference import NAMED_ZONES, OUTSIDE, UNKNOWN, borough_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_SLOTS = 1 << 16
_POPULARITY_SEED = 265
_ZIPF_EXPONENT = 1.1
_ZIPF_OFFSET = 4


def pick(rng: np.random.Generator, shares: Mapping[int, float], count: int) -> Numbers:
    """``count`` of the values, each as often as its share of the sum of shares says, to 1/65536."""
    import numpy as np

    values = np.fromiter(shares, dtype=np.int32, count=len(shares))
    ends = np.cumsum(np.fromiter(shares.values(), dtype=np.float64, count=len(shares)))
    # A table is drawn from ten times faster than `rng.choice` with its search for every draw.
    table = values[np.searchsorted(ends / ends[-1], (np.arange(_SLOTS) + 0.5) / _SLOTS)]
    drawn: Numbers = table[rng.integers(0, _SLOTS, count, dtype=np.uint16)]
    return drawn


def chance(rng: np.random.Generator, share: float, count: int) -> Numbers:
    """True for about this share of ``count``."""
    import numpy as np

    drawn: Numbers = rng.random(count, dtype=np.float32) < share
    return drawn


def zone_shares(boroughs: Mapping[str, float], unknown: float, outside: float) -> Mapping[int, float]:
    """How often each of the 265 zones is drawn: Zipf's law with a flat head, each borough's zones weighed as given.

    Which zones are popular is the same in every month. ``unknown`` and ``outside`` are the shares of 264 and 265.
    """
    import numpy as np

    order = np.random.default_rng(_POPULARITY_SEED).permutation(NAMED_ZONES) + 1
    weights = {
        zone: boroughs[borough_of(zone)] / (_ZIPF_OFFSET + rank) ** _ZIPF_EXPONENT
        for rank, zone in enumerate(order.tolist(), start=1)
    }
    known = (1 - unknown - outside) / sum(weights.values())
    return {**{zone: weight * known for zone, weight in weights.items()}, UNKNOWN: unknown, OUTSIDE: outside}
