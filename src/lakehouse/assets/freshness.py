"""When an asset is stale: how long its source may stay silent before the UI says so.

Dagster looks at the newest materialization of any month, so a month that is run again counts as news too.
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from lakehouse.bronze.source import Source


def freshness(sources: Collection[Source], *, is_partitioned: bool) -> dg.FreshnessPolicy | None:
    """The policy of an asset made of these sources; None where none of them is ever late.

    The strictest of those that come as the asset does, a period at a time or whole: the others do not make it run.
    """
    alike = [source for source in sources if source.dataset.is_partitioned == is_partitioned]
    declared = [source.freshness for source in alike or sources if source.freshness is not None]
    strictest = min(declared, key=lambda each: (each.warn, each.fail), default=None)
    if strictest is None:
        return None
    return dg.FreshnessPolicy.time_window(warn_window=strictest.warn, fail_window=strictest.fail)
