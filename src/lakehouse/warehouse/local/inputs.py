"""What one month of one model is computed from: a landed file, or published files of other tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import NotLanded
from lakehouse.models import dialect
from lakehouse.models.model import PARTITION_END, PARTITION_START, Models, SqlModel
from lakehouse.month import Month
from lakehouse.schema import TableSpec
from lakehouse.warehouse.local.engine import DuckDbEngine
from lakehouse.warehouse.local.landed_file import Drift, LandedFile
from lakehouse.warehouse.local.statements import ModelStatements
from lakehouse.warehouse.local.tables import Published

_WRITER_VERSION = 2
"""Part of every fingerprint: raise it when the way files are written changes what is in them."""

_FINGERPRINT_DIGITS = 16


class PublishedTables(Protocol):
    """Tells what tables hold."""

    def published(self, spec: TableSpec, month: Month | None = None) -> Published:
        """Data files of a month, or of the whole table if ``month`` is None or it is not partitioned."""
        ...


@dataclass(frozen=True)
class UpstreamTable:
    """A table that a model or its checks read: the files of the month in hand, of all months if it has none."""

    spec: TableSpec
    files: tuple[Path, ...]
    is_computed_from: bool
    """False for a table that only checks read: checks run every time, so it need not make a month new."""
    was_published: bool
    """Whether anything was ever published in it, for this month or another."""


@dataclass(frozen=True)
class MonthInputs:
    """Inputs and parameters of one month of one model."""

    month: Month | None
    landed: LandedFile | None
    upstream: tuple[UpstreamTable, ...]
    absent: tuple[SqlModel, ...]
    """Models whose tables it is computed from that have nothing for the month, though their datasets had begun."""

    @classmethod
    def find(
        cls,
        model: SqlModel,
        month: Month | None,
        *,
        models: Models,
        contracts: Mapping[str, Contract],
        bronze: BronzeStore,
        tables: PublishedTables,
    ) -> MonthInputs:
        """What there is for a month now.

        Raises:
            NotLanded: nothing that the model reads has anything for the month, though it should.
        """
        landed = None
        if model.bronze_asset is not None:
            landed = LandedFile.find(bronze, model.bronze_asset, contracts[model.bronze_asset], month)
        upstream = []
        for table in sorted({*model.references, *(read for check in model.checks for read in check.reads())}):
            spec = models.spec(table)
            if spec is not None:
                published = tables.published(spec, month if spec.partition else None)
                upstream.append(
                    UpstreamTable(
                        spec,
                        tuple(sorted(published.files)),
                        is_computed_from=table in model.references,
                        was_published=published.snapshot is not None,
                    )
                )
        inputs = cls(month, landed, tuple(upstream), _absent(month, upstream, models, contracts))
        inputs._require_something(model)
        return inputs

    def present_datasets(self, combined: Sequence[SqlModel]) -> tuple[SqlModel, ...]:
        """Of the models that are put together, those whose tables have something for the month."""
        filled = {table.spec for table in self.upstream if table.files}
        return tuple(model for model in combined if model.table in filled)

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

    def present(self, engine: DuckDbEngine) -> Drift | None:
        """Name all inputs as the model's statements call them; how the landed file drifts, if there is one.

        Raises:
            ContractViolation: the landed file does not fit its contract.
        """
        for table in self.upstream:
            engine.parquet_view(table.spec.name, table.files, table.spec.columns)
        return self.landed.present(engine) if self.landed is not None else None

    @property
    def monthly_tables(self) -> tuple[UpstreamTable, ...]:
        """The month-partitioned tables it is computed from."""
        return tuple(table for table in self.upstream if table.is_computed_from and table.spec.partition)

    def _require_something(self, model: SqlModel) -> None:
        """A month is made of what is published of it; a table that comes whole has to be there."""
        missing = [maker for maker in self.absent if not maker.is_partitioned]
        if self.monthly_tables and not any(table.files for table in self.monthly_tables):
            missing += [maker for maker in self.absent if maker.is_partitioned]
        if missing:
            keys = ", ".join(maker.key for maker in missing)
            names = ", ".join(maker.table.name for maker in missing)
            month = f" for {self.month}" if self.month and all(maker.is_partitioned for maker in missing) else ""
            raise NotLanded(
                f"{model.key} {self.month or ''}".strip()
                + f": {names} {'have' if len(missing) > 1 else 'has'} nothing{month}: materialize {keys} first"
            )


def _absent(
    month: Month | None, upstream: Sequence[UpstreamTable], models: Models, contracts: Mapping[str, Contract]
) -> tuple[SqlModel, ...]:
    absent = []
    for table in upstream:
        maker = models.by_table(table.spec.name)
        if maker is None or table.files or not table.is_computed_from or table.spec == maker.rejected:
            continue
        # A landed file always has rows; what is made of other tables may rightly be empty for a month.
        has_begun = maker.bronze_asset is None or contracts[maker.bronze_asset].has_begun(month)
        if has_begun and (maker.bronze_asset is not None or not table.was_published):
            absent.append(maker)
    return tuple(absent)


def content_of(file: Path) -> str:
    """The content part of a data file's name ``<fingerprint>-<content>.parquet``."""
    return file.stem.partition("-")[2]
