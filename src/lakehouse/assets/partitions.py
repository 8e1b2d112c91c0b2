"""The month partitions that all trip assets share."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from lakehouse.month import Month
from lakehouse.settings import Settings


def monthly(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Every month from the first to the one before last, or to the last of the settings if that is earlier.

    TLC publishes 47 to 93 days after a month's end.
    """
    last = settings.last_month
    now = datetime.now(UTC)
    if last is not None and last < Month(now.year, now.month).previous().previous():
        return dg.MonthlyPartitionsDefinition(
            start_date=str(settings.first_month), end_date=str(last.next()), fmt="%Y-%m"
        )
    return dg.MonthlyPartitionsDefinition(start_date=str(settings.first_month), fmt="%Y-%m", end_offset=-1)


def one_month_a_run() -> dg.BackfillPolicy:
    """In one run over many months no month would have a result, checks or a data version of its own."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
