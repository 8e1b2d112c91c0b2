"""Schedules: what is fetched by the clock, because its source cannot tell whether there is something new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dagster as dg

from lakehouse.assets.partitions import monthly
from lakehouse.automation.rotation import NEWEST_MONTHS
from lakehouse.bronze.source import Scheduled, Source
from lakehouse.models.model import Models
from lakehouse.settings import Settings


def schedules(settings: Settings, sources: Iterable[Source], models: Models) -> Iterator[dg.ScheduleDefinition]:
    """The schedule of each source that declares one, of its bronze asset and what follows from it."""
    for source in sources:
        if isinstance(source.cadence, Scheduled):
            yield _schedule(settings, source, source.cadence, models)


def _schedule(settings: Settings, source: Source, cadence: Scheduled, models: Models) -> dg.ScheduleDefinition:
    below = dg.AssetSelection.assets(source.asset).downstream()
    of_months = dg.AssetSelection.assets(*(model.key for model in models if model.is_partitioned))
    is_partitioned = source.dataset.is_partitioned
    what = f"the {NEWEST_MONTHS} newest months" if is_partitioned else "all"

    def requests_of_newest_months(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        newest = monthly(settings).get_partition_keys()[-NEWEST_MONTHS:]
        if not newest:
            yield dg.SkipReason("there is no month yet: LAKEHOUSE_FIRST_MONTH lies in the future")
        for key in newest:
            yield dg.RunRequest(run_key=f"{key} at {context.scheduled_execution_time.isoformat()}", partition_key=key)

    return dg.ScheduleDefinition(
        name=f"{source.dataset.name}_{cadence.name}",
        target=below if is_partitioned else below - of_months,
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED,
        description=f"Fetches {what} of {source.dataset.name} ({cadence.cron}, {cadence.timezone}), and computes what "
        "follows from it.",
        execution_fn=requests_of_newest_months if is_partitioned else None,
    )
