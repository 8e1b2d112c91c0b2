"""What a source says otherwise of the same bytes, so that it tells nothing of them: found in what was landed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from lakehouse.bronze.store import Landing

_DATES_OF_AN_ANSWER = 3
"""Under how many dates in a row the same bytes come where dates tell nothing."""


@dataclass(frozen=True)
class Lies:
    """Whether the ETags, and the dates, of a month's source tell nothing; one new ETag of the same bytes is enough."""

    of_etags: bool = False
    of_dates: bool = False

    @classmethod
    def of(cls, history: Iterable[Landing]) -> Lies:
        """What the newest landings of a month tell of that."""
        newest = list(islice(history, _DATES_OF_AN_ANSWER))
        same_bytes = len({(landing.served_sha256, landing.url) for landing in newest}) == 1
        of_dates = same_bytes and len({landing.last_modified for landing in newest}) == _DATES_OF_AN_ANSWER
        last_two = newest[:2]
        of_etags = len({landing.etag for landing in last_two}) > 1 and cls(True, of_dates).are_alike(*last_two)
        return cls(of_etags, of_dates)

    def are_alike(self, landing: Landing, other: Landing) -> bool:
        """Whether they are the same bytes from the same address, of which only lies tell otherwise."""
        return (
            (landing.served_sha256, landing.url) == (other.served_sha256, other.url)
            and (self.of_dates or landing.last_modified == other.last_modified)
            and (self.of_etags or landing.etag == other.etag)
        )
