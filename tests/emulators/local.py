"""The local engine: DuckDB and the statements that the local warehouse runs in it, without its Iceberg tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import Landing
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import SqlModel
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.local.engine import DuckDbEngine
from lakehouse.warehouse.local.landed_file import LandedFile
from lakehouse.warehouse.local.statements import ModelStatements, Statement


class DuckDb:
    """One private connection; tables are parquet files in ``folder``."""

    name = "DuckDB"

    def __init__(self, folder: Path, statements: Mapping[str, ModelStatements]) -> None:
        self._statements = statements
        self._folder = folder
        self._landed: dict[str, LandedFile] = {}
        self._engine = DuckDbEngine("1GB", 2, folder / "spill").__enter__()

    def close(self) -> None:
        self._engine.__exit__()

    def land(self, asset: str, contract: Contract, landing: Landing, file: Path) -> None:
        self._landed[asset] = LandedFile(asset, contract, landing, file)
        self._landed[asset].present(self._engine)

    def load(self, table: str, file: Path, columns: Sequence[Column]) -> None:
        self._engine.parquet_view(table, [file], columns)

    def compute(self, model: SqlModel, parameters: Mapping[str, datetime]) -> None:
        statements = self._statements[model.key]
        if model.bronze_asset is not None:
            self._landed[model.bronze_asset].present(self._engine)  # the engine knows one landed file at a time
        self._write(model.table, statements.select, parameters)
        if model.rejected is not None and statements.rejected is not None:
            self._write(model.rejected, statements.rejected, parameters)

    def audit(self, model: SqlModel, parameters: Mapping[str, datetime], times: int) -> pa.Table:
        self._engine.view(STAGED, " UNION ALL ".join([f"SELECT * FROM {model.table.name}"] * times))
        if model.rejected is not None:
            self._engine.view(REJECTED, f"SELECT * FROM {model.rejected.name}")
        audit = self._statements[model.key].audit
        return self._engine.table(audit.sql, audit.bind(parameters))

    def rows(self, query: exp.Query, parameters: Mapping[str, datetime] | None = None) -> pa.Table:
        statement = Statement.of(query)
        return self._engine.table(statement.sql, statement.bind(parameters or {}))

    def table(self, name: str) -> pa.Table:
        return self._engine.table(f"SELECT * FROM {name}", {})

    def _write(self, spec: TableSpec, statement: Statement, parameters: Mapping[str, datetime]) -> None:
        file = self._folder / f"{spec.name}.parquet"
        self._engine.copy(statement.sql, statement.bind(parameters), file)
        self._engine.parquet_view(spec.name, [file], spec.columns)
