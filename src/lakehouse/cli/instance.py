"""The project's Dagster instance: one for UI, command line and daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from lakehouse.assets.private_dagster import open_without_captured_logs
from lakehouse.automation.dead_runs import report_dead_runs
from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import PROJECT_ROOT, Settings


def prepared_home(settings: Settings) -> Path:
    """Dagster's folder, made ready: a folder of the project's own gets the project's ``dagster.yaml``.

    Raises:
        ConfigurationError: the folder cannot be made.
    """
    home = settings.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"DAGSTER_HOME={home}: cannot be made ({error.strerror})") from None
    configuration = home / "dagster.yaml"
    ours = settings.sample or home == PROJECT_ROOT / ".dagster"
    if ours and not configuration.exists():
        configuration.symlink_to(os.path.relpath(PROJECT_ROOT / "dagster.yaml", home))
    return home


@contextmanager
def look_at_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that there is, to read from."""
    with open_without_captured_logs(settings.dagster_home) as instance:
        yield instance


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance. Processes that are the first to use it make its databases in turn; runs that are dead are told so.

    Raises:
        ConfigurationError: its folder cannot be made.
    """
    from filelock import FileLock

    home = prepared_home(settings)
    with FileLock(home / ".opening.lock"):
        instance = open_without_captured_logs(home)
    with instance as opened:
        report_dead_runs(opened, datetime.now(UTC))
        yield opened
