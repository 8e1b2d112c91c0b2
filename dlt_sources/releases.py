"""What TLC has of a file now, asked without fetching it."""

from __future__ import annotations

from dlt_sources import http_file, tlc
from dlt_sources.dataset import MonthlyDataset
from dlt_sources.http_file import RemoteVersion
from dlt_sources.remote_file import HttpPolicy, Validators
from lakehouse.partition import Month


def probe_month(
    base_url: str, dataset: MonthlyDataset, month: Month, known: Validators | None, policy: HttpPolicy
) -> RemoteVersion | None:
    """What there is of a month; None when it is unchanged since `known`.

    Raises:
        ConfigurationError: the base address cannot be used.
        NotPublished: the source has no file for this month.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached after bounded retries, or its answer means nothing here.
    """
    return http_file.probe(tlc.month_file(base_url, dataset, month), known, policy)


def probe_zones(base_url: str, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """What there is of the zone lookup; None when it is unchanged since `known`.

    Raises:
        As :func:`probe_month`.
    """
    return http_file.probe(tlc.zones_file(base_url), known, policy)
