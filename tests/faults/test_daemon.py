"""Dagster's daemon, started as a person starts it, brings what the sources publish and restate to gold, each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.automation.liveness import Liveness, RunLocks
from lakehouse.exceptions import QueryError
from lakehouse.partition import Month
from tests import green_files, soak
from tests.faults.moments import FIRST_MONTH, Signalled
from tests.faults.processes import begin, one_month
from tests.http_source import SourceServer
from tests.project import Project
from tests.reference_files import ZONES_PATH

OLD, FIRST, NEW = Month(2023, 2), Month(2023, 5), Month(2023, 6)
"""Of the partitions from OLD to NEW, OLD alone is not one of the four that are asked for at every tick."""

KILLED, PUBLISHED = Month(2023, 3), Month(2023, 4)
KILLS, AT_ONCE = 20 if soak.is_long() else 8, 4

_TIMEOUT_SECONDS = 120.0
_LOOK_SECONDS = 2.0
"""To open the tables and ask them takes a fifth of a second of CPU."""


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
        time.sleep(_LOOK_SECONDS)


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


@dataclass(frozen=True)
class House:
    """A project with the daemon up, its source and what the daemon prints."""

    project: Project
    server: SourceServer
    log: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The months OLD and FIRST are published before the daemon comes up: two runs that make the new home at once."""
    project = Project(tmp_path_factory.mktemp("house"))
    with SourceServer(project.source) as server:
        project.tlc_url, project.users_url = server.url, f"{server.url}/users.json"
        # Half of the time is waiting: a tick is due every 10 to 15 seconds, and the queue is looked at every 5.
        with (project.dagster_home / "dagster.yaml").open("a") as configuration:
            configuration.write("\nrun_queue:\n  dequeue_interval_seconds: 1\n")
        project.environment = {"LAKEHOUSE_FIRST_MONTH": str(OLD), "LAKEHOUSE_LAST_MONTH": str(NEW)}
        for month in (OLD, FIRST):
            project.publish(month, green_files.trips(month, 3))
        with daemon(project, LAKEHOUSE_AUTOMATION="true", LAKEHOUSE_POLL_SECONDS="10") as log:
            yield House(project, server, log)


def test_the_daemon_loads_a_new_and_a_restated_month_once_each_into_a_new_home(house: House) -> None:
    project, server, log = house.project, house.server, house.log
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


def unfinished(project: Project) -> list[str]:
    """Runs that count as under way, or about to be."""
    with project.instance() as instance:
        return [run.run_id for run in instance.get_runs() if not run.is_finished]


def dead_and_unnoticed(project: Project) -> int:
    """How many of those have no process: nobody holds their lock."""
    locks = RunLocks.of(project.dagster_home)
    return sum(locks.of_run(run_id) is Liveness.DEAD for run_id in unfinished(project))


@pytest.mark.parametrize("number", soak.numbers(1, at_most=10))
def test_killed_runs_do_not_keep_a_month_that_is_published_then_from_gold(
    house: House, number: int, record_property: Callable[[str, object], None]
) -> None:
    """Each command clears away what is dead before it begins; what dies last is left for the daemon."""
    project, log, draw = house.project, house.log, soak.drawn("kills with the daemon up", number)
    wait_until("the first tick", lambda: ticks(house.server) > 0, log)
    project.publish(KILLED, green_files.trips(KILLED, 3 + number))
    killed = noticed_late = left = 0
    while killed < KILLS:
        moments = [Signalled.drawn(draw, [signal.SIGKILL], FIRST_MONTH) for _ in range(AT_ONCE)]
        ended = [each.wait() for each in [begin(project, one_month(KILLED), moment) for moment in moments]]
        killed += sum(each.was_killed for each in ended)
        left = dead_and_unnoticed(project)
        noticed_late += left
    assert noticed_late > 0

    trips = 10 + number
    project.publish(PUBLISHED, green_files.trips(PUBLISHED, trips))
    wait_until("the published month in gold", lambda: gold(project).get(str(PUBLISHED)) == trips, log)
    wait_until("no run under way", lambda: not unfinished(project), log)
    record_property("soak kills with the daemon up", killed)
    record_property("soak kills with the daemon up, of which left a run under way", noticed_late)
    record_property("soak kills with the daemon up, of which were the daemon's to notice", left)
