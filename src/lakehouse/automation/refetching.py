"""The slow rotation: what was landed long ago is fetched anew, as an unchanged ETag does not vouch for what came."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from lakehouse.automation.attempts import Attempts, Decision, Release, ReleaseState
from lakehouse.automation.decisions import decide
from lakehouse.automation.polling import PolledSource, landing_name
from lakehouse.bronze.observations import has_passed
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.exceptions import CorruptFile
from lakehouse.partition import WHOLE, Partition

_WHATEVER = "whatever there is"
"""What the version of a release is called of which its source says nothing."""

Refetch = Mapping[Partition, Mapping[PolledSource, Decision]]
"""One month, or what comes whole, and what is to be fetched anew of it; or nothing."""


def due_refetch(
    datasets: Iterable[PolledSource],
    partitions: Collection[Partition],
    store: BronzeStore,
    attempts: Attempts,
    now: datetime,
    every: timedelta,
    recheck: timedelta,
) -> Refetch:
    """The month, of these, that was looked at the longest ago of those for which that is longer than ``every``.

    One that could not be fetched anew, for its source was down or has it no more, is tried again every ``recheck``.

    A record is written whenever a file is fetched anew, so the newest one tells when that was.
    """
    due: dict[Partition, dict[PolledSource, Decision]] = {}
    looked_at: dict[Partition, datetime] = {}
    for dataset in datasets:
        for partition, landing in _landings(dataset, partitions, store):
            is_old = has_passed(landing.observed_at, every, now)
            landed_at = None if is_old else landing.observed_at
            replaces = landing_name(landing)
            release = Release(dataset.name, partition, _WHATEVER, replaces, landed_at, is_refetch=True)
            decision = decide(release, attempts.at(release), now, recheck)
            if decision.state is ReleaseState.REQUEST:
                due.setdefault(partition, {})[dataset] = decision
                looked_at[partition] = min(landing.observed_at, looked_at.get(partition, landing.observed_at))
    oldest = min(due, key=lambda partition: looked_at[partition], default=None)
    return {} if oldest is None else {oldest: due[oldest]}


def _landings(
    dataset: PolledSource, partitions: Iterable[Partition], store: BronzeStore
) -> Iterator[tuple[Partition, Landing]]:
    """What is current of a dataset; a record that cannot be read is for a run to report."""
    for partition in partitions:
        if dataset.dataset.is_partitioned is (partition is not WHOLE):
            try:
                landing = store.current(dataset.name, partition)
            except CorruptFile:
                continue
            if landing is not None:
                yield partition, landing
