"""Where we reach into Dagster for what it does not promise to keep: one place, and a test that pins what is used.

The other is ``lakehouse.automation.private_storage``, which extends Dagster's own storages.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan as PlannedSteps
    from dagster._core.execution.retries import RetryMode as Retries
    from dagster._core.launcher.base import CheckRunHealthResult
    from dagster._core.remote_origin import RemoteJobOrigin
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
    from dagster._core.storage.partition_status_cache import AssetPartitionStatus

CheckExecutionStatus: TypeAlias = "AssetCheckExecutionRecordStatus"
ExecutionPlan: TypeAlias = "PlannedSteps"
PartitionStatus: TypeAlias = "AssetPartitionStatus"
JobOrigin: TypeAlias = "RemoteJobOrigin"
RetryMode: TypeAlias = "Retries"
RunContext: TypeAlias = "PlanOrchestrationContext"
RunHealth: TypeAlias = "CheckRunHealthResult"

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


def with_optional_checks(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The same asset, whose steps may leave out what there is nothing to check of: its check is then not evaluated.

    Dagster lets steps do so that can be asked for a part of what they make, and fails all others.
    """
    for name in asset.node_check_specs_by_output_name:
        asset.op.output_def_named(name)._is_required = False
    return asset


def executed(
    definitions: dg.Definitions, run: dg.DagsterRun, instance: dg.DagsterInstance
) -> Sequence[dg.DagsterEvent]:
    """Execute a run of the job of all assets in this process; its events. A step that fails raises nothing.

    Dagster warns on the terminal of each check that a step leaves out, which is as it is to be.
    """
    import logging

    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run

    return execute_run(InMemoryJob(job_of_all_assets(definitions)), run, instance).all_events


def job_origin(workspace: Path, job: dg.JobDefinition) -> JobOrigin:
    """A job as the code location of a workspace file has it: what the UI executes again goes there."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    (location,) = location_origins_from_yaml_paths([str(workspace)])
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job.name)


def interrupts_captured() -> AbstractContextManager[None]:
    """Where an interruption waits until Dagster comes to a step, which it can end in order."""
    from dagster._utils.interrupts import capture_interrupts

    return capture_interrupts()


def open_without_captured_logs(home: Path) -> dg.DagsterInstance:
    """An instance in whose runs this process prints what it prints.

    Dagster would put it into a file of the run and copy it back through two helpers of its own, which garble a
    terminal's last line and cry out at Ctrl-C.
    """
    from dagster._core.instance.ref import InstanceRef

    reference = InstanceRef.from_dir(str(home), overrides={"compute_logs": _NOT_CAPTURED})
    return dg.DagsterInstance.from_ref(reference)


def database_revision() -> str:
    """What Dagster of this version says of its databases that they are of."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION

    configuration = Config()
    configuration.set_main_option("script_location", ALEMBIC_SCRIPTS_LOCATION)
    return str(ScriptDirectory.from_config(configuration).get_current_head())


def selection_faults() -> tuple[type[Exception], ...]:
    """What Dagster raises of a selection that it cannot read or resolve."""
    from dagster._check import CheckError

    return (dg.DagsterError, CheckError, NotImplementedError)


def is_served_by_code_location(run: dg.DagsterRun) -> bool:
    """Whether a server of code has started a run: it can be told to end it."""
    from dagster._core.storage.tags import GRPC_INFO_TAG

    return GRPC_INFO_TAG in run.tags


def run_health(*, is_alive: bool, why: str) -> RunHealth:
    """What run monitoring is told of a run's process."""
    from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

    return CheckRunHealthResult(WorkerStatus.RUNNING if is_alive else WorkerStatus.NOT_FOUND, why)


def is_left_out(status: CheckExecutionStatus) -> bool:
    """Whether a run meant to evaluate a check, and has not so far."""
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

    return status is AssetCheckExecutionRecordStatus.PLANNED


def evaluated_statuses() -> AbstractSet[CheckExecutionStatus]:
    """Those of checks that came to a result."""
    from dagster._core.storage.asset_check_execution_record import (
        COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    )

    return COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES


def is_failed(status: PartitionStatus | None) -> bool:
    """Whether a partition's newest run failed."""
    from dagster._core.storage.partition_status_cache import AssetPartitionStatus

    return status is AssetPartitionStatus.FAILED
