"""``lakehouse run`` told to stop at any moment: what is under way is canceled, nothing follows, nothing is half done.

``make test-soak`` tries many times as many moments.
"""

from __future__ import annotations

import os
import pty
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.automation.attempts import REQUESTED_BY
from lakehouse.automation.liveness import RunLocks
from lakehouse.cli import shown
from lakehouse.cli.runs import COMMAND_LINE
from lakehouse.cli.selection import Selection, select
from lakehouse.exceptions import QueryError
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import green_files, soak
from tests.commands import Held, held, of, run_arguments
from tests.faults.moments import FIRST_MONTH, NEXT_MONTH, Signalled
from tests.faults.processes import Ended, Running, begin
from tests.http_source import Fault, SourceServer
from tests.project import Project

JANUARY, FEBRUARY = MONTHS = Month(2024, 1), Month(2024, 2)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOTHING = of(0, None)
INTERRUPTED = 130
SUCCESS, CANCELED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED
RUN_ALL = run_arguments(JANUARY, FEBRUARY)
NEVER_SAID = ("FAILED", "failed", "Traceback", "Exception", "Error", "Aborted", "unexpected")

CTRL_C, CURSOR_HIDDEN, CURSOR_SHOWN = b"\x03", "\x1b[?25l", "\x1b[?25h"

ENDLESS = """/*
description: What takes longer than anybody waits
table: gold.endless
grain: [taxi_type]
columns:
  combinations: {type: INT64, description: Of no use}
*/
SELECT a.taxi_type, COUNTIF(a.trip_miles + b.trip_miles + c.trip_miles + d.trip_miles > 1) AS combinations
FROM silver.green_trips AS a
CROSS JOIN silver.green_trips AS b
CROSS JOIN silver.green_trips AS c
CROSS JOIN silver.green_trips AS d
GROUP BY a.taxi_type
"""


@dataclass(frozen=True)
class Traces:
    """What one command left in Dagster: its runs, oldest first, and the assets that the last of them began to make."""

    statuses: list[dg.DagsterRunStatus]
    begun: list[str]

    @property
    def moment(self) -> str:
        """When it was told to stop."""
        if not self.statuses:
            return "before the first run"
        if self.statuses[-1] is SUCCESS:
            return "after a run"
        return f"in {self.begun[-1]}" if self.begun else "before a run's first step"


def runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return list(reversed(instance.get_runs(dg.RunsFilter(tags={REQUESTED_BY: COMMAND_LINE}))))


def traces(project: Project, before: int) -> Traces:
    """What is left of a command that found so many runs."""
    with project.instance() as instance:
        own = runs(instance)[before:]
        events = [entry.dagster_event for entry in instance.all_logs(own[-1].run_id)] if own else []
    begun = [str(event.step_key) for event in events if event and event.event_type is dg.DagsterEventType.STEP_START]
    return Traces([run.status for run in own], begun)


def how_many_runs(project: Project) -> int:
    with project.instance() as instance:
        return len(runs(instance))


def seen(project: Project, month: Month) -> Held:
    try:
        return held(project, month)
    except QueryError:  # there is no table yet
        return NOTHING


def publish(project: Project, trips: int) -> Held:
    """Publish another version of every month, and what each holds when it is made."""
    for month in MONTHS:
        project.publish(month, green_files.trips(month, trips))
    return of(trips, f"{12 * trips}.00")


def require_stopped(project: Project, ended: Ended, left: Traces) -> None:
    """It said nothing but that it was interrupted, and left nothing under way."""
    assert (ended.exit_code, ended.output.splitlines()[-1:]) == (INTERRUPTED, ["interrupted"]), ended
    assert [words for words in NEVER_SAID if words in ended.output] == [], ended
    assert set(left.statuses[:-1]) <= {SUCCESS}, left
    assert set(left.statuses[-1:]) <= {SUCCESS, CANCELED}, left
    assert list(RunLocks.of(project.dagster_home).known()) == []


@pytest.mark.parametrize("number", soak.numbers(1))
def test_an_interruption_at_any_moment(
    project: Project, number: int, record_property: Callable[[str, object], None]
) -> None:
    draw = soak.drawn("interrupts", number)
    holds = dict.fromkeys(MONTHS, NOTHING)
    moments: Counter[str] = Counter()
    for version in range(3):
        after = publish(project, 40 + 10 * version + draw.randrange(10))
        signals = [draw.choice(SIGNALS) for _ in range(draw.choice((1, 1, 2)))]
        so_far = how_many_runs(project)
        ended = begin(project, RUN_ALL, Signalled.drawn(draw, signals, FIRST_MONTH + NEXT_MONTH)).wait()
        left = traces(project, so_far)
        if ended.exit_code == 0:
            assert left.statuses == [SUCCESS] * len(MONTHS)
        else:
            require_stopped(project, ended, left)
        done = left.statuses.count(SUCCESS)
        for nth, month in enumerate(MONTHS):
            now, before = seen(project, month), holds[month]
            half = Held(after.silver_rows, after.silver_total, before.gold_rows, before.gold_total)
            under_way = nth == done and CANCELED in left.statuses
            assert now in ([before, half, after] if under_way else [after if nth < done else before]), (month, left)
            holds[month] = now
        moments[left.moment if ended.exit_code else "too late"] += 1
    for moment, times in moments.items():
        record_property(f"soak interrupts {moment}", times)


def wait_until(happened: Callable[[], bool], running: Running) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert running.process.is_alive(), running.wait()
        assert time.monotonic() < end, running.log.read_text()
        time.sleep(0.3)


def stopped(project: Project, running: Running, number: signal.Signals, within: float) -> Traces:
    """Send a signal, upon which the command has to end soon."""
    assert running.process.pid is not None
    sent = time.monotonic()
    os.kill(running.process.pid, number)
    ended = running.wait()
    assert time.monotonic() - sent < within
    left = traces(project, 0)
    require_stopped(project, ended, left)
    return left


@pytest.mark.parametrize("number", soak.numbers(1))
def test_an_interruption_of_a_long_computation(project: Project, number: int) -> None:
    project.sql = Path(shutil.copytree(PROJECT_ROOT / "sql", project.folder / "sql"))
    (project.sql / "gold" / "endless_gold.sql").write_text(ENDLESS)
    publish(project, 2000)
    running = begin(project, ("run", "--from", "2024-01", "--to", "2024-02", "--select", "+endless_gold"))
    wait_until(lambda: how_many_runs(project) == 1 and traces(project, 0).begun[-1:] == ["endless_gold"], running)
    running.process.join(1.5)
    draw = soak.drawn("long computation", number)
    left = stopped(project, running, draw.choice(SIGNALS), within=10)
    assert (left.statuses, left.begun[-1]) == ([CANCELED], "endless_gold")


@pytest.mark.parametrize("number", soak.numbers(1))
def test_an_interruption_while_a_source_keeps_dlt_waiting(project: Project, number: int) -> None:
    publish(project, 40)
    path = f"/{green_files.source_path(JANUARY)}"
    with SourceServer(project.source) as server:
        project.tlc_url = server.url
        server.fail(path, Fault(delay_seconds=60))
        running = begin(project, RUN_ALL)
        wait_until(lambda: any((each.method, each.path) == ("GET", path) for each in server.requests), running)
        draw = soak.drawn("slow source", number)
        left = stopped(project, running, draw.choice(SIGNALS), within=10)
    assert (left.statuses, left.begun[-1]) == ([CANCELED], "green_bronze")


def interrupt_while_resources_are_made() -> None:
    from dagster_dlt import DagsterDltResource

    original = DagsterDltResource.setup_for_execution

    def interrupted(self: DagsterDltResource, context: dg.InitResourceContext) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        original(self, context)

    DagsterDltResource.setup_for_execution = interrupted  # type: ignore[method-assign, assignment]


class Interrupting:
    """What Python destroys while a signal comes: it cannot raise there what handles that."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def interrupt_a_destructor_before_the_first_run() -> None:
    def interrupted(definitions: dg.Definitions, text: str) -> Selection:
        Interrupting()
        time.sleep(1)
        return select(definitions, text)

    shown.select = interrupted  # type: ignore[attr-defined]


def interrupt_a_destructor_in_a_step() -> None:
    original = StoreWarehouse.replace

    def interrupted(self: StoreWarehouse, *given: Any) -> Any:
        Interrupting()
        return original(self, *given)

    StoreWarehouse.replace = interrupted  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize(
    ("interrupt", "statuses", "last_begun"),
    [
        (interrupt_a_destructor_before_the_first_run, [], []),
        (interrupt_while_resources_are_made, [CANCELED], []),
        (interrupt_a_destructor_in_a_step, [CANCELED], ["zones_silver"]),
    ],
)
def test_an_interruption_where_no_step_is_told_of_it(
    project: Project, interrupt: Callable[[], None], statuses: list[dg.DagsterRunStatus], last_begun: list[str]
) -> None:
    publish(project, 40)
    ended = begin(project, RUN_ALL, interrupt).wait()
    left = traces(project, 0)
    require_stopped(project, ended, left)
    assert (left.statuses, left.begun[-1:]) == (statuses, last_begun)


def ignore_hangups() -> None:
    """As ``nohup`` starts a command."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_the_end_of_the_terminal_stops_nothing_under_nohup(project: Project) -> None:
    after = publish(project, 40)
    running = begin(project, run_arguments(JANUARY, JANUARY), ignore_hangups)
    wait_until(lambda: how_many_runs(project) == 1, running)
    assert running.process.pid is not None
    os.kill(running.process.pid, signal.SIGHUP)
    ended = running.wait()
    assert (ended.exit_code, seen(project, JANUARY)) == (0, after), ended


def at_terminal(name: str) -> None:
    """As a shell starts a command in its window."""
    os.setsid()
    terminal = os.open(name, os.O_RDWR)  # of a session that has none, it is now the terminal
    for stream in (0, 1, 2):
        os.dup2(terminal, stream)


@dataclass(frozen=True)
class Window:
    """A terminal, and what was written to it."""

    master: int
    slave: int
    written: bytearray

    @classmethod
    def open(cls) -> Window:
        master, slave = pty.openpty()
        os.set_blocking(master, False)
        return cls(master, slave, bytearray())

    @property
    def name(self) -> str:
        return os.ttyname(self.slave)

    def read(self) -> str:
        """All that was written so far."""
        with suppress(BlockingIOError):
            while part := os.read(self.master, 1 << 16):
                self.written.extend(part)
        return self.written.decode()

    def close(self) -> None:
        os.close(self.slave)
        os.close(self.master)


def test_the_end_of_the_terminal_cancels_what_is_under_way(project: Project) -> None:
    publish(project, 40)
    window = Window.open()
    running = begin(project, RUN_ALL, partial(at_terminal, window.name))
    wait_until(lambda: "zones_bronze" in window.read(), running)
    window.close()
    ended = running.wait()
    left = traces(project, 0)
    assert (ended.exit_code, left.statuses) == (INTERRUPTED, [CANCELED]), ended


def test_an_impatient_second_ctrl_c_leaves_the_terminal_as_it_was(project: Project) -> None:
    publish(project, 40)
    window = Window.open()
    running = begin(project, RUN_ALL, partial(at_terminal, window.name))
    wait_until(lambda: "zones_bronze" in window.read(), running)
    while running.process.is_alive():
        os.write(window.master, CTRL_C)
        running.process.join(0.02)
        window.read()
    said = window.read()
    window.close()
    assert running.wait().exit_code == INTERRUPTED, said
    assert traces(project, 0).statuses == [CANCELED]
    assert [words for words in NEVER_SAID if words in said] == [], said
    assert said.rindex(CURSOR_SHOWN) > said.rindex(CURSOR_HIDDEN)
