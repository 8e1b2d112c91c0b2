"""Where we reach into Dagster for what it does not promise to keep: one place, and a test that pins what is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

AssetGraph: TypeAlias = "BaseAssetGraph[Any]"
"""Assets with their partitions, parents and ancestors."""

_NOT_CAPTURED = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}


def asset_graph(definitions: dg.Definitions) -> AssetGraph:
    """The graph of all assets."""
    return definitions.resolve_asset_graph()


def asset_graph_of(repository: dg.RepositoryDefinition) -> AssetGraph:
    """The graph of all assets of a code location, as a sensor finds it."""
    return repository.asset_graph


def job_of_all_assets(definitions: dg.Definitions) -> dg.JobDefinition:
    """The job that Dagster makes by itself, which can run any selection of assets."""
    return definitions.resolve_implicit_global_asset_job_def()


def open_without_captured_logs(home: Path) -> dg.DagsterInstance:
    """An instance in whose runs this process prints what it prints.

    Dagster would put it into a file of the run and copy it back through two helpers of its own, which garble a
    terminal's last line and cry out at Ctrl-C.
    """
    from dagster._core.instance.ref import InstanceRef

    reference = InstanceRef.from_dir(str(home), overrides={"compute_logs": _NOT_CAPTURED})
    return dg.DagsterInstance.from_ref(reference)


def selection_faults() -> tuple[type[Exception], ...]:
    """What Dagster raises of a selection that it cannot read or resolve."""
    from dagster._check import CheckError

    return (dg.DagsterError, CheckError, NotImplementedError)
