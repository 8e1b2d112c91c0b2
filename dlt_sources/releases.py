"""What TLC has of a file now, asked without fetching it."""

from __future__ import annotations

from dlt_sources import http_file, tlc
from dlt_sources.dataset import MonthlyDataset
from dlt_sources.http_file import Published
from dlt_sources.remote_file import HttpPolicy, RemoteFile, Validators
from lakehouse.month import Month

_SETTING = "LAKEHOUSE_TLC_URL"


def probe_month(
    base_url: str, dataset: MonthlyDataset, month: Month, known: Validators | None, policy: HttpPolicy
) -> Published | None:
    """What there is of a month; None when it is unchanged since `known`.

    Raises:
        ConfigurationError: the base address cannot be used.
        NotPublished: the source has no file for this month.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached after bounded retries, or its answer means nothing here.
    """
    # TLC publishes in order, so the month before exists if this one does; the first month has none.
    neighbour = month.previous() if month > dataset.began else month.next()
    remote = RemoteFile(
        what=f"{dataset.name} {month}",
        url=tlc.month_url(base_url, dataset, month),
        neighbour=str(neighbour),
        neighbour_url=tlc.month_url(base_url, dataset, neighbour),
        setting=_SETTING,
    )
    return http_file.probe(remote, known, policy)


def probe_zones(base_url: str, known: Validators | None, policy: HttpPolicy) -> Published | None:
    """What there is of the zone lookup; None when it is unchanged since `known`.

    Raises:
        As :func:`probe_month`.
    """
    remote = RemoteFile(
        what=tlc.ZONES.name,
        url=tlc.zones_url(base_url),
        neighbour=f"{tlc.YELLOW.name} {tlc.YELLOW.began}",
        neighbour_url=tlc.month_url(base_url, tlc.YELLOW, tlc.YELLOW.began),
        setting=_SETTING,
    )
    return http_file.probe(remote, known, policy)
