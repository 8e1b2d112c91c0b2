"""Runs whose process is gone: told to Dagster as failed, so that they keep no place in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from lakehouse.automation.liveness import Liveness, RunLocks

BEGUN = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
"""What Dagster takes to be at work, or about to."""


def report_dead_runs(instance: dg.DagsterInstance, now: datetime) -> Sequence[dg.DagsterRun]:
    """Tell Dagster that runs that no process will ever end have failed; those runs."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(BEGUN)))
    dead = [record.dagster_run for record in records if is_dead(instance, record, now)]
    for run in dead:
        current = instance.get_run_by_id(run.run_id)
        if current is not None and not current.is_finished:
            instance.report_run_failed(
                current, "Its process ended without a word: killed, out of memory, or the machine went down."
            )
    locks = RunLocks.of(instance.root_directory)
    for run_id in locks.known():
        # What died since the runs were looked at keeps its lock, by which it is found the next time.
        if locks.of_run(run_id) is Liveness.DEAD and _is_over(instance, run_id):
            locks.forget(run_id)
    return dead


def is_dead(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """Whether no process will ever end a run that has begun."""
    run = record.dagster_run
    liveness = RunLocks.of(instance.root_directory).of_run(run.run_id)
    if liveness is not Liveness.UNKNOWN:
        return liveness is Liveness.DEAD
    # What has no lock has not come to its first step, or is none of ours.
    waits = run.status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
    return waits and now - record.update_timestamp > timedelta(seconds=instance.run_monitoring_start_timeout_seconds)


def _is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has ended, or has never come to be."""
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
