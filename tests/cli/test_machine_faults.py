"""What this machine refuses, as the commands tell it: one line, the right exit code, no traceback."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import JobFailureData
from dagster._utils.error import serializable_error_info_from_exc_info

from lakehouse.cli.outcomes import AssetFailure, StepReader
from lakehouse.partition import Month
from tests import direct, green_files
from tests.commands import lakehouse
from tests.limits import no_more_files, refused
from tests.project import Project

JANUARY = Month(2024, 1)
QUERY = ("query", "SELECT COUNT(*) AS n FROM silver.green_trips")
STATUS = ("status", "--from", "2024-01", "--to", "2024-01")
RUN = ("run", "--select", "infrastructure")


def destroy(database: Path) -> None:
    for each in database.parent.glob(f"{database.name}-*"):
        each.unlink()
    database.write_bytes(b"\xff" * 5000)


@pytest.mark.parametrize("command", [QUERY, STATUS])
def test_a_catalog_that_is_damaged_is_named(project: Project, command: tuple[str, ...]) -> None:
    project.home.mkdir()
    destroy(project.home / "catalog.db")
    result = lakehouse(project, *command)
    assert (result.exit_code, result.output) == (1, "")
    assert result.errors == (
        f"Error: {project.home}/catalog.db is damaged or cannot be read (file is not a database): put back a copy of "
        "it, or run the months again in a new LAKEHOUSE_HOME",
    )


def test_a_run_names_a_catalog_that_is_damaged_and_says_that_nothing_was_published(project: Project) -> None:
    project.home.mkdir()
    destroy(project.home / "catalog.db")
    result = lakehouse(project, *RUN)
    assert result.exit_code == 1
    (reason,) = [line.strip() for line in result.errors if "infrastructure: " in line]
    assert reason.startswith(f"infrastructure: {project.home}/catalog.db is damaged or cannot be read (file is not a d")
    assert "; nothing was published: put back a copy of it" in reason


def test_what_is_only_read_needs_no_right_to_write(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    direct.load(project, JANUARY)
    with refused(project.home), refused(project.home / "catalog.db"):
        assert lakehouse(project, *QUERY, "--format", "csv").output.split() == ['"n"', "3"]
        assert lakehouse(project, *STATUS).exit_code == 0


@pytest.mark.parametrize("name", ["runs.db", "runs/index.db"])
def test_a_database_of_dagster_s_that_is_damaged_is_named_by_a_run(project: Project, name: str) -> None:
    with project.instance():
        pass
    database = project.dagster_home / "history" / name
    destroy(database)
    result = lakehouse(project, *RUN)
    assert (result.exit_code, result.output) == (1, "")
    (line,) = result.errors
    assert line.startswith(f"Error: {database} is damaged or cannot be read (file is not a database): move it away")


def test_a_database_of_dagster_s_that_is_damaged_is_named_before_the_ui_is_started(project: Project) -> None:
    with project.instance():
        pass
    database = project.dagster_home / "history" / "runs.db"
    destroy(database)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that nothing is served if it is not named
        result = lakehouse(project, "dev", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert result.errors[0].startswith(f"Error: {database} is damaged or cannot be read")


def changed_by(project: Project, statement: str) -> Path:
    """Dagster's index of events, made and then changed by hand."""
    with project.instance():
        pass
    database = project.dagster_home / "history" / "runs" / "index.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
        connection.commit()
    return database


def test_a_table_that_dagster_lacks_is_named_with_its_database(project: Project) -> None:
    database = changed_by(project, "DROP TABLE event_logs")
    result = lakehouse(project, *RUN)
    assert result.exit_code == 1
    (line,) = result.errors
    assert line.startswith(f"Error: {database}: no such table: event_logs: if another version of Dagster made it")


def test_a_database_of_dagster_s_that_is_full_while_a_step_is_recorded_is_named(project: Project) -> None:
    database = changed_by(
        project,
        "CREATE TRIGGER full BEFORE INSERT ON event_logs WHEN NEW.dagster_event_type = 'ASSET_MATERIALIZATION' "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    )
    result = lakehouse(project, *RUN)
    assert result.exit_code == 1
    (reason,) = [line.strip() for line in result.errors if "infrastructure: " in line]
    assert reason.startswith(f"infrastructure: it could not be recorded: No space left on device: {database} (")


def test_a_run_that_could_not_be_recorded_before_its_first_step_says_why(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "runs.db")) as full:
        full.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as error:
            full.execute("CREATE TABLE much AS SELECT randomblob(100000) AS b")
    told = serializable_error_info_from_exc_info((error.type, error.value, error.tb))
    event = dg.DagsterEvent("PIPELINE_FAILURE", "all assets", event_specific_data=JobFailureData(told, None))
    failure = StepReader("a run").read(event)
    assert isinstance(failure, AssetFailure)
    assert failure.message.startswith("run: it could not be recorded: No space left on device")
    assert failure.error == "DiskFull"


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("DAGSTER_HOME", RUN),
        ("LAKEHOUSE_HOME", RUN),
        ("LAKEHOUSE_HOME", ("demo",)),
        ("LAKEHOUSE_HOME", ("sample", "publish", "2023-01")),
    ],
)
def test_a_folder_that_cannot_be_written_is_found_before_anything_runs(
    project: Project, variable: str, command: tuple[str, ...]
) -> None:
    locked = project.folder / "locked"
    (locked / "sample").mkdir(parents=True)
    with refused(locked), refused(locked / "sample"):
        result = lakehouse(project, *command, **{variable: str(locked)})
    assert (result.exit_code, result.output) == (2, "")
    assert result.errors[0].startswith(f"Error: {variable}={locked}")
    assert "cannot be written; make it writable for whoever runs this, or choose another folder" in result.errors[0]


def test_too_many_open_files_are_not_blamed_on_a_file(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    direct.load(project, JANUARY)
    assert lakehouse(project, *QUERY).exit_code == 0  # loads what is loaded on first use
    with pytest.MonkeyPatch.context() as patch, no_more_files() as limit:
        patch.setattr("lakehouse.machine.raise_open_file_limit", lambda: None)  # it would get its files
        result = lakehouse(project, *QUERY)
    assert result.exit_code == 1
    assert result.errors[0].startswith(
        f"Error: Too many open files: a process may have {limit:,} open (ulimit -n): say"
    )
