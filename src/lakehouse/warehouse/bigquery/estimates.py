"""What months would bill: the statements that a run of each sends, by dry runs over the tables that there are.

Tables that a run makes on its way are not there yet: what reads these is told by sizes. A month that is published
already stands for what would be staged of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.projection import LANDED
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import CorruptFile, NotLanded
from lakehouse.gcp.place import Place
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.begun import has_begun
from lakehouse.warehouse.bigquery import content, landed, one_scan
from lakehouse.warehouse.bigquery.expected_input import expected_input
from lakehouse.warehouse.bigquery.foreseen import Foreseen, Rows
from lakehouse.warehouse.bigquery.job_labels import labels_of
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.sizes import width, widths
from lakehouse.warehouse.bigquery.store import BigQueryStore
from lakehouse.warehouse.compiled import Compiled, compiled_models
from lakehouse.warehouse.costs import Estimate
from lakehouse.warehouse.inputs import Inputs, Upstream
from lakehouse.warehouse.landed_input import LandedInput
from lakehouse.warehouse.store import LandedFile
from lakehouse.warehouse.value_checks import value_query
from lakehouse.warehouse.workings import Workings

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

_META_TABLES = 2
"""What a publication reads besides the rows that it publishes."""


class BigQueryEstimates:
    """Implements :class:`lakehouse.warehouse.costs.Estimates` of a place."""

    def __init__(
        self,
        store: BigQueryStore,
        client: Client,
        place: Place,
        models: Models,
        contracts: Mapping[str, Contract],
        bronze: BronzeStore,
    ) -> None:
        self.models = models
        self._store = store
        self._jobs = Jobs(client, "estimate", labels_of(place, {"asset": "estimate"}), place.bytes_cap)
        self._contracts = contracts
        self._bronze = bronze.at_once()
        self._compiled = compiled_models(models, store.tie_breaker)
        self._workings = Workings(
            store, models, contracts, self._bronze, statements=lambda model: self._compiled.of(model).statements
        )

    def of(self, wanted: Iterable[tuple[SqlModel, Partition]]) -> Iterator[Estimate]:
        """See the protocol."""
        records = self._store.records_by(self._jobs)
        to_come: dict[tuple[str, Partition], int] = {}
        for model, partition in wanted:
            own = partition if model.is_partitioned else WHOLE
            if not has_begun(model, self.models, self._contracts, own):
                continue
            yield self._of_month(model, own, records, to_come)

    def _of_month(
        self, model: SqlModel, partition: Partition, records: BigQueryRecords, to_come: dict[tuple[str, Partition], int]
    ) -> Estimate:
        inputs, note = self._inputs(model, partition, records)
        if inputs is None:
            return Estimate(model.key, partition, 0, 0, "", note)
        month = _Month(self._store, records, model, self._compiled.of(model), inputs, Foreseen(self._jobs), to_come)
        notes = [note, *month.relate()]
        if month.is_left_as_it_is():
            notes.append("is published: only its checks are read")
            month.left_as_it_is()
        else:
            month.computed()
        seen = month.foreseen
        known_by = " and ".join(sorted(seen.known_by))
        told = "; ".join(filter(None, notes))
        return Estimate(model.key, partition, seen.statements, seen.bytes_billed, known_by, told)

    def _inputs(self, model: SqlModel, partition: Partition, records: BigQueryRecords) -> tuple[Inputs | None, str]:
        """What there is for a month, or what stands for it; and what a reader should know of that."""
        found = self._found(model, partition, records)
        if found is not None:
            return found, ""
        upstream = tuple(self._upstream(model, partition, records))
        if model.bronze_asset is None:
            return Inputs(partition, None, upstream, ()), ""
        contract, digits = self._contracts[model.bronze_asset], self._store.traits.sha256_digits
        dataset, rejects = contract.dataset.name, model.rejected is not None
        months = [each.partition for each, is_current in self._bronze.landings() if each.dataset == dataset]
        for month in sorted({each for each in months if isinstance(each, Month)}, reverse=True):
            try:
                like = LandedInput.find(
                    self._bronze, model.bronze_asset, contract, month, rejects=rejects, sha256_digits=digits
                )
            except CorruptFile:
                continue
            return Inputs(partition, like, upstream, ()), f"is not landed: taken to be as large as {month}"
        usual = expected_input(model.bronze_asset, contract, partition, self._bronze, rejects, digits)
        if usual is None:
            return None, f"nothing of {dataset} was ever landed: its size is not known"
        taken = f"nothing of {dataset} was ever landed: taken to have {usual.rows:,} records"
        return Inputs(partition, usual, upstream, ()), taken

    def _upstream(self, model: SqlModel, partition: Partition, records: BigQueryRecords) -> Iterator[Upstream]:
        """What a model and its checks read of tables, whatever they hold."""
        for table in self.models.tables_read(model):
            if (spec := self.models.spec(table)) is not None:
                is_computed_from, maker = table in model.references, self.models.asset_key(table)
                yield Upstream.find(spec, partition, records, is_computed_from=is_computed_from, maker=maker)

    def _found(self, model: SqlModel, partition: Partition, records: BigQueryRecords) -> Inputs | None:
        try:
            return self._workings.inputs(model, partition, records)
        except (NotLanded, CorruptFile):
            return None


@dataclass
class _Month:
    """One month of one model: its statements, and rows that stand for what is not there."""

    store: BigQueryStore
    records: BigQueryRecords
    model: SqlModel
    compiled: Compiled
    inputs: Inputs
    foreseen: Foreseen
    to_come: dict[tuple[str, Partition], int]
    """How many rows months will have that are computed before this one, by table."""
    _upstream: dict[str, Rows] = field(default_factory=dict)

    @property
    def partition(self) -> Partition:
        return self.inputs.partition

    def relate(self) -> list[str]:
        """Name all that the statements read; what a reader should know of it."""
        notes = []
        for table in self.inputs.upstream:
            rows = self._of_table(table.spec, table.partition)
            if rows.place is None and (table.spec.name, table.partition) not in self.to_come:
                notes.append(f"nothing of {table.spec.name} is known")
            self._upstream[table.spec.name] = rows
            self.foreseen.relate(table.spec.name, rows)
        if (source := self.inputs.landed) is not None and source.landing is not None:
            file = LandedFile(source.landing, source.store.uri(source.landing), source.footer)
            is_own = source.landing.partition in (self.partition, WHOLE)
            place = landed.rows_if_loaded(file, self.store.tables) if is_own else None
            sizes = {name: width(type_) for name, type_ in landed.types(file).items()}
            self.foreseen.relate(LANDED, Rows(place, source.rows, sizes))
            source.name_as_expected(self.foreseen, self.store.tie_breaker)
            if place is None and is_own:
                notes.append("its file is not loaded")
        self.foreseen.relate(STAGED, self._of_table(self.model.table, self.partition, self._rows_to_come()))
        if self.model.rejected is not None:
            is_published = self.records.partition(self.model.table, self.partition) is not None
            rejected = self._of_table(self.model.rejected, self.partition, has_rows=is_published)
            self.foreseen.relate(REJECTED, rejected)
        return notes

    def is_left_as_it_is(self) -> bool:
        """Whether what is published is what would be computed, as far as its records tell."""
        specs = self._specs()
        if any(self._reads(spec, month) for spec, month in self.to_come):
            return False
        if self.records.partition(self.model.table, self.partition) is None:
            return False
        if any(remark.concerns(self.partition) for spec in specs for remark in self.records.remarks(spec)):
            return False
        fingerprint = self.inputs.fingerprint(self.compiled.statements)
        held = [self.records.partition(spec, self.partition) for spec in specs]
        return all(fingerprint in record.fingerprints for record in held if record is not None)

    def left_as_it_is(self) -> None:
        """What a run asks of a month that it leaves as it is."""
        self.foreseen.least(self._looks([*self._upstream_partitions(), (self.model.table, self.partition)]))
        self._values()
        for spec in self._specs():
            if self.records.partition(spec, self.partition) is not None:
                self._intact(spec, self.partition)
        self.foreseen.add(self.compiled.audit, self.inputs.parameters)
        self.foreseen.add_query(dialect.all_of(STAGED), {})  # some rows are shown
        if self._is_of_landing():
            self.foreseen.least(1)  # what was noted of other months

    def computed(self) -> None:
        """What a run asks to compute a month, check it and publish it."""
        statements, parameters, model = self.compiled.statements, self.inputs.parameters, self.model
        if not any(table == model.table.name for table, _ in self.to_come):
            missing = [spec for spec in self._specs() if self.records.shape(spec) is None]
            self.foreseen.least(2 * len(missing))  # each is given a turn; and whether anything of it was lost
        own = (self.model.table, self.partition)
        upstream = self._upstream_partitions()
        for looked_at in ([*upstream, own], upstream, [own]):  # before it, before it is published, and as it is
            self.foreseen.least(self._looks(looked_at))
        self._values()
        for table in self.inputs.upstream:
            for partition in table.held if table.is_computed_from else ():
                self._intact(table.spec, partition)
            if table.is_computed_from and not table.held and (came := self._upstream[table.spec.name]).count:
                self.foreseen.add_sizes(came.bytes_of(None if table.spec.grain else frozenset()))
        self.foreseen.add(statements.rejected, parameters)
        self.foreseen.add(statements.select, parameters)
        rows = self._rows_to_come()
        whole = rows * sum(widths(model.table.columns, self.store.traits.sha256_digits).values())
        if model.grain:
            self.foreseen.add_sizes(whole)  # what tells its rows from others
        asked = {"audit_": self.compiled.audit, "money_": self.compiled.money if self._is_of_landing() else None}
        queries = {name: statement.query for name, statement in asked.items() if statement is not None}
        columns = (column.name for column in model.table.columns)
        self.foreseen.add_query(one_scan.measuring(queries, columns), parameters)
        if self._is_of_landing():
            self.foreseen.least(1)  # what was noted of other months
        self.foreseen.least(1, tables=_META_TABLES)
        self.foreseen.add_sizes(*([whole, 0] if model.rejected is not None else [whole]), statements=0)
        self.to_come[(model.table.name, self.partition)] = rows

    def _upstream_partitions(self) -> list[tuple[TableSpec, Partition]]:
        return [(table.spec, table.partition) for table in self.inputs.upstream]

    @staticmethod
    def _looks(read: Iterable[tuple[TableSpec, Partition]]) -> int:
        """How often it is asked what is published, to know these: see :class:`BigQueryRecords`."""
        looks = set[Partition]()
        for spec, partition in read:
            if spec.partition and partition is WHOLE:
                return len(looks) + 1
            if partition is not WHOLE or not looks:
                looks.add(partition)
        return len(looks)

    def _values(self) -> None:
        source = self.inputs.landed
        if source is None or source.landing is None:
            return
        self.foreseen.add(value_query(source.projection), {})
        if not source.contract.dataset.is_partitioned:
            self.foreseen.add_query(dialect.all_of(f"bronze.{source.asset}"), {})  # copies of records are counted

    def _intact(self, spec: TableSpec, partition: Partition) -> None:
        rows = self.records.rows_of(spec, partition)
        query = content.query(spec, rows) if spec.grain else content.count(rows)
        self.foreseen.add_placed(query)

    def _specs(self) -> list[TableSpec]:
        return [spec for spec in (self.model.rejected, self.model.table) if spec is not None]

    def _reads(self, name: str, month: Partition) -> bool:
        """Whether it is computed from a month of a table, or from all of them."""
        read = (each for each in self.inputs.upstream if each.is_computed_from and each.spec.name == name)
        return any(WHOLE in (each.partition, month) or each.partition == month for each in read)

    def _is_of_landing(self) -> bool:
        return self.inputs.landed is not None and self.inputs.landed.landing is not None

    def _rows_to_come(self) -> int:
        """How many rows the month will have: those of its file, or as many as it has, or as the newest month has."""
        if self.inputs.landed is not None:
            return self.inputs.landed.rows
        held = self.records.partition(self.model.table, self.partition)
        if held is None:
            months = self.records.partitions(self.model.table)
            held = months[max(months, key=str)] if months else None
        return 0 if held is None else held.rows

    def _of_table(self, spec: TableSpec, partition: Partition, rows: int = 0, *, has_rows: bool = False) -> Rows:
        """What a table has of a month; where it has nothing, so many rows to come.

        ``has_rows`` says that what it has, if only nothing, is what it will have.
        """
        always = frozenset({spec.partition} if spec.partition else ())
        sizes = widths(spec.columns, self.store.traits.sha256_digits)
        partition = partition if spec.partition else WHOLE
        is_there = self.records.shape(spec) is not None
        is_new = (spec.name, partition) in self.to_come
        held = self.records.partition(spec, partition) if spec.partition and partition is not WHOLE else None
        has_rows = has_rows or held is not None or (partition is WHOLE and bool(self.records.partitions(spec)))
        if is_there and has_rows and not is_new:
            return Rows(self.records.rows_of(spec, partition), 0 if held is None else held.rows, sizes, always)
        expected = self.to_come.get((spec.name, partition), rows)
        return Rows(None, expected, sizes, always)
