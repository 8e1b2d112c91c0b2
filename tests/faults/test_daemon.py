"""Dagster's daemon, started as a person starts it, brings what the sources publish and restate to gold, each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.exceptions import QueryError
from lakehouse.partition import Month
from tests import green_files
from tests.http_source import SourceServer
from tests.project import Project
from tests.reference_files import ZONES_PATH

OLD, FIRST, NEW = Month(2023, 2), Month(2023, 5), Month(2023, 6)
"""Of the partitions from OLD to NEW, OLD alone is not one of the four that are asked for at every tick."""

_TIMEOUT_SECONDS = 120.0


@contextmanager
def daemon(project: Project, **environment: str) -> Iterator[Path]:
    """``dagster-daemon run`` and all that it starts, ended afterwards; the file of what it prints."""
    log = project.folder / "daemon.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-m", "lakehouse.definitions"],
            cwd=project.folder,
            env={**project.command_environment(), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, with the servers of code and the runs that it starts
        )
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            with suppress(ProcessLookupError):  # unless something outlives the daemon
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(what: str, happened: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + _TIMEOUT_SECONDS
    while not happened():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {_TIMEOUT_SECONDS:.0f} s; the daemon said:\n{log.read_text()}")
        time.sleep(0.5)


def gold(project: Project) -> dict[str, int]:
    """Trips of each month in gold, as ``lakehouse query`` would print them; none while there is no table."""
    sql = "SELECT month, SUM(trip_count) AS trips FROM gold.green_trips_by_payment_type GROUP BY month"
    try:
        rows = project.rows(sql)
    except QueryError:
        return {}
    return {f"{row['month']:%Y-%m}": int(row["trips"]) for row in rows}


def ticks(server: SourceServer) -> int:
    """How often the sensor asked: once a tick for the zones."""
    return sum(each.path == f"/{ZONES_PATH}" and each.method == "HEAD" for each in server.requests)


def idle(log: Path) -> int:
    """How many ticks requested nothing."""
    return log.read_text().count("Sensor releases skipped: nothing new")


def landings(project: Project, month: Month) -> int:
    return len(list(project.bronze.record_folder("green", month).glob("*.json")))


def test_the_daemon_loads_a_new_and_a_restated_month_once_each_into_a_new_home(project: Project) -> None:
    with SourceServer(project.source) as server:
        project.tlc_url, project.users_url = server.url, f"{server.url}/users.json"
        # Half of the time is waiting: a tick is due every 10 to 15 seconds, and the queue is looked at every 5.
        with (project.dagster_home / "dagster.yaml").open("a") as configuration:
            configuration.write("\nrun_queue:\n  dequeue_interval_seconds: 1\n")
        for month in (OLD, FIRST):  # two runs that make the new home at the same time
            project.publish(month, green_files.trips(month, 3))
        with daemon(
            project,
            LAKEHOUSE_AUTOMATION="true",
            LAKEHOUSE_POLL_SECONDS="10",
            LAKEHOUSE_FIRST_MONTH=str(OLD),
            LAKEHOUSE_LAST_MONTH=str(NEW),
        ) as log:
            wait_until("the first tick", lambda: ticks(server) > 0, log)
            project.publish(NEW, green_files.trips(NEW, 5))
            wait_until("the first months in gold", lambda: {"2023-02", "2023-05"} <= gold(project).keys(), log)
            project.publish(OLD, green_files.trips(OLD, 4))
            all_ = {"2023-02": 4, "2023-05": 3, "2023-06": 5}
            wait_until("all months in gold", lambda: gold(project) == all_, log)
            quiet = idle(log) + 2
            wait_until("two ticks that find nothing", lambda: idle(log) >= quiet, log)
        with project.instance() as instance:
            runs = instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": "releases"}))
        assert sorted((run.tags["dagster/partition"], run.status.value) for run in runs) == [
            ("2023-02", "SUCCESS"),
            ("2023-02", "SUCCESS"),
            ("2023-05", "SUCCESS"),
            ("2023-06", "SUCCESS"),
        ]
        assert [landings(project, month) for month in (OLD, FIRST, NEW)] == [2, 1, 1]
        assert gold(project) == all_
