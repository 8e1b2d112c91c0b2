"""Asking the sources what they have of a month, and judging what is to be done about it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from dlt_sources.dataset import Dataset
from dlt_sources.remote_file import RemoteVersion, Validators, without_secrets
from lakehouse.automation.attempts import NOTHING, Attempts, Decision, Release, ReleaseState
from lakehouse.automation.decisions import decide
from lakehouse.bronze.connection import Connection, connect
from lakehouse.bronze.lies import Lies
from lakehouse.bronze.source import Polled, Source
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.exceptions import CorruptFile, NotPublished, SourceUnavailable, Throttled
from lakehouse.partition import WHOLE, Partition
from lakehouse.settings import Settings

MAX_REQUESTS = 5
"""Runs that one tick asks for at most; the next tick finds the rest again."""

TICK_SECONDS = 20.0
"""Time for asking. Dagster ends a tick after 60 seconds, of which the last question may take half, with
all its attempts and the pause between them."""

_MAX_UNAVAILABLE = 2


@dataclass(frozen=True)
class PolledSource:
    """A dataset whose source can be asked what it has."""

    asset: str
    connection: Connection

    @property
    def dataset(self) -> Dataset:
        return self.connection.dataset

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name


def polled_sources(settings: Settings, sources: Iterable[Source]) -> Iterator[PolledSource]:
    """Those of the sources that are to be asked."""
    for source in sources:
        if isinstance(source.cadence, Polled):
            yield PolledSource(source.asset, connect(settings, source))


class PollReply(Enum):
    """How asking for a month went."""

    ANSWERED = "answered"
    UNANSWERED = "a file of it could not be asked for"
    NOT_ASKED = "the tick ended before all of it was asked for"


class SourcePoll:
    """One tick's questions and what came of them.

    It ends when it is out of time, when it has found as much as may be requested, when a source throttles, or when two
    files in a row cannot be asked for. A single one ends nothing: it would keep all that come after it from ever
    being asked for. ``ended_by`` says why it ended, as a person would want to read it.
    """

    def __init__(
        self,
        datasets: Sequence[PolledSource],
        store: BronzeStore,
        attempts: Attempts,
        now: datetime,
        recheck: timedelta,
    ) -> None:
        self._datasets = datasets
        self._store = store
        self._attempts = attempts
        self._now = now
        self._recheck = recheck
        self._until = time.monotonic() + TICK_SECONDS
        self._replies: dict[Partition, PollReply] = {}
        self.asked = 0
        self.unpublished = 0
        self.unavailable: list[str] = []
        self._in_a_row = 0
        self.ended_by: str | None = None
        self.decisions: dict[PolledSource, dict[Partition, Decision]] = {dataset: {} for dataset in datasets}

    def ask(self, partition: Partition) -> PollReply:
        """Ask for all datasets of a month, or for those that come whole; what was asked for is not asked again."""
        if partition not in self._replies:
            if len(self.requested()) >= MAX_REQUESTS:
                self.ended_by = self.ended_by or f"{MAX_REQUESTS} runs are requested, as many as one tick may"
            if self.ended_by:
                return PollReply.NOT_ASKED
            self._replies[partition] = self._ask_all(partition)
        return self._replies[partition]

    def requested(self) -> dict[Partition, dict[PolledSource, Decision]]:
        """What is to be requested of each month."""
        found: dict[Partition, dict[PolledSource, Decision]] = {}
        for dataset, decisions in self.decisions.items():
            for partition, decision in decisions.items():
                if decision.state is ReleaseState.REQUEST:
                    found.setdefault(partition, {})[dataset] = decision
        return found

    def in_state(self, state: ReleaseState) -> Iterator[Decision]:
        """The decisions of a kind."""
        for decisions in self.decisions.values():
            yield from (decision for decision in decisions.values() if decision.state is state)

    def _ask_all(self, partition: Partition) -> PollReply:
        reply = PollReply.ANSWERED
        for dataset in self._datasets:
            offered = dataset.dataset
            if offered.is_partitioned != (partition is not WHOLE) or not offered.has_begun(partition):
                continue
            if time.monotonic() > self._until:
                self.ended_by = f"the sources took {TICK_SECONDS:.0f} seconds to answer"
                return PollReply.NOT_ASKED
            try:
                self.asked += 1
                release = self._release(dataset, partition)
            except NotPublished:
                self._in_a_row = 0
                self.unpublished += 1
            except Throttled as refusal:
                self.ended_by = str(refusal)
                return PollReply.NOT_ASKED
            except SourceUnavailable as refusal:
                self.unavailable.append(str(refusal))
                self._in_a_row += 1
                reply = PollReply.UNANSWERED
                if self._in_a_row >= _MAX_UNAVAILABLE:
                    self.ended_by = str(refusal)
                    return reply
            else:
                self._in_a_row = 0
                self.decisions[dataset][partition] = decide(
                    release, self._attempts.at(release), self._now, self._recheck
                )
        return reply

    def _release(self, dataset: PolledSource, partition: Partition) -> Release:
        """What the source has now.

        Raises:
            NotPublished: it has nothing.
            Throttled: it refuses to answer for now.
            SourceUnavailable: it cannot be asked.
        """
        try:
            landing = self._store.current(dataset.name, partition)
            replaces = landing_name(landing)
        except CorruptFile:  # the run that is requested now will say so
            landing, replaces = None, "an unreadable record"
        ours = landing  # another source's landing says nothing of what this one has
        if landing is not None and landing.url != without_secrets(dataset.connection.url(partition)):
            ours = None
        said = dataset.connection.probe(partition, Validators(ours.etag) if ours else None)
        if ours is None:
            if said is None:
                raise SourceUnavailable(f"{dataset.name}: its source answered 'unchanged' to an unconditional request")
            return Release(dataset.name, partition, _version(said), replaces)
        is_landed = said is None or _is_of(said, ours)
        is_alike = said is not None and not is_landed and _is_alike(said, ours, self._lies(dataset, partition))
        return Release(
            dataset=dataset.name,
            partition=partition,
            version=_version(ours if said is None or is_landed else said),
            replaces=replaces,
            landed_at=ours.observed_at if is_landed or is_alike else None,
            seen_at=ours.observed_at,
            is_alike=is_alike,
            refused_at=self._store.refused_at(ours),
        )

    def _lies(self, dataset: PolledSource, partition: Partition) -> Lies:
        try:
            return Lies.of(self._store.history(dataset.name, partition))
        except CorruptFile:  # an older record, which the run that is requested now will report
            return Lies()


def landing_name(landing: Landing | None) -> str:
    """What tells a landing from all that ever were."""
    return NOTHING if landing is None else f"{landing.sha256[:12]} of {landing.observed_at.isoformat()}"


def _is_of(said: RemoteVersion, landing: Landing) -> bool:
    """Whether a landing is of the version that a source has, as far as it tells."""
    if said.etag and landing.etag:
        return _version(said) == _version(landing)
    if landing.answer_sha256 is not None:  # the landed file was made of the answer: its size is another
        return said.last_modified is not None and said.last_modified == landing.last_modified
    return said.last_modified == landing.last_modified and said.bytes in (None, landing.bytes)


def _is_alike(said: RemoteVersion, landing: Landing, lies: Lies) -> bool:
    """Whether all that a source tells of what it has is equal to what is landed, but for its ETag, or for lies.

    Where only its dates lie, a new ETag is news.
    """
    if lies.of_dates and not lies.of_etags and said.etag:
        return False
    told: list[tuple[str | int | None, str | int | None]] = []
    if not lies.of_dates:
        told.append((said.last_modified, landing.last_modified))
    if landing.answer_sha256 is None:
        told.append((said.bytes, landing.bytes))
    known = [(theirs, ours) for theirs, ours in told if theirs is not None]
    is_known = bool(known) or lies.of_etags or lies.of_dates
    return is_known and all(theirs == ours for theirs, ours in known)


def _version(of: RemoteVersion | Landing) -> str:
    """The ETag, and where there is none the date and the size; a weak ETag stands for the same content."""
    if of.etag:
        return of.etag.removeprefix("W/").strip('"')
    return f"{of.last_modified or 'undated'}, {of.bytes} bytes"
