"""What the checks of an asset say in Dagster: each result is of one month, which it names.

The checks have no partitions of their own: Dagster would count a check as passed only if it passed for every month
there can be. So the count in the graph is that of the month that was made last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from lakehouse.assets.private_dagster import evaluated_statuses
from lakehouse.assets.reporting import markdown_table, noted
from lakehouse.models.checks.kinds import PUBLISHED
from lakehouse.partition import Partition
from lakehouse.results import CheckResult
from lakehouse.settings import Settings

MONTH = "month"
"""Metadata of a result: the month that it is of."""

UNCHECKED = "unchecked"
"""Metadata of a result that is repeated where there was nothing to look at."""

_RECORDS_AT_ONCE = 100


def published_spec(key: str, *, of: Collection[str]) -> dg.AssetCheckSpec:
    """The check of an asset that is made of these datasets."""
    return dg.AssetCheckSpec(
        PUBLISHED, asset=key, description=f"The month is published: there is a file of {' or '.join(sorted(of))}"
    )


def check_results(
    settings: Settings, checks: Iterable[CheckResult], partition: Partition
) -> Iterator[dg.AssetCheckResult]:
    """The results of a month's checks, with rows that fail as a sample."""
    for check in checks:
        sample = {} if check.sample is None else {"sample": markdown_table(check.sample, noted(settings, ""))}
        yield check_result(
            check.name,
            partition,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.WARN if check.severity == "warn" else dg.AssetCheckSeverity.ERROR,
            description=check.description if check.passed else f"{check.failing:,} failing: {check.description}",
            metadata={"failing": check.failing, **check.facts, **sample},
        )


def check_result(
    name: str,
    partition: Partition,
    *,
    passed: bool,
    description: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """One result, which names its month."""
    month = {} if partition.key is None else {MONTH: partition.key}
    prefix = "" if partition.key is None else f"{partition.key}: "
    return dg.AssetCheckResult(
        check_name=name,
        passed=passed,
        severity=severity,
        description=f"{prefix}{description}",
        metadata={**month, **(metadata or {})},
    )


def earlier_results(
    instance: dg.DagsterInstance, key: dg.AssetKey, names: Collection[str], run_id: str
) -> Iterator[dg.AssetCheckResult]:
    """What these checks said in the run that made an asset last, to stand where nothing was made to check.

    Without them Dagster would show a month that has nothing as one whose checks were left out. What they said of a
    month that was refused since stands for nothing: repeated, it would refuse this one.
    """
    said = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    found: dict[str, dg.AssetCheckEvaluation] = {}
    for record in said:
        event = record.event_log_entry.dagster_event
        evaluation = event.asset_check_evaluation_data if event else None
        if evaluation is not None and evaluation.asset_key == key and evaluation.check_name in names:
            found[evaluation.check_name] = evaluation
    for name, evaluation in found.items():
        yield dg.AssetCheckResult(
            check_name=name,
            passed=evaluation.passed,
            severity=evaluation.severity,
            description=evaluation.description,
            metadata={**evaluation.metadata, UNCHECKED: True},
        )


def newest_evaluation(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dg.AssetCheckEvaluation | None:
    """The newest result of a check; None if it was never evaluated."""
    history = instance.event_log_storage.get_asset_check_execution_history(check, 1, status=evaluated_statuses())
    return history[0].evaluation if history else None


def evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[dg.AssetCheckEvaluation]:
    """All results of a check, newest first; runs that came to none say nothing."""
    storage = instance.event_log_storage
    cursor: int | None = None
    while True:
        page = storage.get_asset_check_execution_history(check, _RECORDS_AT_ONCE, cursor, evaluated_statuses())
        yield from (record.evaluation for record in page if record.evaluation is not None)
        if len(page) < _RECORDS_AT_ONCE:
            return
        cursor = page[-1].id
