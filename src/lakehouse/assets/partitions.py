"""The month partitions that all trip assets share."""

from __future__ import annotations

import dagster as dg

from lakehouse.settings import Settings, newest_month


def monthly(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Every month from the first to the one before last, or to the last of the settings if that is earlier.

    TLC publishes 47 to 93 days after a month's end.
    """
    first, last = str(settings.first_month), settings.last_month
    if last is not None and last == newest_month(settings):
        return dg.MonthlyPartitionsDefinition(start_date=first, end_date=str(last.next()), fmt="%Y-%m")
    return dg.MonthlyPartitionsDefinition(start_date=first, fmt="%Y-%m", end_offset=-1)


def one_month_a_run() -> dg.BackfillPolicy:
    """In one run over many months no month would have a result, checks or a data version of its own."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
