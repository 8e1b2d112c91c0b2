"""What is published of a table against what a landing would make of it, or two landings against each other.

Nothing is changed: everything is computed aside, and gone when it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.bronze.store import Landing, is_there
from lakehouse.exceptions import CorruptFile, LakehouseError, NotLanded, StatementFailed
from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.partition import Partition
from lakehouse.results import Restatement
from lakehouse.warehouse.consequences import Consequences, Versions
from lakehouse.warehouse.difference import AFTER, BEFORE, difference
from lakehouse.warehouse.difference_rows import record_rows
from lakehouse.warehouse.inputs import Inputs
from lakehouse.warehouse.store import PublishedRows, Session, Work
from lakehouse.warehouse.workings import Workings

if TYPE_CHECKING:
    import pyarrow as pa

_NEW, _OLD = "audit.new", "audit.old"


class Comparisons:
    """Compares versions of the tables of one warehouse."""

    def __init__(self, workings: Workings) -> None:
        self._workings = workings
        self._store = workings.store

    def run(
        self,
        model: SqlModel,
        partition: Partition,
        landings: Sequence[Landing],
        show: Callable[[pa.Table], None] | None,
    ) -> Restatement:
        """See :meth:`lakehouse.warehouse.protocol.Warehouse.compare`."""
        what = f"diff: {partition.of(model.key)}"
        records = self._store.records()
        inputs = self._workings.inputs(model, partition, records)
        versions = [self._landed(model, inputs, landing) for landing in landings] or [inputs]
        if len(versions) < 2 and records.partition(model.table, partition) is None:
            raise NotLanded(f"{what}: nothing of it is published, so there is nothing to compare with")
        with self._store.session(Work(what, partition, ""), records) as session:
            try:
                if len(versions) > 1:
                    self._compute(session, model, versions[0], _OLD)
                self._compute(session, model, versions[-1], _NEW)
                old = dialect.all_of(_OLD) if len(versions) > 1 else PublishedRows(model.table, partition)
                session.relate(BEFORE, old)
                session.relate(AFTER, dialect.all_of(_NEW))
                how = self._workings.compared(model)
                found = difference(session, how, partition, in_a_hurry=False)
                if show is not None:
                    show(record_rows(session, how))
                if found.is_empty:
                    return Restatement(found)
                told = Consequences(self._workings, session, records, None, None).told(
                    model.table, partition, Versions(_NEW, _OLD if len(versions) > 1 else None)
                )
                return Restatement(found, tuple(told))
            except StatementFailed as error:
                raise LakehouseError(f"{what}: {error}. If a file is damaged, materialize it again") from error

    def _landed(self, model: SqlModel, inputs: Inputs, landing: Landing) -> Inputs:
        """The same inputs, but for what was landed then."""
        bronze = self._workings.bronze
        if not is_there(bronze, landing):
            raise CorruptFile(f"{landing}: {bronze.uri(landing)} is gone or not what was landed")
        if inputs.landed is None:
            raise TypeError(f"{model.key} is made of no landed file")
        return replace(inputs, landed=replace(inputs.landed, landing=landing))

    def _compute(self, session: Session, model: SqlModel, inputs: Inputs, name: str) -> None:
        inputs.relate(session, self._store.tie_breaker)
        statement = self._workings.statements(model).select

        def keep() -> int:
            return session.keep(name, statement, inputs.parameters)

        if inputs.landed is None:
            keep()
        else:
            inputs.landed.require_intact()
            inputs.landed.staged(session, self._store.tie_breaker, keep)
