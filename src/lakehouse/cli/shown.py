"""A range of months run and shown while it goes on: what ``lakehouse run`` and ``lakehouse demo`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from lakehouse.assets.accepting import accepting_config
from lakehouse.cli.acceptances import acceptances, nothing_to_accept
from lakehouse.cli.broken_pipe import say
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
    because: str | None = None,
) -> Sequence[RunOutcome]:
    """Run what is selected for the months that it is to be run for, each in a run of its own with these tags.

    ``because`` says why the landings that are current now are accepted, where a guard holds them back.

    Raises:
        UnknownAsset, UnknownMonth: it cannot be run.
        NotLanded: there is no landing to accept.
        ConfigurationError: LAKEHOUSE_HOME or DAGSTER_HOME cannot be written.
        KeyboardInterrupt: the process was told to stop.
    """
    require_writable_home(settings)
    point_dlt_at_project()
    with sources_served(settings) as served:
        definitions = build_definitions(served.model_copy(update={"executor": "in_process"}))
        chosen = select(definitions, selection)
        months = months_of(chosen)
        accepted = {} if because is None else acceptances(served, chosen, months, because)
        config = accepting_config(accepted)
        progress = Progress(months)
        outcomes = []
        with open_instance(served) as instance, progress.shown():
            run = partial(run_months, definitions, instance, chosen, months, progress.watch)
            for outcome in run(interruption, tags, config):
                progress.finish(outcome)
                outcomes.append(outcome)
        for line in nothing_to_accept(accepted, outcomes):
            say(line)
    return outcomes
