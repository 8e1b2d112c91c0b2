"""The daily schedule of what its source changes at any time, without telling when."""

from __future__ import annotations

import dagster as dg

from lakehouse.models.model import Models
from lakehouse.settings import Settings

SCHEDULE = "users_daily"


def users_schedule(settings: Settings, models: Models) -> dg.ScheduleDefinition:
    """The schedule that fetches the users every morning; six o'clock exists once on every day of the year."""
    monthly = dg.AssetSelection.assets(*(model.key for model in models if model.is_partitioned))
    status = dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=SCHEDULE,
        target=dg.AssetSelection.assets("users_bronze").downstream() - monthly,
        cron_schedule="0 6 * * *",
        execution_timezone="America/New_York",
        default_status=status,
        description="Fetches the users every day at 6:00 in New York, and computes what follows from them.",
    )
