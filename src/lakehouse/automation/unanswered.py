"""Checks of assets that a run left out as it failed or was canceled: they say again what they said before.

Dagster shows them as failed, or skipped, though what they looked at last is as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import dagster as dg

from lakehouse.assets.check_results import UNCHECKED, newest_evaluation
from lakehouse.assets.private_dagster import is_left_out


def said_again(instance: dg.DagsterInstance, checks: Collection[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckEvaluation]:
    """What each of these checks said last that a run, which is over, meant to evaluate since and has not."""
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    for check in sorted(checks):
        execution = newest.get(check)
        if execution is None or not is_left_out(execution.status):
            continue
        run = instance.get_run_by_id(execution.run_id)
        said = newest_evaluation(instance, check)
        if said is not None and (run is None or run.is_finished):
            yield said.with_metadata({**said.metadata, UNCHECKED: True})
