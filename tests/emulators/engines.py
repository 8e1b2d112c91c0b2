"""What the suite needs of an engine. Both compute from the same files, each from results of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import Landing
from lakehouse.models.model import SqlModel
from lakehouse.schema import Column


class Engine(Protocol):
    """An engine with schemas ``bronze``, ``silver``, ``gold`` and ``audit``, empty at first."""

    name: str

    def land(self, asset: str, contract: Contract, landing: Landing, file: Path) -> None:
        """Make ``bronze.<asset>`` and ``bronze.<asset>_records`` of a landed file, as its contract says."""
        ...

    def of_landed(self, asset: str, query: exp.Query) -> pa.Table:
        """The rows of a query over a landed file as it is."""
        ...

    def load(self, table: str, file: Path, columns: Sequence[Column]) -> None:
        """Make a table of a parquet file that has these columns in this order."""
        ...

    def compute(self, model: SqlModel, parameters: Mapping[str, datetime]) -> None:
        """Make a model's table and, if it has one, the table of what it rejects."""
        ...

    def audit(self, model: SqlModel, parameters: Mapping[str, datetime], times: int) -> pa.Table:
        """The row of a model's audit, of the table that :meth:`compute` made, its rows taken that many times."""
        ...

    def rows(self, query: exp.Query, parameters: Mapping[str, datetime] | None = None) -> pa.Table:
        """A query's rows, few of them; one that reads a model's audit reads the latest."""
        ...

    def table(self, name: str) -> pa.Table:
        """All rows of a table."""
        ...
