"""The warehouse, over any store: prepare, replace a month, tell what is published, answer queries."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.exceptions import (
    CommitConflict,
    ConfigurationError,
    ContractViolation,
    CorruptFile,
    ModelError,
    NotLanded,
    StaleInputs,
)
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import CheckResult, Holdings, Preparation, Publication, Remark, ReplaceResult, Restatement
from lakehouse.schema import TableSpec
from lakehouse.warehouse.acceptance import Acceptance
from lakehouse.warehouse.audit import datasets_present
from lakehouse.warehouse.comparison import Comparisons
from lakehouse.warehouse.compiled import compiled_models
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.inputs import Inputs
from lakehouse.warehouse.queries import Queries
from lakehouse.warehouse.query_limits import QueryLimits
from lakehouse.warehouse.replacement import Job, Replacement
from lakehouse.warehouse.restatement import Restatements
from lakehouse.warehouse.store import Record, Records, Store, TableShape, Work
from lakehouse.warehouse.value_checks import Drift
from lakehouse.warehouse.workings import Workings

if TYPE_CHECKING:
    import pyarrow as pa

_OVERTAKEN_ATTEMPTS = 5


class StoreWarehouse:
    """Implements :class:`lakehouse.warehouse.protocol.Warehouse` with what an engine supplies."""

    def __init__(
        self, store: Store, bronze: BronzeStore, models: Models, contracts: Mapping[str, Contract], limits: QueryLimits
    ) -> None:
        self._limits = limits
        self._store = store
        self._bronze = bronze
        self._models = models
        self._contracts = contracts
        self._compiled = compiled_models(models, store.tie_breaker)
        self._workings = Workings(
            store, models, contracts, bronze, statements=lambda model: self._compiled.of(model).statements
        )
        self._restatements = Restatements(self._workings)
        self._comparisons = Comparisons(self._workings)

    def prepare(self) -> Preparation:
        """See :meth:`Warehouse.prepare`."""
        groundwork = self._store.prepare()
        self._bronze.prepare()
        records, shapes, damage = self._store.records(), dict[TableSpec, TableShape | None](), []
        for spec in self._models.specs():
            try:
                shapes[spec] = records.shape(spec)
            except CorruptFile as error:
                damage.append(str(error))
        created = [spec for spec, shape in shapes.items() if shape is None]
        changed = [spec for spec, shape in shapes.items() if shape is not None and evolution(shape, spec)]
        for spec in created:
            self._store.create(spec)
        for spec in changed:
            self._store.evolve(spec)
        return Preparation(_names(created), _names(changed), tuple(damage), groundwork)

    def close(self) -> None:
        """See :meth:`Warehouse.close`."""
        self._store.close()

    def replace(
        self, model: SqlModel, partition: Partition, run_id: str, acceptance: Acceptance | None = None
    ) -> ReplaceResult:
        """See :meth:`Warehouse.replace`."""
        started = time.perf_counter()
        work = Work(model.key, partition, run_id)
        differing = [spec for spec in self._specs(model) if self._ensure(spec)]
        for _ in range(_OVERTAKEN_ATTEMPTS):
            records = self._store.records(work)
            inputs = self._workings.inputs(model, partition, records)
            with contextlib.suppress(StaleInputs), inputs.judged_by(model.key), contextlib.ExitStack() as stack:
                job = self._job(model, inputs)
                session = stack.enter_context(self._store.session(work, records))
                checks = partial(self._input_checks, job)
                replacement = Replacement(
                    session, records, job, work, self._compiled.failing_rows, self._restatements, checks, acceptance
                )
                outcome = replacement.run(self._store.tie_breaker, partial(self._is_current, job, work))
                for spec in differing:
                    self._evolve(spec)
                return ReplaceResult(
                    rows=outcome.audit.rows,
                    content=outcome.content,
                    effect=outcome.effect,
                    reason=outcome.reason,
                    version=outcome.version,
                    seconds=time.perf_counter() - started,
                    bytes_written=outcome.bytes_written,
                    checks=(*outcome.audit.checks, *session.own_checks(model.table)),
                    preview=outcome.audit.preview,
                    ledger=outcome.audit.ledger,
                    datasets=self._datasets(job, self._models.union_inputs(model))[0],
                    accepted=None if outcome.accepted is None else str(outcome.accepted),
                    restatement=outcome.restatement,
                    jobs=session.jobs(),
                )
        raise CommitConflict(
            f"{work}: what it reads changed {_OVERTAKEN_ATTEMPTS} times while it was computed; "
            "run it again when the other runs are done"
        )

    def holdings(self) -> Mapping[str, Holdings]:
        """See :meth:`Warehouse.holdings`."""
        records, workings = self._store.records(), replace(self._workings, bronze=self._bronze.at_once())
        return {model.key: self._holdings(model, records, workings) for model in self._models}

    def set_aside(self, table: str) -> str:
        """See :meth:`Warehouse.set_aside`."""
        specs = {spec.name: spec for spec in self._models.specs()}
        if table not in specs:
            raise ConfigurationError(f"there is no table {table}; there is {', '.join(sorted(specs))}")
        try:
            records = self._store.records()
            records.partitions(specs[table])
            if (shape := records.shape(specs[table])) is not None:
                evolution(shape, specs[table])
        except (CorruptFile, ModelError):
            return self._store.set_aside(specs[table], self._owed(specs[table]))
        raise ConfigurationError(f"{table} can be read, so it was not set aside")

    def _owed(self, spec: TableSpec) -> frozenset[Partition]:
        """What a table that has lost all its rows is to have: what there is to make them of."""
        records, model = self._store.records(), self._models.by_table(spec.name)
        if model is None:
            return frozenset()
        if spec == model.rejected:  # any month of the table may have had some
            return frozenset(_held(records, model.table))
        if model.bronze_asset is not None:
            dataset = self._contracts[model.bronze_asset].dataset.name
            return frozenset(each.partition for each, _ in self._bronze.landings() if each.dataset == dataset)
        read = [found for table in model.references if (found := self._models.spec(table)) is not None]
        months = frozenset(month for each in read for month in _held(records, each))
        return months - {WHOLE} if model.is_partitioned else frozenset({WHOLE} if months else ())

    def query(
        self,
        sql: str,
        remark: Callable[[Remark], None] = lambda _: None,
        *,
        only_portable: bool = True,
        recount: bool = False,
    ) -> pa.Table:
        """See :meth:`Warehouse.query`."""
        queries = Queries(self._store, self._bronze, self._models, self._contracts, self._limits)
        return queries.run(sql, remark, only_portable=only_portable, recount=recount)

    def compare(
        self,
        model: SqlModel,
        partition: Partition,
        landings: Sequence[Landing] = (),
        show: Callable[[pa.Table], None] | None = None,
    ) -> Restatement:
        """See :meth:`Warehouse.compare`."""
        return self._comparisons.run(model, partition, landings, show)

    def _ensure(self, spec: TableSpec) -> bool:
        """Create a table that is missing; whether one that is there differs from its spec.

        Its columns are left to :meth:`prepare`, and to the month that is published with others.

        Raises:
            ModelError: it cannot be brought to its spec in place.
        """
        shape = self._store.records().shape(spec)
        if shape is None:
            self._store.create(spec)
            return False
        return bool(evolution(shape, spec))

    def _evolve(self, spec: TableSpec) -> None:
        """Bring what publishing did not change, such as descriptions, to the spec's."""
        shape = self._store.records().shape(spec)
        if shape is not None and evolution(shape, spec):
            self._store.evolve(spec)

    @staticmethod
    def _specs(model: SqlModel) -> tuple[TableSpec, ...]:
        return tuple(spec for spec in (model.table, model.rejected) if spec is not None)

    def _job(self, model: SqlModel, inputs: Inputs) -> Job:
        compiled = self._compiled.of(model)
        read_by = {spec.name: self._models.made_of(spec.name) for spec in self._specs(model)}
        fingerprint = inputs.fingerprint(compiled.statements)
        return Job(model, compiled.statements, compiled.audit, compiled.money, inputs, fingerprint, read_by)

    def _is_current(self, job: Job, work: Work) -> bool:
        inputs = self._workings.inputs(job.model, job.partition, self._store.records(work))
        return self._job(job.model, inputs).fingerprint == job.fingerprint

    def _input_checks(self, job: Job, drift: Drift | None) -> tuple[CheckResult, ...]:
        """Checks whose results are known before anything is computed."""
        checks = [] if drift is None else [drift.check()]
        if unioned := self._models.union_inputs(job.model):
            checks.append(datasets_present(*self._datasets(job, unioned)))
        return tuple(checks)

    def _datasets(self, job: Job, unioned: tuple[SqlModel, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Datasets that a model puts together: those that have something for the month, and those that should."""
        present = job.inputs.present_datasets(unioned)
        missing = (model for model in job.inputs.absent if model in unioned)
        return tuple(map(self._dataset, present)), tuple(map(self._dataset, missing))

    def _dataset(self, model: SqlModel) -> str:
        return self._contracts[str(model.bronze_asset)].dataset.name

    def _holdings(self, model: SqlModel, records: Records, workings: Workings) -> Holdings:
        try:
            held = records.partitions(model.table)
            rejected = records.partitions(model.rejected) if model.rejected else {}
            remarks = [remark for spec in self._specs(model) for remark in records.remarks(spec)]
            changed = {month for spec in self._specs(model) for month in records.changed(spec)}
        except CorruptFile as error:
            return Holdings({}, damage=str(error))
        publications = {
            partition: self._publication(
                model,
                partition,
                record,
                rejected.get(partition),
                records,
                workings,
                is_remarked=partition in changed or any(remark.concerns(partition) for remark in remarks),
            )
            for partition, record in held.items()
        }
        return Holdings(publications, tuple(remarks))

    def _publication(
        self,
        model: SqlModel,
        partition: Partition,
        record: Record,
        rejected: Record | None,
        records: Records,
        workings: Workings,
        *,
        is_remarked: bool,
    ) -> Publication:
        try:
            fingerprint = self._job(model, workings.inputs(model, partition, records)).fingerprint
        except (NotLanded, CorruptFile, ContractViolation):  # what it was made of is gone, or not what it was
            is_current = False
        else:
            parts = [each for each in (record, rejected) if each is not None]
            is_current = not is_remarked and all(fingerprint in each.fingerprints for each in parts)
        return Publication(record.rows, record.bytes, record.version, record.published_at, is_current)


def _names(specs: Sequence[TableSpec]) -> tuple[str, ...]:
    return tuple(spec.name for spec in specs)


def _held(records: Records, spec: TableSpec) -> Collection[Partition]:
    """What a table holds; nothing that is known where it cannot be read either."""
    try:
        return records.partitions(spec).keys()
    except CorruptFile:
        return ()
