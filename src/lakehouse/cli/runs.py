"""Ordinary Dagster runs, one for each month, executed in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import dagster as dg

from lakehouse.assets.private_dagster import (
    executed,
    interrupts_captured,
    job_of_all_assets,
    job_origin,
)
from lakehouse.automation.attempts import REQUESTED_BY
from lakehouse.automation.executor import let_end_as_canceled
from lakehouse.automation.liveness import RunLocks
from lakehouse.automation.queue import PARTITION
from lakehouse.cli.interruption import Interruption, again
from lakehouse.cli.outcomes import AssetFailure, AssetOutcome, RunOutcome, Step, StepReader
from lakehouse.cli.selection import Selection, made_once
from lakehouse.partition import Partition
from lakehouse.settings import PROJECT_ROOT

COMMAND_LINE = "command-line"
"""Who requested a run, where the command line did."""

Watch = Callable[[Partition, Step], None]
"""Told of each asset as a run comes to it and is done with it."""


def run_months(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    selection: Selection,
    months: Sequence[Partition],
    watch: Watch,
    interruption: Interruption,
    tags: Mapping[str, str] = MappingProxyType({}),
    config: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[RunOutcome]:
    """One Dagster run for each month, in order, with these tags and run config; a failed month does not stop the next.

    What comes whole, and what is made of nothing else, runs with the first month, and with the next ones for as
    long as it fails.

    Raises:
        KeyboardInterrupt: the process was told to stop; Dagster has recorded the month as canceled.
    """
    runner = _Runner(definitions, instance, watch, interruption, tags, config)
    pending = set(made_once(definitions, selection))
    every_month = selection.keys - pending
    for partition in months:
        outcome = runner.run(every_month | pending, partition)
        pending -= {dg.AssetKey.from_user_string(asset.key) for asset in outcome.assets}
        yield outcome


@dataclass(frozen=True)
class _Runner:
    """Executes runs of some definitions in this process."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    watch: Watch
    interruption: Interruption
    tags: Mapping[str, str]
    config: Mapping[str, Any]

    def run(self, keys: AbstractSet[dg.AssetKey], partition: Partition) -> RunOutcome:
        """One run of these assets for a month."""
        started = time.perf_counter()
        run_id = str(uuid4())
        self._listen(run_id, partition)
        # The lock is there before the run, so that there is no moment in which it could be killed and not be missed.
        with interrupts_captured(), RunLocks.of(self.instance.root_directory).held(run_id):
            self.interruption.require_none()
            run = self._created(run_id, keys, partition)
            events = executed(self.definitions, run, self.instance)
        self.interruption.require_none()
        steps = list(StepReader(run_id).read_all(events))
        failed = [step for step in steps if isinstance(step, AssetFailure)]
        ended = self.instance.get_run_by_id(run_id)
        if not failed and (ended is None or not ended.is_success):
            unseen = f"run {run_id} failed before its first step; see it in the Dagster UI"
            failed = [AssetFailure("run", unseen, None)]
        done = tuple(step for step in steps if isinstance(step, AssetOutcome))
        return RunOutcome(partition, run_id, time.perf_counter() - started, done, tuple(failed))

    def _created(self, run_id: str, keys: AbstractSet[dg.AssetKey], partition: Partition) -> dg.DagsterRun:
        """A run of the code location that the UI knows, so that it can be executed again from there."""
        job = job_of_all_assets(self.definitions)
        month = {} if partition.key is None else {PARTITION: partition.key}
        return self.instance.create_run_for_job(
            job,
            run_id=run_id,
            run_config={**self.config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={**self.tags, **month, REQUESTED_BY: COMMAND_LINE},
            asset_selection=frozenset(keys),
            remote_job_origin=job_origin(PROJECT_ROOT / "workspace.yaml", job),
        )

    def _listen(self, run_id: str, partition: Partition) -> None:
        reader = StepReader(run_id)

        def heard(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None:
                return
            if self.interruption.was_told:
                self._cancel(run_id)
                if event.is_step_failure:
                    return
            step = reader.read(event)
            if step is not None:
                self.watch(partition, step)

        self.instance.add_event_listener(run_id, heard)

    def _cancel(self, run_id: str) -> None:
        """Let a run end as canceled, and not go on with what does not need the step that was interrupted."""
        if let_end_as_canceled(self.instance, run_id):
            again()
