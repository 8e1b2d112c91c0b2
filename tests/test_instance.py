"""The project's ``dagster.yaml`` as Dagster reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.automation.private_storage import KeptEvents, KeptRuns, KeptSchedules
from lakehouse.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    Path(home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def test_a_backfill_starts_no_more_than_two_runs_at_once(instance: dg.DagsterInstance) -> None:
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 2


def test_the_daemon_looks_at_freshness(instance: dg.DagsterInstance) -> None:
    assert "FRESHNESS_DAEMON" in instance.get_required_daemon_types()


def test_nobody_is_told_what_is_run(instance: dg.DagsterInstance) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


def test_its_storages_keep_their_connections(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_storage, KeptRuns)
    assert isinstance(instance.event_log_storage, KeptEvents)
    assert isinstance(instance.schedule_storage, KeptSchedules)
