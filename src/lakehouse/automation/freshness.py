"""The sensor that keeps checks true: time alone makes an asset stale, and a run that fails leaves some of them out."""

# Dagster reads the annotations of a sensor's function, so they are not postponed here.
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg

from lakehouse.assets.check_results import newest_evaluation
from lakehouse.assets.freshness import fresh_result, last_made, limits_by_asset
from lakehouse.assets.private_dagster import asset_graph_of
from lakehouse.automation.unanswered import said_again
from lakehouse.bronze.source import Freshness, Source
from lakehouse.models.checks.kinds import FRESH
from lakehouse.models.model import Models

SENSOR = "freshness"
_SECONDS = 300


def freshness_sensor(sources: Iterable[Source], models: Models) -> dg.SensorDefinition:
    """The sensor that evaluates freshness; it starts no runs, so it is always on."""
    limits = limits_by_asset(tuple(sources), models)

    @dg.sensor(
        name=SENSOR,
        asset_selection=dg.AssetSelection.assets(*limits),
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks how long ago each asset was made, and lets its check say so when that changes; checks that "
        "a failed run left out say again what they said before.",
    )
    def freshness(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        checks = asset_graph_of(context.repository_def).asset_check_keys if context.repository_def else set()
        again = said_again(context.instance, checks)
        changed = [*again, *_changed(context.instance, limits, _now())]
        keys = ", ".join(dict.fromkeys(evaluation.asset_key.to_user_string() for evaluation in changed))
        return dg.SensorResult(
            asset_events=changed,
            skip_reason=dg.SkipReason(f"evaluated: {keys}" if keys else "every asset is as fresh as it was"),
        )

    return freshness


def _now() -> datetime:
    return datetime.now(UTC)


def _changed(
    instance: dg.DagsterInstance, limits: dict[dg.AssetKey, Freshness], now: datetime
) -> Iterator[dg.AssetCheckEvaluation]:
    """What the checks say now where it is not what they said last; runs speak for what was never made."""
    for key, each in limits.items():
        said = newest_evaluation(instance, dg.AssetCheckKey(key, FRESH))
        made = last_made(instance, key)
        if said is None or made is None:
            continue
        result = fresh_result(each, made, now)
        if (result.passed, result.severity) != (said.passed, said.severity):
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=FRESH,
                passed=result.passed,
                severity=result.severity,
                description=result.description,
                metadata=result.metadata,
                target_materialization_data=said.target_materialization_data,
            )
