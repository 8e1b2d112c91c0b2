"""The ``lakehouse`` command run in the test's own process, and what is left to read afterwards."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import dagster as dg
from click.testing import CliRunner
from dagster import AssetPartitionStatus
from sqlalchemy import event
from sqlalchemy.engine import Engine

from lakehouse.assets.partitions import monthly
from lakehouse.automation.private_storage import KeptStorage
from lakehouse.bronze.store import Landing
from lakehouse.cli.main import main
from lakehouse.models.model import Models
from lakehouse.partition import Month
from lakehouse.warehouse.local import tables
from lakehouse.warehouse.local.records import IcebergRecords
from lakehouse.warehouse.profile import open_warehouse
from lakehouse.warehouse.protocol import Warehouse
from tests.loading import CONTRACTS, models_of
from tests.project import GREEN_PIPELINE, Project

_HIDDEN_BY_PYTHON = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@contextmanager
def sqlite_without_fsync() -> Iterator[None]:
    """Dagster commits some 250 times a run, and waits for the disk each time.

    Only a loss of power would tell the difference: locks, atomicity and what a killed process leaves are the same.
    """

    def relax(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", relax)
    try:
        with patch.object(tables, "_SYNCHRONOUS", "OFF"):
            yield
    finally:
        event.remove(Engine, "connect", relax)


@contextmanager
def new_instances_copied() -> Iterator[None]:
    """Dagster makes an instance's databases table by table, which takes 0.3 s: once is enough for a process."""
    make = KeptStorage.from_local.__func__  # type: ignore[attr-defined]

    @cache
    def made() -> Path:
        folder = Path(mkdtemp())
        atexit.register(shutil.rmtree, folder)
        storage: KeptStorage = make(KeptStorage, str(folder))
        storage.event_log_storage.get_records_for_run("any")  # has the empty database of a run made
        storage.dispose()
        (folder / "history" / "runs" / "any.db").unlink()
        return folder

    def from_local(cls: type[KeptStorage], base_dir: str, inst_data: Any = None) -> KeptStorage:
        if not any(Path(base_dir, name).exists() for name in ("history", "schedules")):
            shutil.copytree(made(), base_dir, dirs_exist_ok=True)
        storage: KeptStorage = make(cls, base_dir, inst_data)
        return storage

    with patch.object(KeptStorage, "from_local", classmethod(from_local)):
        yield


@contextmanager
def dagster_in_memory() -> Iterator[None]:
    """Runs and commands of this process share a Dagster instance without files, which takes half the time."""
    with dg.DagsterInstance.ephemeral() as instance:

        @contextmanager
        def shared(_: object) -> Iterator[dg.DagsterInstance]:
            yield instance

        with (
            patch.object(dg.DagsterInstance, "from_config", shared),
            patch.object(dg.DagsterInstance, "from_ref", shared),
        ):
            yield


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Command:
    """What a command printed and its exit code; warnings stand in ``errors`` as a person would see them."""

    exit_code: int
    output: str
    errors: tuple[str, ...]


def lakehouse(project: Project, *arguments: str, given: str | bytes = "", **environment: str) -> Command:
    """``lakehouse`` with these arguments and the project's environment, without the start-up of a process.

    It is ``given`` this by standard input.
    """
    wanted = {**project.command_environment(), **environment}
    others = {name: None for name in os.environ if name not in wanted}
    with warnings.catch_warnings(record=True) as noise:
        warnings.simplefilter("default")
        for category in _HIDDEN_BY_PYTHON:
            warnings.simplefilter("ignore", category)
        result = CliRunner().invoke(main, arguments, env={**others, **wanted}, input=given, prog_name="lakehouse")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception  # a person would see a traceback
    said = [str(warning.message) for warning in noise]
    return Command(result.exit_code, result.stdout, (*said, *result.stderr.splitlines()))


def run(project: Project, first: Month, last: Month | None = None, **environment: str) -> Command:
    """``lakehouse run`` of the green pipeline for a range of months."""
    return lakehouse(project, *run_arguments(first, last or first), **environment)


def run_arguments(first: Month, last: Month) -> tuple[str, ...]:
    """Arguments that run the green pipeline for a range of months."""
    return ("run", "--from", str(first), "--to", str(last), "--select", GREEN_PIPELINE)


@dataclass(frozen=True)
class Held:
    """What a month's published tables answer: rows and sums of silver and of gold, which counts silver's rows."""

    silver_rows: int
    silver_total: Decimal | None
    gold_rows: int
    gold_total: Decimal | None


def held_query(month: Month) -> str:
    """One row of the columns of :class:`Held`."""
    return f"""
        SELECT silver_rows, silver_total, gold_rows, gold_total
        FROM (
          SELECT COUNT(*) AS silver_rows, SUM(total_amount) AS silver_total
          FROM silver.green_trips
          WHERE pickup_at >= DATETIME '{month.first_day}' AND pickup_at < DATETIME '{month.next().first_day}'
        ) AS silver
        CROSS JOIN (
          SELECT COALESCE(SUM(trip_count + reversal_count), 0) AS gold_rows, SUM(total_amount) AS gold_total
          FROM gold.green_trips_by_payment_type
          WHERE month = DATE '{month.first_day}'
        ) AS gold"""


def held(project: Project, month: Month) -> Held:
    """What the project's tables answer now."""
    return Held(**_rows(project, held_query(month))[0])


def of(rows: int, total: str | None) -> Held:
    """A month whose gold agrees with its silver."""
    amount = None if total is None else Decimal(total)
    return Held(rows, amount, rows, amount)


def ledger(project: Project, month: Month) -> list[dict[str, Any]]:
    """The month's rows of ``silver.row_ledger``."""
    return _rows(
        project,
        "SELECT bronze_sha256, bronze_rows, silver_rows, duplicate_copies, rejected_rows, is_balanced "
        f"FROM silver.row_ledger WHERE month = DATE '{month.first_day}' ORDER BY bronze_rows, silver_rows",
    )


def landed(project: Project, month: Month) -> Landing:
    """The month's current landing."""
    landing = project.bronze.current("green", month)
    assert landing is not None
    return landing


def data_files(project: Project, month: Month) -> dict[str, int]:
    """How many data files each green table has for a month."""
    models = models_of(project.sql)
    with project.tables() as tables:
        records = IcebergRecords(tables)
        return {
            spec.name: len(records.paths(spec, month))
            for model in (models["green_silver"], models["green_gold"])
            for spec in (model.table, model.rejected)
            if spec is not None
        }


@contextmanager
def opened(project: Project) -> Iterator[tuple[Warehouse, Models]]:
    """A warehouse of the project's own, and its models."""
    models = models_of(project.sql)
    warehouse = open_warehouse(project.settings(), models, CONTRACTS, project.bronze)
    try:
        yield warehouse, models
    finally:
        warehouse.close()


def _rows(project: Project, sql: str) -> list[dict[str, Any]]:
    with opened(project) as (warehouse, _):
        return list(warehouse.query(sql).to_pylist())


def statuses(project: Project, asset: str, *months: Month) -> Mapping[str, AssetPartitionStatus | None]:
    """Dagster's status of an asset's partitions."""
    with project.instance() as instance:
        found = instance.get_status_by_partition(
            dg.AssetKey(asset), [str(month) for month in months], monthly(project.settings())
        )
    assert found is not None
    return found
