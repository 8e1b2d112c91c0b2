"""A range of months run and shown while it goes on: what ``lakehouse run`` and ``lakehouse demo`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from lakehouse.cli.instance import open_instance
from lakehouse.cli.interruption import Interruption
from lakehouse.cli.outcomes import RunOutcome
from lakehouse.cli.progress import Progress
from lakehouse.cli.runs import run_months
from lakehouse.cli.selection import Selection, select
from lakehouse.definitions import build_definitions
from lakehouse.machine import require_writable_home
from lakehouse.partition import Partition
from lakehouse.sample.served import sources_served
from lakehouse.settings import Settings, point_dlt_at_project


def run_shown(
    settings: Settings,
    selection: str,
    months_of: Callable[[Selection], Sequence[Partition]],
    interruption: Interruption,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Sequence[RunOutcome]:
    """Run what is selected for the months that it is to be run for, each in a run of its own with these tags.

    Raises:
        UnknownAsset, UnknownMonth: it cannot be run.
        ConfigurationError: LAKEHOUSE_HOME or DAGSTER_HOME cannot be written.
        KeyboardInterrupt: the process was told to stop.
    """
    require_writable_home(settings)
    point_dlt_at_project()
    with sources_served(settings) as served:
        definitions = build_definitions(served.model_copy(update={"executor": "in_process"}))
        chosen = select(definitions, selection)
        months = months_of(chosen)
        progress = Progress(months)
        outcomes = []
        with open_instance(served) as instance, progress.shown():
            for outcome in run_months(definitions, instance, chosen, months, progress.watch, interruption, tags):
                progress.finish(outcome)
                outcomes.append(outcome)
    return outcomes
