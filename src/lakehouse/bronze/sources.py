"""Which dataset comes from where: the one place that ties settings to the functions of ``dlt_sources``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_sources import jsonplaceholder, releases, tlc
from dlt_sources.dataset import Dataset, Download, MonthlyDataset
from dlt_sources.http_file import RemoteVersion
from dlt_sources.remote_file import HttpPolicy, Validators
from lakehouse.partition import Month, Partition
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from dlt.sources import DltSource


_PROBE_ATTEMPTS = 2
_PROBE_TIMEOUT_SECONDS = 5.0
_PROBE_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Source:
    """How a dataset is fetched and landed; its functions take the month, None of a dataset that comes whole.

    ``probe`` asks what there is without fetching it, patient for seconds rather than minutes; None where only a
    fetch can tell. ``normalizes`` says that dlt makes the landed file from the source's answer, rather than pass it on.
    """

    dataset: Dataset
    url: Callable[[Partition], str]
    fetch: Callable[[Partition, Path, Validators | None], Download | None]
    resource: Callable[[Download | None], DltSource]
    probe: Callable[[Partition, Validators | None], RemoteVersion | None] | None = None
    normalizes: bool = False


def source_of(settings: Settings, dataset: Dataset) -> Source:
    """How a dataset is fetched and landed, with these settings."""
    base = settings.tlc_url
    policy = HttpPolicy(attempts=settings.http_attempts, timeout_seconds=settings.http_timeout)
    brief = HttpPolicy(
        attempts=min(settings.http_attempts, _PROBE_ATTEMPTS),
        timeout_seconds=min(settings.http_timeout, _PROBE_TIMEOUT_SECONDS),
        max_backoff_seconds=_PROBE_PAUSE_SECONDS,
    )
    if dataset is jsonplaceholder.USERS:
        address = settings.users_url
        return Source(
            dataset,
            url=lambda _: jsonplaceholder.users_url(address),
            fetch=lambda _, into, known: jsonplaceholder.fetch_users(address, into, known, policy),
            resource=jsonplaceholder.users_source,
            normalizes=True,
        )
    if dataset is tlc.ZONES:
        return Source(
            dataset,
            url=lambda _: tlc.zones_url(base),
            fetch=lambda _, into, known: tlc.fetch_zones(base, into, known, policy),
            resource=tlc.zones_source,
            probe=lambda _, known: releases.probe_zones(base, known, brief),
        )
    if isinstance(dataset, MonthlyDataset):
        trips = dataset

        def of(partition: Partition) -> Month:
            if not isinstance(partition, Month):
                raise TypeError(f"{trips.name} comes a month at a time")
            return partition

        return Source(
            dataset,
            url=lambda partition: tlc.month_url(base, trips, of(partition)),
            fetch=lambda partition, into, known: tlc.fetch_month(base, trips, of(partition), into, known, policy),
            resource=lambda download: tlc.trips_source(trips, download),
            probe=lambda partition, known: releases.probe_month(base, trips, of(partition), known, brief),
        )
    raise TypeError(f"{dataset.name} has no source; give it one here")
