"""The composition root: settings → resources → assets → Definitions."""

from __future__ import annotations

import warnings

import dagster as dg
from dagster_dlt import DagsterDltResource

from lakehouse.assets.bronze import bronze_assets
from lakehouse.assets.infrastructure import infrastructure_asset
from lakehouse.assets.sql_models import sql_model_asset
from lakehouse.automation.executor import locking
from lakehouse.automation.freshness import freshness_sensor
from lakehouse.automation.schedule import schedules
from lakehouse.automation.sensor import release_sensor
from lakehouse.bronze.mistyped import mistyped_variables
from lakehouse.settings import Settings, load_settings, point_dlt_at_project, require_own_instance
from lakehouse.warehouse.profile import open_project


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything Dagster needs to know, for these settings."""
    project = open_project(settings)
    models = project.models
    executor = locking(dg.in_process_executor if settings.executor == "in_process" else dg.multiprocess_executor)
    with warnings.catch_warnings():
        # Backfill policies are marked beta; one month a run needs them.
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.Definitions(
            assets=[
                infrastructure_asset(settings, models),
                *bronze_assets(settings, project.sources),
                *(sql_model_asset(settings, models, model, project.sources) for model in models),
            ],
            sensors=[
                release_sensor(settings, project.sources, project.bronze),
                freshness_sensor(project.sources, models),
            ],
            schedules=list(schedules(settings, project.sources, models)),
            resources={
                "dlt": DagsterDltResource(),
                "warehouse": project.warehouse,
                "bronze_store": project.bronze,
            },
            executor=executor,
        )


@dg.definitions
def defs() -> dg.Definitions:
    """What ``dagster`` loads."""
    point_dlt_at_project()
    settings = load_settings()
    require_own_instance(settings)
    for line in mistyped_variables():
        dg.get_dagster_logger().warning(line)
    return build_definitions(settings)
