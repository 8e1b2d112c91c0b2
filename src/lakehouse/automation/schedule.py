"""Schedules: what is fetched by the clock, because its source cannot tell whether there is something new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dagster as dg

from lakehouse.bronze.source import Scheduled, Source
from lakehouse.models.model import Models
from lakehouse.settings import Settings, newest_month


def schedules(settings: Settings, sources: Iterable[Source], models: Models) -> Iterator[dg.ScheduleDefinition]:
    """The schedule of each source that declares one, of its bronze asset and what follows from it."""
    for source in sources:
        if isinstance(source.cadence, Scheduled):
            yield _schedule(settings, source, source.cadence, models)


def _schedule(settings: Settings, source: Source, cadence: Scheduled, models: Models) -> dg.ScheduleDefinition:
    below = dg.AssetSelection.assets(source.asset).downstream()
    monthly = dg.AssetSelection.assets(*(model.key for model in models if model.is_partitioned))
    is_partitioned = source.dataset.is_partitioned
    what = f"the newest month of {source.dataset.name}" if is_partitioned else f"the {source.dataset.name}"

    def requests_of_newest_month(_: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=newest_month(settings).key)

    return dg.ScheduleDefinition(
        name=f"{source.dataset.name}_{cadence.name}",
        target=below if is_partitioned else below - monthly,
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED,
        description=f"Fetches {what} ({cadence.cron}, {cadence.timezone}), and computes what follows from it.",
        execution_fn=requests_of_newest_month if is_partitioned else None,
    )
