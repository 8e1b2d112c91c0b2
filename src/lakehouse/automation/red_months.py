"""Months whose newest run failed: red in the UI until they are run again, whatever their tables hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from lakehouse.assets.partitions import monthly
from lakehouse.assets.private_dagster import is_failed
from lakehouse.partition import Month, month_range
from lakehouse.settings import Settings


def red_months(
    settings: Settings, instance: dg.DagsterInstance, assets: Iterable[str], first: Month, last: Month
) -> Mapping[str, tuple[Month, ...]]:
    """Those of each asset from ``first`` to ``last``; assets without any are left out."""
    partitions = monthly(settings)
    there = set(partitions.get_partition_keys())
    months = [month for month in month_range(first, last) if str(month) in there]
    found = {}
    for asset in assets:
        states = instance.get_status_by_partition(dg.AssetKey(asset), [str(month) for month in months], partitions)
        red = tuple(month for month in months if states is not None and is_failed(states.get(str(month))))
        if red:
            found[asset] = red
    return found
