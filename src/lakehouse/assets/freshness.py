"""When an asset is stale: how long its source may stay silent before its check ``fresh`` warns, and fails.

Dagster's own freshness policies take the newest materialization for news, also the empty one of a month that is not
published yet. Here only what was made counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from lakehouse.bronze.source import Freshness, Source
from lakehouse.models.checks.kinds import FRESH
from lakehouse.models.model import Models, SqlModel

EMPTY = "empty"
"""Metadata of a materialization that stands for a month of which there is nothing: why."""

_RECORDS_AT_ONCE = 50


@dataclass(frozen=True)
class Made:
    """That something of an asset was made, and by which run."""

    at: datetime
    run_id: str


def strictest(sources: Collection[Source], *, is_partitioned: bool) -> Freshness | None:
    """How long an asset that is made of these sources may stay as it is; None where none of them is ever late.

    The strictest of those that come as the asset does, a period at a time or whole: the others do not make it run.
    """
    alike = [source for source in sources if source.dataset.is_partitioned == is_partitioned]
    declared = [source.freshness for source in alike or sources if source.freshness is not None]
    return min(declared, key=lambda each: (each.warn, each.fail), default=None)


def made_of(model: SqlModel, models: Models, sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources whose files a model's rows come from, by itself or by the tables it reads."""
    landed_by = models.landed_by(model)
    return tuple(source for source in sources if source.asset in landed_by)


def limits_by_asset(sources: Collection[Source], models: Models) -> dict[dg.AssetKey, Freshness]:
    """How long each asset that is ever late may stay as it is."""
    found = {source.asset: source.freshness for source in sources}
    for model in models:
        found[model.key] = strictest(made_of(model, models, sources), is_partitioned=model.is_partitioned)
    return {dg.AssetKey(key): limits for key, limits in found.items() if limits is not None}


def freshness_spec(key: str, limits: Freshness) -> dg.AssetCheckSpec:
    """The check of an asset."""
    return dg.AssetCheckSpec(
        FRESH,
        asset=key,
        description=f"Something new was made of it within {_told(limits.warn)}; it fails after {_told(limits.fail)}",
    )


def fresh_result(limits: Freshness, made: Made | None, now: datetime) -> dg.AssetCheckResult:
    """What the check says now of an asset that was last made then; None: nothing of it ever was."""
    if made is None:
        return dg.AssetCheckResult(
            check_name=FRESH,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="Nothing of it was ever made",
        )
    age = now - made.at
    passed, is_late = age < limits.warn, age >= limits.fail
    said = f"Made {made.at:%Y-%m-%d %H:%M} UTC; it may stay so for {_told(limits.warn)}"
    return dg.AssetCheckResult(
        check_name=FRESH,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if is_late else dg.AssetCheckSeverity.WARN,
        description=said if passed else f"{said}, and that was {_told(age)} ago",
        metadata={"made_at": dg.MetadataValue.timestamp(made.at)},
    )


def _told(span: timedelta) -> str:
    """A span of time as a person would say it: in days, or hours below three of them."""
    hours = span // timedelta(hours=1)
    count, unit = (span.days, "day") if span.days >= 3 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def last_made(instance: dg.DagsterInstance, key: dg.AssetKey) -> Made | None:
    """When something of an asset was made last, whatever month; what only stands for a month without any is none."""
    for record in _materializations(instance, key):
        materialization = record.asset_materialization
        if materialization is not None and EMPTY not in materialization.metadata:
            return Made(datetime.fromtimestamp(record.timestamp, UTC), record.run_id)
    return None


def _materializations(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[dg.EventLogRecord]:
    """Those of an asset, newest first."""
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(key, limit=_RECORDS_AT_ONCE, cursor=cursor)
        yield from page.records
        if not page.has_more:
            return
        cursor = page.cursor
