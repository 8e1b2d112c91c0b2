"""What one month of one model is computed from: a landed file, or published files of other tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakehouse import dialect
from lakehouse.bronze import BronzeStore
from lakehouse.contracts import Contract
from lakehouse.exceptions import NotLanded
from lakehouse.model import PARTITION_END, PARTITION_START, Models, SqlModel
from lakehouse.month import Month
from lakehouse.schema import TableSpec
from lakehouse.warehouse.duckdb_engine import DuckDbEngine
from lakehouse.warehouse.duckdb_statements import ModelStatements
from lakehouse.warehouse.iceberg_tables import IcebergTables
from lakehouse.warehouse.landed_month import LandedMonth

_WRITER_VERSION = 1
"""Part of every fingerprint: raise it when the way files are written changes what is in them."""

_FINGERPRINT_DIGITS = 16


@dataclass(frozen=True)
class UpstreamTable:
    """A table that a model or its checks read: the files of the month in hand, of all months if it has none."""

    spec: TableSpec
    files: tuple[Path, ...]
    is_computed_from: bool
    """False for a table that only checks read: checks run every time, so it need not make a month new."""


@dataclass(frozen=True)
class MonthInputs:
    """Inputs and parameters of one month of one model."""

    month: Month | None
    landed: LandedMonth | None
    upstream: tuple[UpstreamTable, ...]

    @classmethod
    def find(
        cls,
        model: SqlModel,
        month: Month | None,
        *,
        models: Models,
        contracts: Mapping[str, Contract],
        bronze: BronzeStore,
        tables: IcebergTables,
    ) -> MonthInputs:
        """What there is for a month now.

        Raises:
            NotLanded: nothing that the model reads has anything for the month, though it should.
        """
        landed = None
        if model.bronze is not None and month is not None:
            landed = LandedMonth.find(bronze, model.bronze, contracts[model.bronze], month)
        upstream = []
        for table in sorted({*model.references, *(read for check in model.checks for read in check.reads())}):
            spec = models.spec(table)
            if spec is not None:
                files = tables.published(spec, month if spec.partition else None).files
                upstream.append(UpstreamTable(spec, tuple(sorted(files)), is_computed_from=table in model.references))
        inputs = cls(month, landed, tuple(upstream))
        inputs._require_something(model, models, contracts)
        return inputs

    @property
    def parameters(self) -> dict[str, object]:
        """Values of the parameters of a partitioned model."""
        if self.month is None:
            return {}
        return {PARTITION_START: self.month.start, PARTITION_END: self.month.end}

    def fingerprint(self, statements: ModelStatements) -> str:
        """Equal for equal statements on equal inputs: what need not be computed twice."""
        what = [
            _WRITER_VERSION,
            str(self.month),
            statements.select.sql,
            statements.rejected.sql if statements.rejected else None,
            dialect.render(self.landed.projection.select, "duckdb") if self.landed else None,
            self.landed.sha256 if self.landed else None,
            {t.spec.name: [content_of(file) for file in t.files] for t in self.upstream if t.is_computed_from},
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:_FINGERPRINT_DIGITS]

    def present(self, engine: DuckDbEngine) -> None:
        """Name all inputs as the model's statements call them."""
        if self.landed is not None:
            self.landed.present(engine)
        for table in self.upstream:
            engine.parquet_view(table.spec.name, table.files, table.spec.columns)

    def _require_something(self, model: SqlModel, models: Models, contracts: Mapping[str, Contract]) -> None:
        read = [table for table in self.upstream if table.is_computed_from]
        if self.month is None or not read or any(table.files for table in read):
            return
        missing = []
        for table in read:
            maker = models.by_table(table.spec.name)
            # A landed month always has rows; what is made of other tables may rightly be empty.
            if maker and maker.bronze and self.month >= contracts[maker.bronze].dataset.began:
                missing.append(maker)
        if len(missing) == len(read):
            keys = ", ".join(maker.key for maker in missing)
            names = ", ".join(maker.table.name for maker in missing)
            raise NotLanded(
                f"{model.key} {self.month}: {names} has nothing for {self.month}: materialize {keys} for it first"
            )


def content_of(file: Path) -> str:
    """The content part of a data file's name ``<fingerprint>-<content>.parquet``."""
    return file.stem.partition("-")[2]
