"""What an instance's runs are doing: under way, waiting for what, dead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from lakehouse.automation.dead_runs import report_dead_runs
from lakehouse.automation.liveness import RunLocks
from lakehouse.automation.queue import runs_at_hand
from tests.automation.house import ORIGIN
from tests.dying import die_holding
from tests.project import Project

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)


def add(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> str:
    """A run that came to this status; its id."""
    run = dg.DagsterRun(job_name="__ASSET_JOB", status=status, tags=tags, remote_job_origin=ORIGIN)
    return instance.add_run(run).run_id


def test_a_run_that_waits_says_for_what(project: Project) -> None:
    with project.instance() as instance:
        locks = RunLocks.of(instance.root_directory)
        assert runs_at_hand(instance, NOW).why_waiting is None
        add(instance, dg.DagsterRunStatus.QUEUED)
        assert runs_at_hand(instance, NOW).why_waiting == "1 run waits in the queue, to be started by the daemon"
        add(instance, dg.DagsterRunStatus.QUEUED)
        of_sensor = {"dagster/partition": "2024-01", "dagster/sensor_name": "releases"}
        first = add(instance, dg.DagsterRunStatus.STARTED, **of_sensor)
        second = add(instance, dg.DagsterRunStatus.STARTED, **{"lakehouse/requested-by": "command-line"})
        with locks.held(first), locks.held(second):
            why = runs_at_hand(instance, NOW).why_waiting
    assert why is not None
    assert why.startswith("2 runs wait in the queue: 2 are under way, and 2 may be at once: ")
    assert f"run {first[:8]} of 2024-01 (sensor releases, since 20" in why
    assert f"run {second[:8]} (command-line, since 20" in why


def test_a_run_that_is_executed_again_says_which_it_was(project: Project) -> None:
    with project.instance() as instance:
        first = add(instance, dg.DagsterRunStatus.FAILURE, **{"lakehouse/requested-by": "command-line"})
        tags = {"lakehouse/requested-by": "command-line", "dagster/parent_run_id": first}
        add(instance, dg.DagsterRunStatus.QUEUED, **tags)
        (waiting,) = runs_at_hand(instance, NOW).waiting
    assert waiting.requested_by == f"run {first[:8]} again"


def test_a_dead_run_keeps_no_place_and_is_told_once(project: Project) -> None:
    with project.instance() as instance:
        locks = RunLocks.of(instance.root_directory)
        run = add(instance, dg.DagsterRunStatus.STARTED)
        die_holding(locks, run)
        found = runs_at_hand(instance, NOW)
        assert [each.run_id for each in found.dead] == [run]
        assert found.under_way == ()
        assert [each.run_id for each in report_dead_runs(instance, NOW)] == [run]
        ended = instance.get_run_by_id(run)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.FAILURE
        assert report_dead_runs(instance, NOW) == []
        assert list(locks.known()) == []


def test_a_run_that_dies_while_others_are_looked_at_is_told_the_next_time(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.instance() as instance:
        locks = RunLocks.of(instance.root_directory)
        run = add(instance, dg.DagsterRunStatus.STARTED)

        def dies_before_locks_are_listed(self: RunLocks) -> Iterator[str]:
            die_holding(self, run)
            return known(self)

        known = RunLocks.known
        with monkeypatch.context() as patch:
            patch.setattr(RunLocks, "known", dies_before_locks_are_listed)
            assert report_dead_runs(instance, NOW) == []
        assert [each.run_id for each in report_dead_runs(instance, NOW)] == [run]
        assert list(locks.known()) == []


def test_a_run_that_takes_no_lock_is_left_alone(project: Project) -> None:
    with project.instance() as instance:
        run = add(instance, dg.DagsterRunStatus.STARTED)
        assert report_dead_runs(instance, NOW) == []
        assert [each.run_id for each in runs_at_hand(instance, NOW).under_way] == [run]


def test_a_run_that_does_not_come_to_its_first_step_is_dead_after_a_minute(project: Project) -> None:
    with project.instance() as instance:
        run = add(instance, dg.DagsterRunStatus.STARTING)
        assert report_dead_runs(instance, datetime.now(UTC) + MINUTE / 2) == []
        later = datetime.now(UTC) + 2 * MINUTE
        assert [each.run_id for each in report_dead_runs(instance, later)] == [run]


def test_run_monitoring_asks_our_launcher(project: Project) -> None:
    with project.instance() as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_start_timeout_seconds == MINUTE.total_seconds()
        assert instance.run_launcher.supports_check_run_worker_health
        dead, alive, other = (add(instance, dg.DagsterRunStatus.STARTED) for _ in range(3))
        locks = RunLocks.of(instance.root_directory)
        die_holding(locks, dead)

        def health(run_id: str) -> str:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            return instance.run_launcher.check_run_worker_health(run).status.value

        with locks.held(alive):
            assert [health(each) for each in (dead, alive, other)] == ["NOT_FOUND", "RUNNING", "RUNNING"]
