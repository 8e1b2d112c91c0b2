"""Each warehouse as the shared test suite sees it: how a month is landed for it, how its files are counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq

from lakehouse.bronze import BronzeStore, Landing
from lakehouse.contracts import CONTRACTS
from lakehouse.model import Models
from lakehouse.model_file import load_models
from lakehouse.month import Month
from lakehouse.warehouse.duckdb_iceberg import DuckDbIcebergWarehouse
from lakehouse.warehouse.protocol import ReplaceResult, Warehouse
from tests import green_files


class Implementation(Protocol):
    """What the suite needs of a warehouse besides the protocol it tests."""

    def open(self, sql: Path) -> tuple[Warehouse, Models]:
        """A warehouse over this implementation's storage, with the models of a folder."""
        ...

    def land(self, month: Month, rows: Iterable[Mapping[str, Any]], era: green_files.Era) -> Landing:
        """Make a green file the current landing of a month."""
        ...

    def close(self) -> None: ...


class LocalImplementation:
    """DuckDB and Iceberg under a temporary home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._store = BronzeStore(home)
        self._opened: list[DuckDbIcebergWarehouse] = []

    def open(self, sql: Path) -> tuple[Warehouse, Models]:
        models = load_models(sql, CONTRACTS)
        warehouse = DuckDbIcebergWarehouse(self.home, models, CONTRACTS, memory_limit="500MB", threads=2)
        self._opened.append(warehouse)
        return warehouse, models

    def land(self, month: Month, rows: Iterable[Mapping[str, Any]], era: green_files.Era) -> Landing:
        with self._store.workspace() as folder:
            file = green_files.write(folder / "landed.parquet", rows, era)
            landing = Landing(
                dataset="green",
                month=str(month),
                url=file.as_uri(),
                etag=None,
                last_modified=None,
                bytes=file.stat().st_size,
                rows=pq.read_metadata(file).num_rows,
                sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
                observed_at=datetime.now(UTC),
            )
            self._store.adopt(landing, file)
        self._store.record(landing)
        return landing

    def close(self) -> None:
        for warehouse in self._opened:
            warehouse.close()


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

    def land(self, month: Month, rows: Iterable[Mapping[str, Any]], era: green_files.Era = "since 2023-02") -> Landing:
        return self.implementation.land(month, rows, era)

    def replace(self, key: str, month: Month | None) -> ReplaceResult:
        return self.warehouse.replace(self.models[key], month)

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
