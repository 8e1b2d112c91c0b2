"""What one month of one model is computed from: a landed file, or published months of other tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import NotLanded
from lakehouse.models import dialect
from lakehouse.models.model import PARTITION_END, PARTITION_START, Models, SqlModel
from lakehouse.partition import WHOLE, Partition, Period
from lakehouse.schema import WHOLE_SHA256, TableSpec
from lakehouse.warehouse.landed_input import LandedInput
from lakehouse.warehouse.statements import ModelStatements, TieBreaker
from lakehouse.warehouse.store import PublishedRows, Record, Records, Session
from lakehouse.warehouse.value_checks import Drift

_WRITER_VERSION = 3
"""Part of every fingerprint: raise it when the way rows are made changes what is in them."""

_FINGERPRINT_DIGITS = 16


@dataclass(frozen=True)
class Upstream:
    """A table that a model or its checks read, and what it holds: of the month in hand, of all if there is none."""

    spec: TableSpec
    partition: Partition
    held: Mapping[Partition, Record]
    is_computed_from: bool
    """False for a table that only checks read: checks run every time, so it need not make a month new."""
    was_published: bool
    """Whether anything was ever published in it, for this month or another."""
    maker: str
    """The asset that fills it."""

    @classmethod
    def find(
        cls, spec: TableSpec, partition: Partition, records: Records, *, is_computed_from: bool, maker: str
    ) -> Upstream:
        """What a table holds now of what a model reads of it."""
        partition = partition if spec.partition else WHOLE
        if partition is WHOLE:
            held = records.partitions(spec)
        else:
            record = records.partition(spec, partition)
            held = {} if record is None else {partition: record}
        return cls(spec, partition, held, is_computed_from, records.was_published(spec), maker)

    @property
    def content(self) -> list[str]:
        """Equal for equal rows."""
        return [f"{partition.key}: {record.content}" for partition, record in sorted(self.held.items(), key=str)]


@dataclass(frozen=True)
class Inputs:
    """Inputs and parameters of one month of one model."""

    partition: Partition
    landed: LandedInput | None
    upstream: tuple[Upstream, ...]
    absent: tuple[SqlModel, ...]
    """Models whose tables it is computed from that have nothing for the month, though their datasets had begun."""

    @classmethod
    def find(
        cls,
        model: SqlModel,
        partition: Partition,
        *,
        models: Models,
        contracts: Mapping[str, Contract],
        bronze: BronzeStore,
        records: Records,
        sha256_digits: int = WHOLE_SHA256,
    ) -> Inputs:
        """What there is for a month now.

        Raises:
            NotLanded: nothing that the model reads has anything for the month, though it should.
        """
        landed = None
        if model.bronze_asset is not None:
            contract, rejects = contracts[model.bronze_asset], model.rejected is not None
            landed = LandedInput.find(
                bronze, model.bronze_asset, contract, partition, rejects=rejects, sha256_digits=sha256_digits
            )
        specs = {table: models.spec(table) for table in models.tables_read(model)}
        upstream = [
            Upstream.find(
                spec,
                partition,
                records,
                is_computed_from=table in model.references,
                maker=models.asset_key(table),
            )
            for table, spec in specs.items()
            if spec is not None
        ]
        inputs = cls(partition, landed, tuple(upstream), _absent(partition, upstream, models, contracts))
        inputs._require_something(model)
        return inputs

    def present_datasets(self, unioned: Sequence[SqlModel]) -> tuple[SqlModel, ...]:
        """Of the models that are put together, those whose tables have something for the month."""
        filled = {table.spec for table in self.upstream if table.held}
        return tuple(model for model in unioned if model.table in filled)

    @property
    def landed_sha256(self) -> str | None:
        """Of the landed file that it is made of; None where there is none, also before a dataset began."""
        return self.landed.sha256 if self.landed is not None and self.landed.landing is not None else None

    @property
    def parameters(self) -> dict[str, object]:
        """Values of the parameters of a partitioned model."""
        if not isinstance(self.partition, Period):
            return {}
        return {PARTITION_START: self.partition.start, PARTITION_END: self.partition.end}

    def fingerprint(self, statements: ModelStatements) -> str:
        """Equal for equal statements on equal inputs, wherever these are kept: what need not be computed twice."""
        what = [
            _WRITER_VERSION,
            str(self.partition.key),
            statements.text,
            [self.landed.projection_text, self.landed.sha256] if self.landed else None,
            {table.spec.name: table.content for table in self.upstream if table.is_computed_from},
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:_FINGERPRINT_DIGITS]

    def judged_by(self, reader: str) -> AbstractContextManager[None]:
        """Note whether a model takes the landed file; see :meth:`LandedInput.judged_by`."""
        return nullcontext() if self.landed is None else self.landed.judged_by(reader)

    def relate(self, session: Session, tie_breaker: TieBreaker) -> Drift | None:
        """Name all inputs as the model's statements call them; how the landed file drifts, if there is one.

        Raises:
            ContractViolation: the landed file does not fit its contract.
        """
        for table in self.upstream:
            rows = (
                PublishedRows(table.spec, table.partition)
                if table.was_published
                else dialect.no_rows(table.spec.columns)
            )
            session.relate(table.spec.name, rows)
        return self.landed.relate(session, tie_breaker) if self.landed is not None else None

    def _require_something(self, model: SqlModel) -> None:
        """A month is made of what is published of it; a table that comes whole has to be there."""
        missing = [maker for maker in self.absent if not maker.is_partitioned]
        monthly = [table for table in self.upstream if table.is_computed_from and table.spec.partition]
        if monthly and not any(table.held for table in monthly):
            missing += [maker for maker in self.absent if maker.is_partitioned]
        if missing:
            keys = ", ".join(maker.key for maker in missing)
            names = ", ".join(maker.table.name for maker in missing)
            partition = (
                f" for {self.partition}"
                if self.partition is not WHOLE and all(maker.is_partitioned for maker in missing)
                else ""
            )
            have = "have" if len(missing) > 1 else "has"
            raise NotLanded(
                f"{self.partition.of(model.key)}: {names} {have} nothing{partition}: materialize {keys} first"
            )


def _absent(
    partition: Partition, upstream: Sequence[Upstream], models: Models, contracts: Mapping[str, Contract]
) -> tuple[SqlModel, ...]:
    absent = []
    for table in upstream:
        maker = models.by_table(table.spec.name)
        if maker is None or table.held or not table.is_computed_from or table.spec == maker.rejected:
            continue
        # A landed file always has rows; what is made of other tables may rightly be empty for a month.
        has_begun = maker.bronze_asset is None or contracts[maker.bronze_asset].dataset.has_begun(partition)
        if has_begun and (maker.bronze_asset is not None or not table.was_published):
            absent.append(maker)
    return tuple(absent)
