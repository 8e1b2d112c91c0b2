"""The local engine: a session of the local store, in which a scenario's tables are staged and none is published."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import WHOLE
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.landed_input import LandedInput
from lakehouse.warehouse.local.store import LocalStore
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Work
from tests.emulators.compiled import compiled


class DuckDb:
    """One session, over a home in ``folder``."""

    name = "DuckDB"

    def __init__(self, folder: Path, models: Models) -> None:
        home = folder / "home"
        self._store = LocalStore(home, memory_limit="1GB", threads=2, of_samples=False)
        self._statements = compiled(models, self._store.tie_breaker)
        self._bronze = LocalBronzeStore(home, of_samples=False)
        self._landed: dict[str, LandedInput] = {}
        self._opened = ExitStack()
        work = Work("scenario", WHOLE, "")
        self._session = self._opened.enter_context(self._store.session(work, self._store.records()))

    def close(self) -> None:
        self._opened.close()

    def land(self, asset: str, contract: Contract, landing: Landing, file: Path) -> None:
        with self._bronze.workspace() as folder:
            self._bronze.adopt(landing, Path(shutil.copy(file, folder)))
        self._landed[asset] = LandedInput(
            asset, contract, landing, self._bronze, rejects=contract.dataset.is_partitioned
        )
        self._relate(asset)

    def of_landed(self, asset: str, query: exp.Query) -> pa.Table:
        self._relate(asset)
        return self._session.rows(Statement(query), {})

    def load(self, table: str, file: Path, columns: Sequence[Column]) -> None:  # noqa: ARG002 - the file has them
        self._session.relate(table, pq.read_table(file))

    def compute(self, model: SqlModel, parameters: Mapping[str, datetime]) -> None:
        statements = self._statements[model.key]
        if model.bronze_asset is not None:
            self._relate(model.bronze_asset)  # the session knows one landed file at a time
        self._stage(model.table, statements.select, parameters)
        if model.rejected is not None and statements.rejected is not None:
            self._stage(model.rejected, statements.rejected, parameters)

    def audit(self, model: SqlModel, parameters: Mapping[str, datetime], times: int) -> pa.Table:
        rows = " UNION ALL ".join([f"SELECT * FROM {model.table.name}"] * times)
        self._session.relate(STAGED, dialect.parse(rows, "staged", QueryError))
        if model.rejected is not None:
            self._session.relate(REJECTED, dialect.all_of(model.rejected.name))
        return self._session.rows(self._statements[model.key].audit, parameters)

    def rows(self, query: exp.Query, parameters: Mapping[str, datetime] | None = None) -> pa.Table:
        return self._session.rows(Statement(query), parameters or {})

    def table(self, name: str) -> pa.Table:
        return self._session.rows(Statement(dialect.all_of(name)), {})

    def _relate(self, asset: str) -> None:
        self._landed[asset].relate(self._session, self._store.tie_breaker)

    def _stage(self, spec: TableSpec, statement: Statement, parameters: Mapping[str, datetime]) -> None:
        self._session.stage(spec.name, spec, statement, parameters)
