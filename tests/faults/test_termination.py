"""A run of the command line that is terminated in the UI ends at once, as one that Ctrl-C ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from lakehouse.partition import Month
from tests import green_files
from tests.commands import run_arguments
from tests.http_source import Fault, SourceServer
from tests.project import Project

MONTH, NEXT = Month(2024, 1), Month(2024, 2)
SILENT_SECONDS = 600.0
"""How long the source is silent, and the command would wait for it: whatever ends before was ended."""

_TIMEOUT_SECONDS = 60.0


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    end = time.monotonic() + _TIMEOUT_SECONDS
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {_TIMEOUT_SECONDS:.0f} s"
        time.sleep(0.3)


def test_a_run_that_is_terminated_in_the_ui_while_its_source_is_silent_ends_the_command(project: Project) -> None:
    path = green_files.source_path(MONTH)
    project.publish(MONTH, green_files.trips(MONTH, 3))
    project.publish(NEXT, green_files.trips(NEXT, 3))
    with SourceServer(project.source) as server, project.instance() as instance:
        project.tlc_url = server.url
        server.fail(f"/{path}", Fault(delay_seconds=SILENT_SECONDS))
        started = time.monotonic()
        command = subprocess.Popen(
            [str(Path(sys.executable).parent / "lakehouse"), *run_arguments(MONTH, NEXT)],
            cwd=project.folder,
            env={**project.command_environment(), "LAKEHOUSE_HTTP_TIMEOUT": str(SILENT_SECONDS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until("the request", lambda: any(each.path == f"/{path}" for each in server.requests))
        (run,) = instance.get_runs()
        begun = time.monotonic()
        starting = begun - started
        assert instance.run_coordinator is not None
        assert instance.run_coordinator.cancel_run(run.run_id)  # what the UI's button asks for
        output, errors = command.communicate(timeout=_TIMEOUT_SECONDS)
        seconds = time.monotonic() - begun
        assert (command.returncode, errors) == (130, "interrupted\n")
        assert seconds < 3 * starting  # some three seconds where nothing else is at work
        assert [line.split()[0] for line in output.splitlines()] == ["infrastructure"]
        (run,) = instance.get_runs()  # and none of the next month
        assert run.status is dg.DagsterRunStatus.CANCELED
        assert run.tags["dagster/partition"] == str(MONTH)
