"""Each warehouse as the shared test suite sees it: how a file is landed for it, how its tables are asked."""

from __future__ import annotations

import csv
import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.files import path_of
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.results import ReplaceResult
from lakehouse.schema import TableSpec
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.acceptance import Acceptance
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.query_limits import QueryLimits
from lakehouse.warehouse.store import Store
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import fhv_files, green_files, reference_files, yellow_files
from tests.loading import CONTRACTS, models_of
from tests.warehouse.memory import MemoryStore

Rows: TypeAlias = list[dict[str, Any]] | pa.Table
"""Rows of a trip file, or a table that is written as it is."""


class Implementation(Protocol):
    """What the suite needs of a warehouse besides the protocol it tests."""

    @property
    def sha256_digits(self) -> int:
        """How many digits of a landing's hash rows have."""
        ...

    def open(self, sql: Path) -> tuple[Warehouse, Models]:
        """A warehouse over this implementation's storage, with the models of a folder."""
        ...

    def land(self, asset: str, month: Partition, file: Path) -> Landing:
        """Make a file the current landing of a bronze asset, or of a month of it."""
        ...

    @property
    def bronze(self) -> BronzeStore:
        """Where files are landed."""
        ...

    def overwrite(self, landing: Landing, content: bytes) -> bytes:
        """Put something else in the place of a landed file, as damage does; what was there."""
        ...

    def forget(self, spec: TableSpec) -> None:
        """Set a table aside, damaged or not, and make it anew, empty."""
        ...

    def close(self) -> None: ...


RUN_ID = "a run of the tests"
LIMITS = QueryLimits(seconds=120, memory=2_000_000_000)


def local_store(home: Path) -> LocalStore:
    return LocalStore(home, memory_limit="500MB", threads=2, of_samples=False)


class OnStore(ABC):
    """A warehouse over a store and landed files."""

    def __init__(self, bronze: BronzeStore, contracts: Mapping[str, Contract] = CONTRACTS) -> None:
        self._contracts = contracts
        self._bronze = bronze
        self._opened: list[Warehouse] = []

    @property
    def sha256_digits(self) -> int:
        return self._store().traits.sha256_digits

    def open(self, sql: Path) -> tuple[Warehouse, Models]:
        models = models_of(sql) if self._contracts is CONTRACTS else load_models(sql, self._contracts)
        warehouse = StoreWarehouse(self._store(), self._bronze, models, self._contracts, LIMITS)
        self._opened.append(warehouse)
        return warehouse, models

    def land(self, asset: str, month: Partition, file: Path) -> Landing:
        dataset = self._contracts[asset].dataset
        landing = Landing(
            dataset=dataset.name,
            month=month.key,
            url=file.as_uri(),
            etag=None,
            last_modified=None,
            bytes=file.stat().st_size,
            rows=_count_rows(file),
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            observed_at=datetime.now(UTC),
            suffix=dataset.suffix,
        )
        with self._bronze.workspace() as folder:
            self._bronze.adopt(landing, Path(shutil.copy(file, folder)))
        self._bronze.record(landing)
        return landing

    def forget(self, spec: TableSpec) -> None:
        store = self._store()
        store.set_aside(spec, ())
        store.close()

    @property
    def bronze(self) -> BronzeStore:
        return self._bronze

    def overwrite(self, landing: Landing, content: bytes) -> bytes:
        file = path_of(self._bronze.uri(landing))
        held = file.read_bytes()
        file.write_bytes(content)
        return held

    def close(self) -> None:
        for warehouse in self._opened:
            warehouse.close()

    @abstractmethod
    def _store(self) -> Store: ...


class LocalImplementation(OnStore):
    """DuckDB and Iceberg under a temporary home."""

    def __init__(self, home: Path, contracts: Mapping[str, Contract] = CONTRACTS) -> None:
        super().__init__(LocalBronzeStore(home, of_samples=False), contracts)
        self.home = home

    def _store(self) -> Store:
        return local_store(self.home)


class MemoryImplementation(OnStore):
    """The small store of the tests: what is neutral must do with it as well."""

    def __init__(self, home: Path, contracts: Mapping[str, Contract] = CONTRACTS) -> None:
        super().__init__(LocalBronzeStore(home, of_samples=False), contracts)
        self.home = home
        self.store = MemoryStore(home / "spill")

    def _store(self) -> Store:
        return self.store


def _count_rows(file: Path) -> int:
    if file.suffix == ".parquet":
        return int(pq.read_metadata(file).num_rows)
    with file.open(encoding="utf-8-sig", newline="") as text:
        return len(list(csv.DictReader(text)))


@dataclass
class House:
    """A warehouse with its models, ready to be used by a test."""

    implementation: Implementation
    sql: Path

    def __post_init__(self) -> None:
        self.reopen()

    def reopen(self) -> None:
        """As a new process would: models read anew, nothing remembered."""
        self.warehouse, self.models = self.implementation.open(self.sql)

    def land(self, month: Month, rows: Rows, era: green_files.Era = "since 2023-02") -> Landing:
        """Land a green file."""
        return self._land("green_bronze", month, green_files.table(rows, era) if isinstance(rows, list) else rows)

    def land_yellow(self, month: Month, rows: Rows, era: yellow_files.Era = "since 2023-02") -> Landing:
        return self._land("taxi_bronze", month, yellow_files.table(rows, era) if isinstance(rows, list) else rows)

    def land_fhv(self, month: Month, rows: Rows, era: fhv_files.Era = "whole ids") -> Landing:
        return self._land("fhv_bronze", month, fhv_files.table(rows, era) if isinstance(rows, list) else rows)

    def land_users(self, *users: Mapping[str, Any]) -> Landing:
        return self._land("users_bronze", WHOLE, reference_files.users_table(users))

    def land_zones(self, csv_text: str | None = None) -> Landing:
        """Land a zone lookup, by default one with all zones."""
        file = self._new_file("csv")
        file.write_bytes((reference_files.zones_csv() if csv_text is None else csv_text).encode())
        return self.implementation.land("zones_bronze", WHOLE, file)

    def publish_zones(self) -> None:
        """Make ``silver.zones``, which trips are checked against and gold takes names from."""
        self.land_zones()
        self.replace("zones_silver", WHOLE)

    def _land(self, asset: str, month: Partition, table: pa.Table) -> Landing:
        file = self._new_file("parquet")
        pq.write_table(table, file)
        return self.implementation.land(asset, month, file)

    def _new_file(self, suffix: str) -> Path:
        folder = self.sql.parent / "published"
        folder.mkdir(exist_ok=True)
        return folder / f"{len(list(folder.iterdir()))}.{suffix}"

    def replace(self, key: str, month: Partition) -> ReplaceResult:
        return self.warehouse.replace(self.models[key], month, RUN_ID)

    def accept(self, key: str, month: Partition, landing: Landing) -> ReplaceResult:
        """Replace a month, whatever a guard says of this landing."""
        acceptance = Acceptance(landing.sha256, by="a tester", because="it is meant to be so")
        return self.warehouse.replace(self.models[key], month, RUN_ID, acceptance)

    def sha256(self, landing: Landing) -> str:
        """A landing's hash, as rows have it."""
        return landing.sha256[: self.implementation.sha256_digits]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.warehouse.query(sql).to_pylist()
        return result

    def edit(self, model: str, *changes: tuple[str, str]) -> None:
        """Change a model's file, as its author would, and reopen."""
        path = self.sql / model
        text = path.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)
        self.reopen()


@contextmanager
def house_in(folder: Path, implementation: Implementation) -> Iterator[House]:
    """An empty house over a copy of the project's models in a folder, put away afterwards."""
    shutil.copytree(PROJECT_ROOT / "sql", folder / "sql")
    try:
        yield House(implementation, folder / "sql")
    finally:
        implementation.close()
