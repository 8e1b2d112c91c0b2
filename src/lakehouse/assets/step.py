"""What one step tells Dagster of a partition of an asset: that it was made, or why there is nothing to make."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lakehouse.assets.check_results import check_result, earlier_results
from lakehouse.assets.freshness import EMPTY, Made, fresh_result, last_made
from lakehouse.bronze.source import Freshness
from lakehouse.models.checks.kinds import DATASETS_PRESENT, FRESH, PUBLISHED
from lakehouse.partition import Partition, Period

UNPUBLISHED = "not published"
"""Why there is nothing of a month: its source has no file of it (yet). It is asked for again, and then made."""

NOT_BEGUN = "had not begun"
"""Why there is nothing of a month: its dataset began later."""


@dataclass(frozen=True)
class AssetStep:
    """A step of a run that makes ``partition`` of an asset with these checks."""

    context: dg.AssetExecutionContext
    key: dg.AssetKey
    partition: Partition
    specs: Collection[dg.AssetCheckSpec]
    limits: Freshness | None

    @property
    def checks(self) -> set[str]:
        return {spec.name for spec in self.specs}

    def made(
        self,
        data_version: str,
        metadata: Mapping[str, Any],
        results: Iterable[dg.AssetCheckResult] = (),
        withdrawn: str | None = None,
    ) -> dg.MaterializeResult[Any]:
        """It was made, or is as it should be; ``withdrawn`` says that its source serves it no more."""
        now = Made(datetime.now(UTC), self.context.run.run_id)
        return dg.MaterializeResult(
            asset_key=self.key,
            data_version=dg.DataVersion(data_version),
            metadata=metadata,
            # Results that come with the materialization are linked to it, not to the one before.
            check_results=[*results, *self._published(withdrawn), *self._fresh(now)],
        )

    def failed(self, results: Iterable[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckResult]:
        """It was computed, and its checks keep it from being published."""
        yield from results
        yield from self._published(None)
        yield from self._fresh(last_made(self.context.instance, self.key))

    def empty(self, why: str, words: str, metadata: Mapping[str, Any]) -> dg.MaterializeResult[Any]:
        """There is nothing of the month, which fails nothing: what follows is made of what else there is.

        Dagster skips what follows from a step that made nothing, so there is an empty materialization. Its checks
        still say what they said of the month that was made last, but for the one that tells that it is unpublished;
        where nothing was ever made, they are not evaluated.
        """
        said = {PUBLISHED, DATASETS_PRESENT}.intersection(self.checks) if why == UNPUBLISHED else set()
        warnings = [check_result(name, self.partition, passed=False, description=words) for name in sorted(said)]
        others = self.checks - {FRESH, *said}
        made = last_made(self.context.instance, self.key)
        earlier = [] if made is None else list(earlier_results(self.context.instance, self.key, others, made.run_id))
        can_be_late = made is not None or why != NOT_BEGUN
        fresh = self._fresh(made) if can_be_late else ()
        rows = {"dagster/row_count": 0}
        if isinstance(self.partition, Period):
            rows["dagster/partition_row_count"] = 0
        return dg.MaterializeResult(
            asset_key=self.key,
            data_version=dg.DataVersion(why),
            metadata={**rows, EMPTY: why, "note": words, **metadata},
            check_results=[*warnings, *earlier, *fresh],
        )

    def _published(self, withdrawn: str | None) -> Iterator[dg.AssetCheckResult]:
        if PUBLISHED in self.checks:
            words = withdrawn or "a file of it is landed"
            yield check_result(PUBLISHED, self.partition, passed=withdrawn is None, description=words)

    def _fresh(self, made: Made | None) -> Iterator[dg.AssetCheckResult]:
        if self.limits is not None:
            yield fresh_result(self.limits, made, datetime.now(UTC))


def why_empty(instance: dg.DagsterInstance, key: dg.AssetKey, partition: Partition) -> str | None:
    """Why the newest materialization of a month stands for nothing; None if it holds something, or there is none.

    Of the whole of an asset: why the newest of any month does, where none ever held anything.
    """
    if isinstance(partition, Period):
        of_month = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition.key])
        newest = instance.fetch_materializations(of_month, limit=1).records
    else:
        newest = [] if last_made(instance, key) else instance.fetch_materializations(key, limit=1).records
    for record in newest:
        if record.asset_materialization is not None and EMPTY in record.asset_materialization.metadata:
            return str(record.asset_materialization.metadata[EMPTY].value)
    return None
