"""``lakehouse status``: what tables and landings hold, what runs are doing, what the checks of each month said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.cli import status_output
from lakehouse.cli.broken_pipe import ended_by_the_reader
from lakehouse.cli.runs_output import RunsStatus, RunsUnreadable, write_checks
from lakehouse.exceptions import UnknownMonth
from lakehouse.partition import Month
from lakehouse.settings import newest_month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakehouse.automation.check_history import CheckOutcome
    from lakehouse.settings import Settings
    from lakehouse.warehouse.status import Status


def show_status(settings: Settings, first: Month | None, last: Month | None, style: str, *, with_checks: bool) -> bool:
    """Write it as ``table`` or ``json``; whether anything is not as it should be.

    Raises:
        UnknownMonth: the range is empty.
    """
    from lakehouse.bronze.sources import contracts_of
    from lakehouse.warehouse.profile import open_project
    from lakehouse.warehouse.status import read_status

    first, last = first or settings.first_month, last or newest_month(settings)
    if first > last:
        raise UnknownMonth(f"{first} is after {last}, the last month")
    project = open_project(settings)
    found = read_status(project.warehouse, project.models, contracts_of(project.sources), project.bronze, first, last)
    checks = _read_checks(settings, first, last) if with_checks else None
    with ended_by_the_reader():  # its exit code is asked for whoever reads
        if checks is not None and style != "json":
            write_checks(checks)
        else:
            status_output.write(found, settings, style, _read_runs(settings, found, first, last), checks)
    return bool(found.wanting or found.remarks or found.damage)


def _has_run(settings: Settings) -> bool:
    """Whether anything was ever run on the instance."""
    return (settings.dagster_home / "history").is_dir()


def _read_runs(settings: Settings, status: Status, first: Month, last: Month) -> RunsStatus | RunsUnreadable | None:
    """What the instance tells; None where nothing was ever run."""
    if not _has_run(settings):
        return None
    from lakehouse.automation.queue import runs_at_hand
    from lakehouse.automation.red_months import red_months
    from lakehouse.cli.instance import look_at_instance
    from lakehouse.machine import machine_errors, machine_fault, places

    monthly = [asset for asset in status.assets if isinstance(status.of(asset)[0].partition, Month)]
    try:
        with look_at_instance(settings) as instance:
            return RunsStatus(
                runs_at_hand(instance, datetime.now(UTC)), red_months(settings, instance, monthly, first, last)
            )
    except machine_errors() as error:
        fault = machine_fault(error, places(settings))
        if fault is None:
            raise
        return RunsUnreadable(str(fault))


def _read_checks(settings: Settings, first: Month, last: Month) -> Sequence[CheckOutcome]:
    from lakehouse.automation.check_history import check_outcomes
    from lakehouse.cli.instance import look_at_instance
    from lakehouse.definitions import build_definitions
    from lakehouse.settings import point_dlt_at_project

    if not _has_run(settings):
        return []
    point_dlt_at_project()
    with look_at_instance(settings) as instance:
        return list(check_outcomes(build_definitions(settings), instance, first, last))
