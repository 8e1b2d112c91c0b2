"""The project's Dagster instance: one for UI, command line and daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import dagster as dg
import yaml

from lakehouse.assets.private_dagster import open_without_captured_logs
from lakehouse.automation.dead_runs import report_dead_runs
from lakehouse.databases import name_databases_in_errors
from lakehouse.exceptions import ConfigurationError
from lakehouse.machine import require_writable
from lakehouse.settings import PROJECT_ROOT, Settings

WRITTEN = (
    *(".", ".opening.lock", ".dev.lock", "history", "history/runs.db", "history/runs", "history/runs/index.db"),
    *("schedules", "schedules/schedules.db", "runs-at-work"),
)
"""What every command that opens an instance writes there."""

_OURS = PROJECT_ROOT / "dagster.yaml"


def prepared_home(settings: Settings) -> Path:
    """Dagster's folder, made ready: one without a ``dagster.yaml`` gets a link to the project's.

    One that has its own keeps it; what it leaves out of the project's is said on standard error.

    Raises:
        ConfigurationError: the folder cannot be made or written, or its ``dagster.yaml`` cannot be read.
    """
    home = settings.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"DAGSTER_HOME={home}: cannot be made ({error.strerror})") from None
    require_writable("DAGSTER_HOME", home, WRITTEN)
    configuration, ours = home / "dagster.yaml", _OURS
    if not configuration.exists():
        with suppress(FileNotFoundError):
            configuration.unlink()  # a link to where the project was before
        with suppress(FileExistsError):  # another process was faster
            configuration.symlink_to(os.path.relpath(ours, home))
    elif missing := read_what_is_left_out(configuration):
        click.echo(
            f"{configuration}: does not say {', '.join(missing)}, which {ours} does; copy what you want of it, "
            "or remove the file and the project's is used",
            err=True,
        )
    return home


def read_what_is_left_out(configuration: Path) -> list[str]:
    """What the project's ``dagster.yaml`` says and another does not.

    Raises:
        ConfigurationError: it cannot be read.
    """
    return sorted(read_configuration(_OURS).keys() - read_configuration(configuration).keys())


def read_configuration(configuration: Path) -> dict[str, Any]:
    """What a ``dagster.yaml`` says.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        said = yaml.safe_load(configuration.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{configuration}: is not YAML ({' '.join(str(error).split())}); mend it") from None
    if not isinstance(said or {}, dict):
        raise ConfigurationError(f"{configuration}: is not a list of names and their values; mend it")
    return said or {}


def look_at_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that there is, to read from."""
    name_databases_in_errors()
    return open_without_captured_logs(settings.dagster_home)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance. Its first users make its databases in turn, and Dagster is told which runs are dead.

    Raises:
        ConfigurationError: its folder cannot be made or written.
    """
    from filelock import FileLock

    name_databases_in_errors()
    home = prepared_home(settings)
    with FileLock(home / ".opening.lock"):
        instance = open_without_captured_logs(home)
    with instance as opened:
        report_dead_runs(opened, datetime.now(UTC))
        yield opened
