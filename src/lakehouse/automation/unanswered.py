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
    newest = instance.event_log_storage.get_asset_check_summary_records(list(checks))
    for check in sorted(checks):
        summary = newest.get(check)
        execution = summary.last_check_execution_record if summary else None
        if execution is None or not is_left_out(execution.status):
            continue
        run = instance.get_run_by_id(execution.run_id)
        said = newest_evaluation(instance, check)
        if said is not None and (run is None or run.is_finished):
            yield dg.AssetCheckEvaluation(
                asset_key=said.asset_key,
                check_name=said.check_name,
                passed=said.passed,
                severity=said.severity,
                description=said.description,
                metadata={**said.metadata, UNCHECKED: True},
                target_materialization_data=said.target_materialization_data,
                blocking=said.blocking,
            )
