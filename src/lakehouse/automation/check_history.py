"""What the checks of each month said last, as Dagster's events tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from lakehouse.assets.check_results import MONTH, UNCHECKED, evaluations
from lakehouse.assets.private_dagster import asset_graph
from lakehouse.partition import WHOLE, Month, Partition, partition_of


@dataclass(frozen=True)
class CheckOutcome:
    """The newest result of one check of an asset for a month, or of what comes whole."""

    asset: str
    check: str
    partition: Partition
    passed: bool
    severity: str
    description: str

    @property
    def state(self) -> str:
        """``passed``, ``warned`` or ``failed``."""
        if self.passed:
            return "passed"
        return "warned" if self.severity == dg.AssetCheckSeverity.WARN.value else "failed"


def check_outcomes(
    definitions: dg.Definitions, instance: dg.DagsterInstance, first: Month, last: Month
) -> Iterator[CheckOutcome]:
    """Those of all assets from ``first`` to ``last``, each asset's together."""
    for check in sorted(asset_graph(definitions).asset_check_keys, key=lambda each: each.to_user_string()):
        seen: set[Partition] = set()
        for evaluation in evaluations(instance, check):
            if WHOLE in seen:
                break
            month = evaluation.metadata.get(MONTH)
            partition = partition_of(None if month is None else str(month.value))
            if (
                UNCHECKED in evaluation.metadata
                or partition in seen
                or (isinstance(partition, Month) and not first <= partition <= last)
            ):
                continue
            seen.add(partition)
            yield CheckOutcome(
                asset=check.asset_key.to_user_string(),
                check=check.name,
                partition=partition,
                passed=evaluation.passed,
                severity=evaluation.severity.value,
                description=evaluation.description or "",
            )
