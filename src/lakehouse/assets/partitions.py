"""The month partitions that all trip assets share."""

from __future__ import annotations

import dagster as dg

from lakehouse.month import Month


def monthly(first: Month) -> dg.MonthlyPartitionsDefinition:
    """Every month from ``first`` to the one before last: TLC publishes 47 to 93 days after a month's end."""
    return dg.MonthlyPartitionsDefinition(start_date=str(first), fmt="%Y-%m", end_offset=-1)


def one_month_a_run() -> dg.BackfillPolicy:
    """In one run over many months no month would have a result, checks or a data version of its own."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
