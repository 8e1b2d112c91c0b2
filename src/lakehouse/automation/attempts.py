"""Releases, and what became of earlier requests for them, as the tags of Dagster's runs tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from lakehouse.automation.liveness import Liveness, RunLocks
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

REQUESTED_BY = "lakehouse/requested-by"
"""Tag of every run: who asked for it."""

_RELEASE = "lakehouse/release"


@dataclass(frozen=True)
class Release:
    """A version of a dataset's month, or of a dataset that comes whole, that its source has.

    ``landed_at`` is when it was landed, None while another landing is current, or none: ``replaces`` names that one.
    ``seen_at`` is when whatever is current was seen at this source. ``is_alike`` says that the version is landed as far
    as size and date tell, under another name; ``is_refetch`` that it is whatever its source has, which says nothing
    new of it. ``refused_at`` is when a model last took none of what is landed, None while none refuses it.
    """

    dataset: str
    partition: Partition
    version: str
    replaces: str
    landed_at: datetime | None = None
    seen_at: datetime | None = None
    is_alike: bool = False
    refused_at: datetime | None = None
    is_refetch: bool = False

    def __str__(self) -> str:
        return self.partition.of(self.dataset)


class AttemptOutcome(Enum):
    """What became of an attempt."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """One run's share in getting a release: the ``number``-th that was made to replace that landing by that version.

    ``asked_after`` is when the landing was seen before, where the attempt was to look at it once more, None otherwise.
    """

    dataset: str
    partition: Partition
    version: str
    replaces: str
    number: int
    outcome: AttemptOutcome
    began: datetime
    ended: datetime
    asked_after: datetime | None = None
    is_refetch: bool = False


class ReleaseState(Enum):
    """What is to be done about a release."""

    DONE = "done"
    UNDER_WAY = "under way"
    REQUEST = "request"
    LATER = "to be tried again later"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class Decision:
    """What is to be done about a release; ``number``, ``replaces`` and ``asked_after`` are of the next or last attempt.

    ``due`` is when the next attempt is made, where that is later.
    """

    release: Release
    state: ReleaseState
    number: int
    replaces: str
    asked_after: datetime | None = None
    due: datetime | None = None

    @property
    def instead_of(self) -> str:
        """What is replaced, in words that are others each time it is looked at once more."""
        seen = "" if self.asked_after is None else f", which was seen last at {self.asked_after.isoformat()}"
        return f"{self.replaces}{seen}"


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
        f"{decision.release}: {decision.release.version} for {decision.instead_of}, attempt {decision.number}"
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
                    "asked_after": decision.asked_after and decision.asked_after.isoformat(),
                    "is_refetch": decision.release.is_refetch,
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
                    asked_after=None if (at := said.get("asked_after")) is None else datetime.fromisoformat(at),
                    is_refetch=bool(said.get("is_refetch")),
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
