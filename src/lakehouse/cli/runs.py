"""Ordinary Dagster runs, one for each month, executed in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import dagster as dg

from lakehouse.assets.private_dagster import AssetGraph, asset_graph, job_of_all_assets
from lakehouse.cli.outcomes import AssetFailure, AssetOutcome, RunOutcome, Step, StepReader
from lakehouse.cli.selection import Selection
from lakehouse.exceptions import NotPublished
from lakehouse.partition import Partition

Watch = Callable[[Partition, Step], None]
"""Told of each asset as a run comes to it and is done with it."""


def run_months(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    selection: Selection,
    months: Sequence[Partition],
    watch: Watch,
) -> Iterator[RunOutcome]:
    """One Dagster run for each month, in order; a failed month does not stop the next.

    What comes whole, and what is made of nothing else, runs with the first month, and with the next ones for as
    long as it fails. What puts several datasets together is run on those that are published, in a run of its own,
    where a run had to skip it because the source has no file of another one yet.

    Raises:
        KeyboardInterrupt: the process was told to stop; Dagster has recorded the month as failed.
    """
    runner = _Runner(definitions, instance, watch)
    graph = asset_graph(definitions)
    monthly = {key for key in selection.keys if graph.get(key).partitions_def is not None}
    pending = {key for key in selection.keys if not monthly & {key, *graph.get_ancestor_asset_keys(key)}}
    every_month = selection.keys - pending
    for partition in months:
        chosen = every_month | pending
        outcome = runner.run(chosen, partition)
        left = _runnable(graph, chosen, _materialized(outcome), outcome.failed)
        if left:
            rest = runner.run(left, partition)
            outcome = replace(
                outcome,
                seconds=outcome.seconds + rest.seconds,
                assets=(*outcome.assets, *rest.assets),
                failed=(*outcome.failed, *rest.failed),
            )
        pending -= _materialized(outcome)
        yield outcome


@dataclass(frozen=True)
class _Runner:
    """Executes runs of some definitions in this process."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    watch: Watch

    def run(self, keys: AbstractSet[dg.AssetKey], partition: Partition) -> RunOutcome:
        """One run of these assets for a month."""
        started = time.perf_counter()
        run_id = str(uuid4())
        self._listen(run_id, partition)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = job_of_all_assets(self.definitions).execute_in_process(
            partition_key=partition.key,
            asset_selection=sorted(keys),
            instance=self.instance,
            run_config=quiet,
            raise_on_error=False,
            run_id=run_id,
        )
        if _was_interrupted(result):
            raise KeyboardInterrupt
        steps = list(StepReader(run_id).read_all(result.all_events))
        failed = [step for step in steps if isinstance(step, AssetFailure)]
        if not failed and not result.success:
            unseen = f"run {run_id} failed before its first step; see it in the Dagster UI"
            failed = [AssetFailure("run", unseen, None)]
        done = tuple(step for step in steps if isinstance(step, AssetOutcome))
        return RunOutcome(partition, run_id, time.perf_counter() - started, done, tuple(failed))

    def _listen(self, run_id: str, partition: Partition) -> None:
        reader = StepReader(run_id)

        def heard(entry: dg.EventLogEntry) -> None:
            step = reader.read(entry.dagster_event) if entry.dagster_event else None
            if step is not None:
                self.watch(partition, step)

        self.instance.add_event_listener(run_id, heard)


def _materialized(outcome: RunOutcome) -> set[dg.AssetKey]:
    return {dg.AssetKey.from_user_string(asset.key) for asset in outcome.assets}


def _runnable(
    graph: AssetGraph,
    chosen: AbstractSet[dg.AssetKey],
    done: AbstractSet[dg.AssetKey],
    failures: Sequence[AssetFailure],
) -> frozenset[dg.AssetKey]:
    """Assets that a run skipped for no other reason than that a source has no file of the month yet.

    One of the months they are made of has to be there, and all that comes whole.
    """
    failed: Mapping[dg.AssetKey, str | None] = {dg.AssetKey(failure.key): failure.error for failure in failures}
    ready = set(done)
    for key in graph.toposorted_asset_keys:
        if key not in chosen or key in ready or key in failed:
            continue
        reasons = {failed[ancestor] for ancestor in graph.get_ancestor_asset_keys(key) if ancestor in failed}
        parents = graph.get(key).parent_keys
        monthly = {parent for parent in parents if graph.get(parent).partitions_def is not None}
        if reasons == {NotPublished.__name__} and monthly & ready and not (parents - monthly) & (chosen - ready):
            ready.add(key)
    return frozenset(ready - done)


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Dagster turns Ctrl-C and SIGTERM into a failed step, also where an engine was at work and raised it anew."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(_names_of(error) & {"DagsterExecutionInterruptedError", "KeyboardInterrupt"} for error in errors)


def _names_of(error: Any) -> set[str]:
    """Of an error as Dagster's events tell it, and of those that caused it."""
    names = set()
    while error is not None:
        names.add(str(error.cls_name))
        error = error.cause
    return names
