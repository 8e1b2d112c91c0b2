"""What ``lakehouse status`` says of runs, of months that failed and of the checks of each month."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from lakehouse.automation.check_history import CheckOutcome
from lakehouse.automation.liveness import RunLocks
from lakehouse.cli.runs_output import write_checks
from lakehouse.partition import Month
from tests import green_files
from tests.automation.house import ORIGIN
from tests.commands import lakehouse
from tests.dying import die_holding
from tests.limits import refused
from tests.project import Project

GOOD, BROKEN, UNPUBLISHED = Month(2024, 1), Month(2024, 2), Month(2024, 3)
RANGE = ("--from", str(GOOD), "--to", str(UNPUBLISHED))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose second month fails, and whose third is not published."""
    project = Project(tmp_path_factory.mktemp("ran"))
    project.publish(GOOD, green_files.trips(GOOD, 3))
    (project.source / green_files.source_path(BROKEN)).write_text("<html>")
    project.run(GOOD, BROKEN, UNPUBLISHED, selection="infrastructure,green_bronze")
    return project


def test_a_month_that_failed_last_is_told_and_what_it_held_stands(ran: Project) -> None:
    said = lakehouse(ran, "status", *RANGE)
    assert said.exit_code == 0
    (line,) = [line for line in said.output.splitlines() if line.startswith("failed last")]
    assert line.startswith("failed last   green_bronze of 2024-02; the version before still stands")
    assert all(len(line) <= 80 for line in said.output.splitlines() if str(ran.folder) not in line)
    told = json.loads(lakehouse(ran, "status", *RANGE, "--format", "json").output)
    assert told["failed"] == [{"asset": "green_bronze", "month": "2024-02"}]
    assert told["runs"] == {"under_way": [], "waiting": [], "dead": []}


def test_a_month_that_is_not_published_was_never_landed(ran: Project) -> None:
    said = lakehouse(ran, "status", *RANGE).output
    assert "never landed  green_bronze  2024-02 to 2024-03" in said


def test_the_checks_of_each_month_are_told(ran: Project) -> None:
    lines = [line.split() for line in lakehouse(ran, "status", *RANGE, "--checks").output.splitlines()]
    assert ["2024-01", "1", "-", "-"] in lines
    assert ["2024-03", "-", "1", "-"] in lines
    assert ["2024-03", "published"] in lines
    told = json.loads(lakehouse(ran, "status", *RANGE, "--checks", "--format", "json").output)["checks"]
    states = {(each["check"], each["month"]): each["state"] for each in told}
    assert states == {("published", "2024-01"): "passed", ("published", "2024-03"): "warned", ("fresh", None): "passed"}


def test_runs_under_way_waiting_and_dead_are_told(ran: Project) -> None:
    with ran.instance() as instance:

        def add(status: dg.DagsterRunStatus) -> str:
            tags = {"dagster/partition": "2024-01", "dagster/sensor_name": "releases"}
            run = dg.DagsterRun(job_name="__ASSET_JOB", status=status, tags=tags, remote_job_origin=ORIGIN)
            return instance.add_run(run).run_id

        alive, dead = add(dg.DagsterRunStatus.STARTED), add(dg.DagsterRunStatus.STARTED)
        queued = add(dg.DagsterRunStatus.QUEUED)
        locks = RunLocks.of(instance.root_directory)
        die_holding(locks, dead)
        with locks.held(alive):
            said = lakehouse(ran, "status", *RANGE).output
            told = json.loads(lakehouse(ran, "status", *RANGE, "--format", "json").output)["runs"]
        for run in (alive, dead, queued):
            instance.delete_run(run)
    assert f"under way     run {alive[:8]} of 2024-01 (sensor releases, since 20" in said
    assert "waiting       1 run waits in the queue, to be started by the daemon" in said
    assert f"dead          run {dead[:8]} of 2024-01 (sensor releases, since 20" in said
    assert {name: [run["run"] for run in runs] for name, runs in told.items()} == {
        "under_way": [alive],
        "waiting": [queued],
        "dead": [dead],
    }


def test_where_nothing_was_ever_run_nothing_is_said_of_runs(project: Project) -> None:
    said = lakehouse(project, "status", *RANGE)
    assert said.exit_code == 0
    assert not (project.dagster_home / "history").exists()
    assert json.loads(lakehouse(project, "status", *RANGE, "--format", "json").output)["failed"] == []


def test_status_tells_of_tables_where_the_instance_may_not_be_opened(ran: Project) -> None:
    with refused(ran.dagster_home / "history" / "runs.db"), refused(ran.dagster_home / "history"):
        said = lakehouse(ran, "status", *RANGE)
        told = json.loads(lakehouse(ran, "status", *RANGE, "--format", "json").output)
    assert (said.exit_code, said.errors) == (0, ())
    assert "bronze.green_bronze" in said.output
    assert "cannot be told of: " in said.output
    assert str(ran.dagster_home / "history" / "runs.db") in said.output
    assert (told["runs"], told["failed"]) == (None, None)
    assert "runs.db" in told["unreadable"]


def test_checks_of_a_project_that_was_never_run_are_none(project: Project) -> None:
    project.environment = {"DAGSTER_HOME": str(project.folder / "none")}
    assert lakehouse(project, "status", *RANGE, "--checks").output == "no check was ever evaluated\n"


def test_checks_of_each_month_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a_check_with_quite_a_long_name_{number}" for number in range(9)]
    write_checks(
        CheckOutcome("fhv_silver", name, GOOD, passed=False, severity="WARN", description="") for name in names
    )
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert all(name in said for name in names)
