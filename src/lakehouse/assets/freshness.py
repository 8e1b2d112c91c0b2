"""When an asset is stale: how long its source may stay silent before the UI says so.

Dagster looks at the newest materialization of any month, so a month that is run again counts as news too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import dagster as dg

from dlt_sources.jsonplaceholder import USERS
from dlt_sources.tlc import FHV

DAILY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(days=2))
"""Of what the schedule asks for once a day: it warns after a run that is missing, and fails after two."""

MONTHLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=47), fail_window=timedelta(days=78))
"""TLC publishes a month of yellow and green 47 to 62 days after its end (TLC.md, Publication).

So up to 31 + 62 - 47 = 46 days pass between two months. It warns when one is late, and fails when the next is, too.
"""

LATE = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=78), fail_window=timedelta(days=109))
"""The same of FHV, which comes up to 93 days after a month's end: 31 + 93 - 47 = 77."""


def freshness(datasets: Collection[str], *, is_monthly: bool) -> dg.FreshnessPolicy | None:
    """The policy of an asset made of these datasets; None for zones, which TLC has hardly ever changed."""
    if is_monthly:
        return LATE if set(datasets) == {FHV.name} else MONTHLY
    return DAILY if USERS.name in datasets else None
