"""In which order models are read: after those whose tables they read."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Protocol, TypeVar

from lakehouse.exceptions import ModelError
from lakehouse.models import dialect


class ModelTables(Protocol):
    """A model's file, and which tables it ties together."""

    @property
    def path(self) -> Path: ...

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def makes(self) -> tuple[str, ...]:
        """Tables it writes."""
        ...

    @property
    def reads(self) -> frozenset[str]:
        """Tables that its SELECT and its checks read."""
        ...


M = TypeVar("M", bound=ModelTables)


def without(sources: list[M], tables: AbstractSet[str]) -> list[M]:
    """The models that neither read these tables nor what is made of them."""
    kept = [source for source in sources if not tables & source.reads]
    if len(kept) == len(sources):
        return kept
    gone = {table for source in sources if source not in kept for table in source.makes}
    return without(kept, tables | gone)


def in_order(sources: list[M], bronze: AbstractSet[str]) -> Iterator[M]:
    """The models, each after those whose tables it reads; ``bronze`` are the tables that are there without one.

    Raises:
        ModelError: two make the same table or asset, one reads what nothing makes, or they read each other in a circle.
    """
    makers: dict[str, M] = {}
    for source in sources:
        for table in source.makes:
            if table in makers:
                raise ModelError(f"{source.name}: table {table} is already made by {makers[table].name}")
            makers[table] = source
    if len({source.path.stem for source in sources}) != len(sources):
        raise ModelError("two models have the same file name; the file name is the asset's key")
    graph = {}
    for source in sources:
        for table in source.reads - makers.keys() - bronze:
            near = dialect.suggestion(table, {*makers, *bronze})
            raise ModelError(f"{source.name}: there is no table {table}{near}")
        graph[source.path] = {makers[table].path for table in source.reads if table in makers}
    by_path = {source.path: source for source in sources}
    try:
        return iter([by_path[path] for path in TopologicalSorter(graph).static_order()])
    except CycleError as error:
        cycle = " → ".join(path.stem for path in error.args[1])
        raise ModelError(f"models read each other in a circle: {cycle}") from None
