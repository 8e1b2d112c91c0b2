"""Columns of trips of for-hire vehicles: bases and, for many, no zone where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.sample.column import SampleColumn
from lakehouse.sample.draws import chance, pick, zone_shares

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_BASES = 600
_PADDED_SHARE = 0.013
_PADDED_LENGTH = 15
_OWN_BASE_SHARE = 0.68
_NO_AFFILIATION_SHARE = 0.006
_NO_PICKUP_ZONE_SHARE = 0.33
_NO_DROPOFF_ZONE_SHARE = 0.055
_ZONES = {"Manhattan": 1, "Queens": 1, "Brooklyn": 1.2, "Bronx": 1.1, "Staten Island": 0.4, "EWR": 0.3}

# TLC's licences run to about B03900, so these are nobody's.
_PLAIN = tuple(f"B{90_001 + number}" for number in range(_BASES))
_WORDS = (*_PLAIN, *(base.ljust(_PADDED_LENGTH) for base in _PLAIN))
"""Every base as it should be, then every base with the spaces that some records have."""


def fhv_columns(rng: np.random.Generator, count: int) -> tuple[dict[str, SampleColumn], Numbers]:
    """The columns of ``count`` trips but for their times, and their durations in seconds."""
    import numpy as np

    shares = {number: 1 / (number + 1) ** 0.9 for number in range(_BASES)}
    base = pick(rng, shares, count)
    affiliated = np.where(chance(rng, _OWN_BASE_SHARE, count), base, pick(rng, shares, count))
    padding = chance(rng, _PADDED_SHARE, count) * np.int32(_BASES)
    # Of the trips with a zone: so many that the share of all trips is that of TLC.md.
    pickups = zone_shares(_ZONES, 0.78, 0.007)
    columns = {
        "dispatching_base_num": SampleColumn(base + padding, words=_WORDS),
        "PUlocationID": SampleColumn(pick(rng, pickups, count), missing=chance(rng, _NO_PICKUP_ZONE_SHARE, count)),
        "DOlocationID": SampleColumn(
            pick(rng, zone_shares(_ZONES, 0.068, 0.021), count), missing=chance(rng, _NO_DROPOFF_ZONE_SHARE, count)
        ),
        "SR_Flag": SampleColumn(np.zeros(count, dtype=np.int8), missing=np.ones(count, dtype=bool)),
        "Affiliated_base_number": SampleColumn(
            affiliated + padding, missing=chance(rng, _NO_AFFILIATION_SHARE, count), words=_WORDS
        ),
    }
    seconds = np.exp(6.5 + 0.8 * rng.standard_normal(count, dtype=np.float32))
    return columns, np.clip(seconds, 1, 86_000).astype(np.int32)
