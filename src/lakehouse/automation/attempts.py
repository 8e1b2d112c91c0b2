"""What became of earlier requests for a release, as the tags of Dagster's runs tell it, and what follows from that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from lakehouse.automation.liveness import Liveness, RunLocks
from lakehouse.bronze.observations import has_passed
from lakehouse.partition import WHOLE, Month, Partition, partition_of

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

SENSOR = "releases"
MAX_ATTEMPTS = 3
RETRY_AFTER = (timedelta(hours=1), timedelta(hours=4))
"""How long after the end of the first, and of the second, attempt that failed the next one is made."""

LOST_AFTER = timedelta(hours=6)
"""A run at work that holds no lock, and whose status has not changed for so long, has lost its process."""

NOTHING = "nothing"
"""What a release replaces where nothing is landed."""

REFETCHED = "whatever there is"
"""The version of a release that is fetched anew though its source says nothing new of it."""

REQUESTED_BY = "lakehouse/requested-by"
"""Tag of every run: who asked for it."""

_RELEASE = "lakehouse/release"
_ONCE_MORE = ", which was seen last at "


@dataclass(frozen=True)
class Release:
    """A version of a dataset's month, or of a dataset that comes whole, that its source has.

    ``landed_at`` is when it was landed, None while another landing is current, or none: ``replaces`` names that one.
    ``seen_at`` is when whatever is current was seen at this source. ``is_alike`` says that the version is landed as far
    as size and date tell, under another name; ``is_refused`` that models take none of what is landed.
    """

    dataset: str
    partition: Partition
    version: str
    replaces: str
    landed_at: datetime | None = None
    seen_at: datetime | None = None
    is_alike: bool = False
    is_refused: bool = False

    @property
    def is_refetch(self) -> bool:
        """Whether it stands for whatever its source has, rather than for something new."""
        return self.version == REFETCHED

    def __str__(self) -> str:
        return self.partition.of(self.dataset)


class AttemptOutcome(Enum):
    """What became of an attempt."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """One run's share in getting a release: the ``number``-th that was made to replace that landing by that version."""

    dataset: str
    partition: Partition
    version: str
    replaces: str
    number: int
    outcome: AttemptOutcome
    began: datetime
    ended: datetime

    @property
    def is_refetch(self) -> bool:
        """Whether it was to fetch whatever there is."""
        return self.version == REFETCHED


class ReleaseState(Enum):
    """What is to be done about a release."""

    DONE = "done"
    UNDER_WAY = "under way"
    REQUEST = "request"
    LATER = "to be tried again later"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class Decision:
    """What is to be done about a release; ``number`` and ``replaces`` are those of the attempt, next or last.

    ``due`` is when the next attempt is made, where that is later.
    """

    release: Release
    state: ReleaseState
    number: int
    replaces: str
    due: datetime | None = None


def decide(release: Release, attempts: Sequence[Attempt], now: datetime, recheck: timedelta) -> Decision:
    """What is to be done about a release, after these attempts at its dataset and month, newest first.

    A release is done when it is landed and a run of it succeeded, or when it was landed by hand: without any attempt,
    or after the last one. Attempts count together as long as they replace the same landing, so a version that is
    published again after another one begins anew.

    Sources may name a version otherwise with each answer, or when they are asked and when they serve it. So it is done,
    too, when only its name tells it from what is landed, or when the last run that was to land it found what is landed;
    but as the name may be right, it is asked for once more after every ``recheck``. So is, after all attempts, what
    models refuse, as it may heal under the same name, and what was to be fetched anew. A run that succeeded with what
    is landed settles a refusal.
    """
    if release.is_refused and _was_made_since(release, attempts):
        release = replace(release, is_refused=False)
    attempts = [attempt for attempt in attempts if attempt.is_refetch == release.is_refetch]
    told = release
    if release.is_alike and attempts:  # whatever its source calls it now
        release = replace(release, version=attempts[0].version)
    same = [attempt for attempt in attempts if attempt.version == release.version]
    replaces = same[0].replaces if release.landed_at and same else release.replaces
    tried = [attempt for attempt in same if attempt.replaces == replaces]
    number = max((attempt.number for attempt in tried), default=0)
    ended = max((attempt.ended for attempt in tried), default=None)

    def decision(state: ReleaseState, number: int = number, due: datetime | None = None) -> Decision:
        return Decision(release, state, number, replaces, due)

    if any(attempt.outcome is AttemptOutcome.RUNNING for attempt in same):
        return decision(ReleaseState.UNDER_WAY)
    if not release.is_refused:
        by_hand = ended is None or (release.landed_at is not None and release.landed_at > ended)
        succeeded = any(attempt.outcome is AttemptOutcome.SUCCEEDED for attempt in tried)
        is_landed = release.landed_at is not None and (by_hand or succeeded)
        if is_landed and not release.is_alike:
            return decision(ReleaseState.DONE)
        if is_landed or _is_settled(release, attempts):
            again = _once_more(told, 1, attempts, now, recheck)
            return again or decision(ReleaseState.DONE)
    if ended is None:
        return decision(ReleaseState.REQUEST, number=1)
    if number >= MAX_ATTEMPTS:
        may_heal_unseen = release.is_alike or release.is_refused or release.is_refetch
        again = _once_more(told, MAX_ATTEMPTS, attempts, now, recheck) if may_heal_unseen else None
        return again or decision(ReleaseState.GIVEN_UP)
    wait = RETRY_AFTER[number - 1]
    is_due = has_passed(ended, wait, now)
    return decision(ReleaseState.REQUEST, number + 1) if is_due else decision(ReleaseState.LATER, due=ended + wait)


def _was_made_since(release: Release, attempts: Iterable[Attempt]) -> bool:
    """Whether a run succeeded since what is current was landed."""
    return release.seen_at is not None and any(
        attempt.outcome is AttemptOutcome.SUCCEEDED and attempt.ended >= release.seen_at for attempt in attempts
    )


def _is_settled(release: Release, attempts: Sequence[Attempt]) -> bool:
    """Whether the last run that was to land a version landed what is current, or found it unchanged."""
    if not attempts or release.seen_at is None:
        return False
    last = attempts[0]
    was_found = last.replaces.partition(_ONCE_MORE)[0] == release.replaces
    return (
        last.version == release.version
        and last.outcome is AttemptOutcome.SUCCEEDED
        and (was_found or release.seen_at >= last.began)
    )


def _once_more(
    release: Release, number: int, attempts: Sequence[Attempt], now: datetime, recheck: timedelta
) -> Decision | None:
    """The request for what may be another version than it seems, as attempt ``number``, when its time has come."""
    told = [each for each in (release.seen_at, *(attempt.ended for attempt in attempts)) if each is not None]
    asked = max([each for each in told if each - now < recheck] or told)  # further ahead a clock was wrong
    if not has_passed(asked, recheck, now):
        return None
    return Decision(release, ReleaseState.REQUEST, number, f"{release.replaces}{_ONCE_MORE}{asked.isoformat()}")


class Attempts:
    """All attempts that the sensor has made, newest first."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._of: dict[tuple[str, Partition], list[Attempt]] = {}
        for attempt in attempts:
            self._of.setdefault((attempt.dataset, attempt.partition), []).append(attempt)

    @classmethod
    def of(cls, instance: DagsterInstance, now: datetime) -> Attempts:
        """What an instance's runs tell; one query."""
        import dagster as dg

        records = instance.get_run_records(dg.RunsFilter(tags={REQUESTED_BY: SENSOR}))
        locks = RunLocks.of(instance.root_directory)
        return cls(attempt for record in records for attempt in _attempts(record, locks, now))

    def at(self, release: Release) -> Sequence[Attempt]:
        """Those at a release's dataset and month, of whatever version."""
        return self._of.get((release.dataset, release.partition), [])

    @property
    def are_under_way(self) -> bool:
        """Whether any is."""
        return any(each.outcome is AttemptOutcome.RUNNING for attempts in self._of.values() for each in attempts)

    def due_again(self, now: datetime, since: datetime) -> set[Month]:
        """Months whose last attempt failed after ``since``, and that may be tried again."""
        return {
            partition
            for (_, partition), (last, *_) in self._of.items()
            if isinstance(partition, Month)
            and last.outcome is AttemptOutcome.FAILED
            and last.number < MAX_ATTEMPTS
            and since < last.ended <= now - RETRY_AFTER[last.number - 1]
        }


def run_key(decisions: Sequence[Decision]) -> str:
    """What Dagster knows a request by: it makes no second run under the same key, ever."""
    return "; ".join(
        f"{decision.release}: {decision.release.version} for {decision.replaces}, attempt {decision.number}"
        for decision in decisions
    )


def run_tags(decisions: Sequence[Decision]) -> Mapping[str, str]:
    """What a run that these ask for carries, for people and for :class:`Attempts`."""
    return {
        REQUESTED_BY: SENSOR,
        _RELEASE: ", ".join(str(decision.release) for decision in decisions),
        **{
            f"{_RELEASE}.{decision.release.dataset}": json.dumps(
                {
                    "month": str(decision.release.partition),
                    "version": decision.release.version,
                    "replaces": decision.replaces,
                    "attempt": decision.number,
                }
            )
            for decision in decisions
        },
    }


def _attempts(record: RunRecord, locks: RunLocks, now: datetime) -> Iterator[Attempt]:
    outcome, ended = _outcome(record, locks, now)
    for name, value in record.dagster_run.tags.items():
        if name.startswith(f"{_RELEASE}."):
            with suppress(ValueError, TypeError, KeyError):  # tags that somebody edited are no attempt of ours
                said = json.loads(value)
                yield Attempt(
                    dataset=name.removeprefix(f"{_RELEASE}."),
                    partition=partition_of(None if said["month"] == str(WHOLE) else said["month"]),
                    version=said["version"],
                    replaces=said["replaces"],
                    number=int(said["attempt"]),
                    outcome=outcome,
                    began=record.create_timestamp.astimezone(UTC),
                    ended=ended,
                )


def _outcome(record: RunRecord, locks: RunLocks, now: datetime) -> tuple[AttemptOutcome, datetime]:
    """How a run ended and when; of one at work, when it was last heard of."""
    import dagster as dg

    run = record.dagster_run
    heard = record.update_timestamp
    if run.is_finished:
        ended = heard if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)
        return (AttemptOutcome.SUCCEEDED if run.is_success else AttemptOutcome.FAILED), ended
    # However long a run is queued, Dagster does not lose it: no process has it yet. Nor is one lost that is alive.
    is_at_work = run.status is dg.DagsterRunStatus.QUEUED or locks.of_run(run.run_id) is Liveness.ALIVE
    if not is_at_work and now - heard > LOST_AFTER:
        return AttemptOutcome.FAILED, heard + LOST_AFTER
    return AttemptOutcome.RUNNING, heard
