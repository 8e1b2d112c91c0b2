"""The runs that are requested for releases: of which assets, for which month, under which key."""

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from lakehouse.assets.bronze import REFETCH
from lakehouse.assets.private_dagster import AssetGraph
from lakehouse.automation.attempts import Decision, run_key, run_tags
from lakehouse.automation.polling import PolledSource
from lakehouse.partition import WHOLE, Partition, Period

Found = Mapping[PolledSource, Decision]
"""What is to be requested of one month, or of what comes whole."""


def target(datasets: Iterable[PolledSource]) -> dg.AssetSelection:
    """All assets that runs may be requested of: these datasets, what follows from them, and what that needs."""
    below = dg.AssetSelection.assets(*(dataset.asset for dataset in datasets)).downstream()
    return below | below.upstream()


class Requests:
    """Makes run requests of an asset graph; ``missing`` tells which assets were never materialized."""

    def __init__(self, graph: AssetGraph, instance: dg.DagsterInstance, *, is_new_home: bool) -> None:
        self._graph = graph
        self._instance = instance
        self._is_new_home = is_new_home

    def of(self, found: Mapping[Partition, Found]) -> Iterator[dg.RunRequest]:
        """One request a month, of all that is new of it and what follows from that.

        What comes whole and was never materialized goes along with each of them, so that a new home needs no hand.
        Otherwise it is one request of its own.
        """
        whole = found.get(WHOLE, {})
        alone = dict(whole)
        for partition in sorted((each for each in found if isinstance(each, Period)), key=str):
            below = self._below(found[partition])
            needed = self._missing_above(below)
            along = {dataset: decision for dataset, decision in whole.items() if dg.AssetKey(dataset.asset) in needed}
            for dataset in along:
                alone.pop(dataset, None)
            yield _request(below | needed, partition, {**along, **found[partition]})
        if alone:
            below = {key for key in self._below(alone) if not self._is_partitioned(key)}
            yield _request(below | self._missing_above(below), WHOLE, alone)

    def _below(self, found: Found) -> set[dg.AssetKey]:
        """Bronze and all that follows from it."""
        selection = dg.AssetSelection.assets(*(dataset.asset for dataset in found)).downstream()
        return set(selection.resolve(self._graph))

    def _missing_above(self, keys: set[dg.AssetKey]) -> set[dg.AssetKey]:
        """What these need that has no months and was never materialized."""
        above = dg.AssetSelection.assets(*keys).upstream().resolve(self._graph) - keys
        whole = {key for key in above if not self._is_partitioned(key)}
        return {key for key in whole if self._is_new_home or not self._instance.get_latest_materialization_event(key)}

    def _is_partitioned(self, key: dg.AssetKey) -> bool:
        """Whether it has months, or is made of what has."""
        family = {key, *self._graph.get_ancestor_asset_keys(key)}
        return any(self._graph.get(each).partitions_def is not None for each in family)


def _request(assets: set[dg.AssetKey], partition: Partition, found: Found) -> dg.RunRequest:
    decisions = list(found.values())
    anew = {REFETCH: "true"} if any(decision.release.is_refetch for decision in decisions) else {}
    return dg.RunRequest(
        run_key=run_key(decisions),
        tags={**run_tags(decisions), **anew},
        partition_key=partition.key,
        asset_selection=sorted(assets),
    )
