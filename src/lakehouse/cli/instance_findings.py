"""What is looked at of Dagster's instance; it is not opened, as that would make what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lakehouse.assets.private_dagster import database_revision
from lakehouse.cli.instance import WRITTEN, read_configuration, read_what_is_left_out
from lakehouse.exceptions import LakehouseError
from lakehouse.findings.database import first_value
from lakehouse.findings.finding import Finding, fault, ok, told, warning
from lakehouse.machine import require_writable
from lakehouse.settings import Settings

_FOLDER, _CONFIGURATION, _DATABASE = "Dagster's folder", "dagster.yaml", "Dagster's database"
_DATABASES = {"history/runs.db": "runs", "history/runs/index.db": "event_logs", "schedules/schedules.db": "jobs"}
"""Each with a table that it has."""


def instance_findings(settings: Settings) -> Iterator[Finding]:
    """A line for each thing."""
    home = settings.dagster_home
    try:
        require_writable("DAGSTER_HOME", home, WRITTEN)
    except LakehouseError as error:
        yield told(_FOLDER, error)
    else:
        yield ok(_FOLDER, f"DAGSTER_HOME={home}" if home.exists() else f"DAGSTER_HOME={home}: is not there yet")
    try:
        yield from _of_what_is_there(home)
    except OSError as error:
        found = f"DAGSTER_HOME={home}: {error.filename} cannot be read ({error.strerror})"
        yield fault(_FOLDER, found, "make it readable for whoever runs this, or choose another folder")


def _of_what_is_there(home: Path) -> Iterator[Finding]:
    has_own_storage = False
    configuration = home / "dagster.yaml"
    if configuration.exists():
        try:
            has_own_storage = "storage" in read_configuration(configuration)
            yield _configuration(configuration)
        except LakehouseError as error:
            yield told(_CONFIGURATION, error)
        except OSError as error:
            yield fault(_CONFIGURATION, f"{configuration}: cannot be read ({error.strerror})", "make it readable")
    else:
        yield ok(_CONFIGURATION, "is not there yet; a command links the project's")
    if has_own_storage:
        yield ok(_DATABASE, "dagster.yaml names a storage of its own, which is not looked at here")
    else:
        yield from _databases(home)


def _configuration(configuration: Path) -> Finding:
    if missing := read_what_is_left_out(configuration):
        return warning(
            _CONFIGURATION,
            f"{configuration} does not say {', '.join(missing)}, which the project's does",
            "copy what you want of it, or remove the file and the project's is used",
        )
    return ok(_CONFIGURATION, str(configuration))


def _databases(home: Path) -> Iterator[Finding]:
    there = [name for name in _DATABASES if (home / name).exists()]
    if not there:
        yield ok(_DATABASE, "there is none yet; a run makes it")
        return
    wanted = database_revision()
    for name in there:
        yield _database(home, name, wanted)


def _database(home: Path, name: str, wanted: str) -> Finding:
    what, file = f"{_DATABASE} {name}", home / name
    try:
        held = first_value(file, "SELECT version_num FROM alembic_version", home)
        first_value(file, f"SELECT 1 FROM {_DATABASES[name]} LIMIT 1", home)  # noqa: S608  ours
    except LakehouseError as error:
        return told(what, error)
    if held != wanted:
        return fault(what, f"is of revision {held}, and this Dagster's is {wanted}", "say dagster instance migrate")
    return ok(what, f"can be read, and is of this Dagster's revision, {wanted}")
