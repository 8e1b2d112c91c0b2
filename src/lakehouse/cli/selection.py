"""Which assets and months a run is for."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import dagster as dg
from dagster import AssetSelection

from lakehouse.assets.private_dagster import asset_graph, selection_faults
from lakehouse.cli.month_ranges import require_months
from lakehouse.exceptions import UnknownAsset, UnknownMonth, first_line
from lakehouse.models.dialect import suggestion
from lakehouse.partition import WHOLE, Month, Partition, month_range

_BARE_KEY = re.compile(r'(?<![\w:"/=])(?!(?:and|or|not|sinks|roots)\b)([A-Za-z_]\w*)(?![\w:("/])')


@dataclass(frozen=True)
class Selection:
    """Assets to run, and the month partitions they have; None where none is partitioned."""

    keys: frozenset[dg.AssetKey]
    partitions: tuple[Month, ...] | None


def select(definitions: dg.Definitions, text: str) -> Selection:
    """Resolve a selection in Dagster's syntax; a bare name means ``key:name``, commas mean ``or``.

    Raises:
        UnknownAsset: it cannot be parsed, or selects nothing that exists.
    """
    graph = asset_graph(definitions)
    known = {key.to_user_string() for key in graph.get_all_asset_keys()}
    for part in text.split(","):
        for name in _BARE_KEY.findall(part):
            if name not in known:
                raise UnknownAsset(f"there is no asset {name}{suggestion(name, known)}")
    quoted = [_BARE_KEY.sub(r'key:"\1"', part.strip()) for part in text.split(",")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # about parts of the syntax, of no use to its writer
            keys = (AssetSelection.all() if quoted == ["*"] else AssetSelection.from_coercible(quoted)).resolve(graph)
    except selection_faults() as error:
        raise UnknownAsset(f"--select '{text}' cannot be used: {first_line(error)}") from None
    if not keys:
        raise UnknownAsset(f"--select '{text}' selects nothing; there is {', '.join(sorted(known))}")
    partitions = next(
        (graph.get(key).partitions_def for key in keys if graph.get(key).partitions_def is not None), None
    )
    months = None if partitions is None else tuple(map(Month.parse, partitions.get_partition_keys()))
    return Selection(frozenset(keys), months)


def made_once(definitions: dg.Definitions, selection: Selection) -> frozenset[dg.AssetKey]:
    """What of a selection runs with its first month alone: what comes whole, and is made of nothing that does not."""
    graph = asset_graph(definitions)
    monthly = {key for key in selection.keys if graph.get(key).partitions_def is not None}
    return frozenset(key for key in selection.keys if not monthly & {key, *graph.get_ancestor_asset_keys(key)})


def months_to_run(selection: Selection, first: Month | None, last: Month | None) -> tuple[Partition, ...]:
    """The months from ``first`` to ``last``; ``last`` defaults to the newest partition, ``first`` to ``last``.

    Raises:
        UnknownMonth: the range is empty, or reaches beyond the partitions.
    """
    if selection.partitions is None:
        return (WHOLE,)
    if not selection.partitions:
        raise UnknownMonth("there is no month to run yet: LAKEHOUSE_FIRST_MONTH lies in the future")
    earliest, newest = selection.partitions[0], selection.partitions[-1]
    if first is not None and last is None and first > newest:
        raise UnknownMonth(f"{first} is after {newest}, the newest month there is")
    last = last or newest
    first = first or last
    if first > last:
        raise UnknownMonth(f"--from {first} is after --to {last}")
    require_months(first, last, earliest, newest)
    return tuple(month_range(first, last))
