"""What is to be done about a release, after what became of the attempts at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lakehouse.automation.attempts import (
    MAX_ATTEMPTS,
    RETRY_AFTER,
    Attempt,
    AttemptOutcome,
    Decision,
    Release,
    ReleaseState,
)
from lakehouse.bronze.observations import has_passed


def decide(release: Release, attempts: Sequence[Attempt], now: datetime, recheck: timedelta) -> Decision:
    """What is to be done about a release, after these attempts at its dataset and month, newest first.

    Attempts count together as long as they replace the same landing, so a version that is published again after
    another one begins anew. Those to fetch anew whatever there is and those at what a source told count apart. A run
    that succeeded with what is landed settles a refusal.
    """
    if release.refused_at is not None and _was_made_since(release.refused_at, release, attempts):
        release = replace(release, refused_at=None)
    alike = [attempt for attempt in attempts if attempt.is_refetch == release.is_refetch]
    series = _Series.of(release, alike, now, recheck)
    if series.is_under_way:
        return series.decision(ReleaseState.UNDER_WAY)
    if release.is_refetch:
        return _refetched(series)
    return _told(series) if release.refused_at is None else _refused(series)


def _refetched(series: _Series) -> Decision:
    """Of what is fetched anew: it is done when it is landed, and tried for good, as its source may be back.

    What is landed, but the rest of its runs failed, is tried as often as a version that a source tells.
    """
    if series.is_landed:
        return series.decision(ReleaseState.DONE)
    is_to_fetch = series.release.landed_at is None
    return series.tried_again() or (
        series.once_more(MAX_ATTEMPTS) if is_to_fetch else series.decision(ReleaseState.GIVEN_UP)
    )


def _refused(series: _Series) -> Decision:
    """Of what models refuse: it may heal under the same name, so it is tried for good."""
    return series.tried_again() or series.once_more(MAX_ATTEMPTS)


def _told(series: _Series) -> Decision:
    """Of what a source says that it has.

    It is done when it is landed and a run of it succeeded, or when it was landed by hand: without any attempt, or after
    the last one. Sources may name a version otherwise with each answer, or when they are asked and when they serve it.
    So it is done, too, when only its name tells it from what is landed, or when the last run that was to land it found
    what is landed; but as the name may be right, it is asked for once more, and for good if that fails.
    """
    is_alike = series.release.is_alike
    if series.is_landed and not is_alike:
        return series.decision(ReleaseState.DONE)
    if series.is_landed or series.is_settled:
        again = series.once_more(1)
        return again if again.state is ReleaseState.REQUEST else series.decision(ReleaseState.DONE)
    may_be_landed = is_alike or series.asked_after is not None
    return series.tried_again() or (
        series.once_more(MAX_ATTEMPTS) if may_be_landed else series.decision(ReleaseState.GIVEN_UP)
    )


@dataclass(frozen=True)
class _Series:
    """The attempts at a release: all ``attempts`` at its month, and those of them that ``tried`` the same.

    ``version`` is what the release is called in these.
    """

    release: Release
    version: str
    replaces: str
    asked_after: datetime | None
    attempts: Sequence[Attempt]
    tried: Sequence[Attempt]
    is_under_way: bool
    now: datetime
    recheck: timedelta

    @classmethod
    def of(cls, release: Release, attempts: Sequence[Attempt], now: datetime, recheck: timedelta) -> _Series:
        """The last one at a release that is landed; else the last of those that replace what is."""
        version = attempts[0].version if release.is_alike and attempts else release.version
        same = [attempt for attempt in attempts if attempt.version == version]
        replaces = same[0].replaces if release.landed_at and same else release.replaces
        asked_after = next((each.asked_after for each in same if each.replaces == replaces), None)
        tried = [each for each in same if (each.replaces, each.asked_after) == (replaces, asked_after)]
        is_under_way = any(attempt.outcome is AttemptOutcome.RUNNING for attempt in same)
        return cls(release, version, replaces, asked_after, attempts, tried, is_under_way, now, recheck)

    @property
    def number(self) -> int:
        """How many were made."""
        return max((attempt.number for attempt in self.tried), default=0)

    @property
    def ended(self) -> datetime | None:
        """When the last one was over."""
        return max((attempt.ended for attempt in self.tried), default=None)

    @property
    def is_landed(self) -> bool:
        """Whether the release was landed by a run that succeeded, or by hand."""
        if self.release.landed_at is None:
            return False
        by_hand = self.ended is None or self.release.landed_at > self.ended
        return by_hand or any(attempt.outcome is AttemptOutcome.SUCCEEDED for attempt in self.tried)

    @property
    def is_settled(self) -> bool:
        """Whether the last run that was to land the version landed what is current, or found it unchanged."""
        if not self.attempts or self.release.seen_at is None:
            return False
        last = self.attempts[0]
        return (
            last.version == self.version
            and last.outcome is AttemptOutcome.SUCCEEDED
            and (last.replaces == self.release.replaces or self.release.seen_at >= last.began)
        )

    def decision(self, state: ReleaseState, number: int | None = None, due: datetime | None = None) -> Decision:
        """One about this series; its last attempt unless there is a number."""
        release = replace(self.release, version=self.version)
        number = self.number if number is None else number
        return Decision(release, state, number, self.replaces, self.asked_after, due)

    def tried_again(self) -> Decision | None:
        """The next attempt, now or when its time comes; None if all were made."""
        if self.ended is None:
            return self.decision(ReleaseState.REQUEST, 1)
        if self.number >= MAX_ATTEMPTS:
            return None
        wait = RETRY_AFTER[self.number - 1]
        if has_passed(self.ended, wait, self.now):
            return self.decision(ReleaseState.REQUEST, self.number + 1)
        return self.decision(ReleaseState.LATER, due=self.ended + wait)

    def once_more(self, number: int) -> Decision:
        """The next look, as attempt ``number``, at what may be another version than it seems, or may have healed."""
        seen = [each for each in (self.release.seen_at, *(each.ended for each in self.attempts)) if each is not None]
        told = [each for each in seen if each - self.now < self.recheck]  # further ahead a clock was wrong
        asked = max(told or seen)
        if not has_passed(asked, self.recheck, self.now):
            return self.decision(ReleaseState.LATER, due=asked + self.recheck)
        return Decision(self.release, ReleaseState.REQUEST, number, self.release.replaces, asked)


def _was_made_since(refused_at: datetime, release: Release, attempts: Iterable[Attempt]) -> bool:
    """Whether a run succeeded since what is current was landed, and since it was refused last."""
    return release.seen_at is not None and any(
        attempt.outcome is AttemptOutcome.SUCCEEDED and attempt.ended >= max(release.seen_at, refused_at)
        for attempt in attempts
    )
