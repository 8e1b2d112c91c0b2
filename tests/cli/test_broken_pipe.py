"""A reader that has seen enough, such as ``head``, is no error of the command that writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO
from unittest.mock import patch

import click
import pytest

from lakehouse.cli.main import main
from lakehouse.cli.progress import Progress
from lakehouse.partition import Month
from tests import direct, green_files
from tests.project import Project

JANUARY = Month(2024, 1)
MANY = "SELECT n, CONCAT('row ', CAST(n AS STRING)) AS row FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS n ORDER BY n"


@contextmanager
def nobody_reads(*streams: str) -> Iterator[TextIO]:
    """Standard output, or whatever is named, is a pipe that has been closed at its other end."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123 - no path: a pipe
        redirected = {"stdout": redirect_stdout, "stderr": redirect_stderr}
        with ExitStack() as ways:
            for name in streams or ("stdout",):
                ways.enter_context(redirected[name](stream))
            yield stream
            stream.flush()  # as Python does when it ends


def exit_code(project: Project, *arguments: str) -> object:
    """What the command ends with in this process, with standard output and error as they are."""
    with (
        patch.dict(os.environ, project.command_environment(), clear=True),
        nobody_reads(),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments, prog_name="lakehouse")
    return ended.value.code or 0


def test_a_pipe_that_nobody_reads_is_broken() -> None:
    with pytest.raises(BrokenPipeError), nobody_reads():
        click.echo("a line")


@pytest.mark.parametrize("sql", [MANY, "SELECT 1 AS x"], ids=["large", "small"])
@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_a_query_whose_reader_has_left_is_done(
    project: Project, capfd: pytest.CaptureFixture[str], sql: str, style: str
) -> None:
    assert exit_code(project, "query", sql, "--format", style) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [("status",), ("status", "--format", "json"), ("--help",), ("query", "--help")])
def test_any_other_command_whose_reader_has_left_is_done(
    project: Project, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert exit_code(project, *arguments) == 0
    assert capfd.readouterr() == ("", "")


def test_a_wrong_command_is_wrong_whoever_reads(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    assert exit_code(project, "query", "SELECT nope FROM silver.green_trips") == 2
    assert "there is no column nope" in capfd.readouterr().err


def test_a_check_is_answered_whoever_reads(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 40))
    direct.make(project, JANUARY, "green_bronze")
    assert exit_code(project, "status", "--check", "--from", "2024-01", "--to", "2024-01") == 1


def test_runs_go_on_when_their_reader_has_left(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    assert exit_code(project, "run", "--select", "+users_gold") == 0
    assert capfd.readouterr() == ("", "")
    assert project.rows("SELECT COUNT(*) AS users FROM silver.users") == [{"users": 2}]


def test_a_run_fails_whoever_reads(project: Project) -> None:
    (project.source / "users.json").write_text("<html>")
    assert exit_code(project, "run", "--select", "+users_gold") == 1


def test_what_a_run_says_of_failures_may_be_read_by_nobody_too() -> None:
    progress = Progress([JANUARY])
    with nobody_reads("stdout", "stderr"), progress.shown():
        progress._say("why it failed", err=True)
        progress._say("what is done")


def test_head_ends_a_query_with_nothing_on_standard_error(project: Project) -> None:
    """As a shell sees it, which also hears what Python says when it ends."""
    command = '"$0" -c "from lakehouse.cli.main import main; main()" query "$1" --format csv | head -n 1'
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}", sys.executable, MANY],
        cwd=project.folder,
        env=project.command_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '"n","row"\n', "")
