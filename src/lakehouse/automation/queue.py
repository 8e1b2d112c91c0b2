"""Runs under way, and those that wait for them: Dagster starts only so many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.automation.attempts import REQUESTED_BY
from lakehouse.automation.dead_runs import BEGUN, is_dead

if TYPE_CHECKING:
    import dagster as dg

PARTITION = "dagster/partition"
_EXECUTED_AGAIN = "dagster/parent_run_id"
_REQUESTERS = {
    "dagster/sensor_name": "sensor ",
    "dagster/schedule_name": "schedule ",
    "dagster/backfill": "backfill ",
    REQUESTED_BY: "",
}


@dataclass(frozen=True)
class RunAtHand:
    """A run that is not over, ``since`` its status was last heard of."""

    run_id: str
    partition: str | None
    requested_by: str
    since: datetime

    def __str__(self) -> str:
        month = f" of {self.partition}" if self.partition else ""
        return f"run {self.run_id[:8]}{month} ({self.requested_by}, since {self.since:%Y-%m-%d %H:%M} UTC)"


@dataclass(frozen=True)
class RunsAtHand:
    """All runs of an instance that are not over; ``limit`` is how many may be under way at once, None for any."""

    under_way: tuple[RunAtHand, ...]
    waiting: tuple[RunAtHand, ...]
    dead: tuple[RunAtHand, ...]
    limit: int | None

    @property
    def why_waiting(self) -> str | None:
        """How many runs wait, and for what; None if none does."""
        if not self.waiting:
            return None
        many = "1 run waits" if len(self.waiting) == 1 else f"{len(self.waiting)} runs wait"
        if self.limit is None or len(self.under_way) < self.limit:
            return f"{many} in the queue, to be started by the daemon"
        now = f"{len(self.under_way)} {'is' if len(self.under_way) == 1 else 'are'} under way, and {self.limit} may be"
        return f"{many} in the queue: {now} at once: {'; '.join(map(str, self.under_way))}"


def runs_at_hand(instance: dg.DagsterInstance, now: datetime) -> RunsAtHand:
    """What an instance's runs are doing; nothing is changed."""
    import dagster as dg

    records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED, *BEGUN]))
    waiting = [record for record in records if record.dagster_run.status is dg.DagsterRunStatus.QUEUED]
    dead = [record for record in records if record not in waiting and is_dead(instance, record, now)]
    idle = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
    at_work = [each for each in records if each not in dead and each.dagster_run.status not in idle]
    queue = instance.get_concurrency_config().run_queue_config
    limit = queue.max_concurrent_runs if queue else None
    return RunsAtHand(
        under_way=_at_hand(at_work),
        waiting=_at_hand(waiting),
        dead=_at_hand(dead),
        limit=limit if limit is not None and limit >= 0 else None,
    )


def _at_hand(records: Sequence[dg.RunRecord]) -> tuple[RunAtHand, ...]:
    """Oldest first."""
    return tuple(
        RunAtHand(
            run_id=record.dagster_run.run_id,
            partition=record.dagster_run.tags.get(PARTITION),
            requested_by=_requested_by(record.dagster_run.tags),
            since=record.update_timestamp.astimezone(UTC),
        )
        for record in sorted(records, key=lambda record: record.storage_id)
    )


def _requested_by(tags: Mapping[str, str]) -> str:
    """Who asked for a run, as its tags tell; one that is executed again has those of the first."""
    if first := tags.get(_EXECUTED_AGAIN):
        return f"run {first[:8]} again"
    for tag, words in _REQUESTERS.items():
        if tag in tags:
            return f"{words}{tags[tag]}"
    return "the UI, or dagster itself"
