"""What the tables of a warehouse are computed from, and how: what a month is made of, and what it would be made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import Partition
from lakehouse.warehouse.compared import Compared, compared_rows_of
from lakehouse.warehouse.inputs import Inputs, Upstream
from lakehouse.warehouse.statements import ModelStatements
from lakehouse.warehouse.store import Records, Store


@dataclass(frozen=True)
class Workings:
    """The models of a warehouse, each with its compiled ``statements``, over a store."""

    store: Store
    models: Models
    contracts: Mapping[str, Contract]
    bronze: BronzeStore
    statements: Callable[[SqlModel], ModelStatements]

    def inputs(self, model: SqlModel, partition: Partition, records: Records) -> Inputs:
        """What there is for a month of a model now; see :meth:`Inputs.find`."""
        return Inputs.find(
            model,
            partition,
            models=self.models,
            contracts=self.contracts,
            bronze=self.bronze,
            records=records,
            sha256_digits=self.store.traits.sha256_digits,
        )

    def tables(self, model: SqlModel, partition: Partition, records: Records) -> Inputs:
        """What a model is computed from of tables, whatever they hold."""
        specs = [spec for table in model.references if (spec := self.models.spec(table)) is not None]
        upstream = (
            Upstream.find(spec, partition, records, is_computed_from=True, maker=self.models.asset_key(spec.name))
            for spec in specs
        )
        return Inputs(partition, None, tuple(upstream), ())

    def compared(self, model: SqlModel) -> Compared:
        """How the rows of a model's table are compared."""
        return compared_rows_of(model, self.models.schema, self.store.digest)
