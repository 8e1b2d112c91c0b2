"""What tables hold of each month where some are in a catalog: of these, as they state themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.partition import Partition
from lakehouse.results import Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery.biglake.stated import StatedMonth, statements, with_stated
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.publications import Publication, Published, published
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.iceberg.types import shape_of
from lakehouse.warehouse.store import TableShape

if TYPE_CHECKING:
    from pyiceberg.table import Table

_TOTAL = "total-records"
_ENDED = "a run was ended in between"


class CatalogRecords(BigQueryRecords):
    """A table of the catalog is as it was when it was first looked at; what it states goes before what was put down."""

    def __init__(self, tables: Tables, jobs: Jobs, catalog: CatalogTables) -> None:
        super().__init__(tables, jobs)
        self._catalog = catalog
        self._loaded: dict[str, Table | None] = {}

    def shape(self, spec: TableSpec) -> TableShape | None:
        if spec.name not in self._catalog:
            return super().shape(spec)
        table = self.table(spec.name)
        return None if table is None else shape_of(table)

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        """See the protocol; also of months that were committed by a run which was ended before it put that down."""
        marked = super().remarks(spec)
        stated = self.stated(spec.name)
        if not stated:
            return marked
        if self._months and "_all" not in self.__dict__:
            stated = {month: each for month, each in stated.items() if month in self._months}
        else:
            _ = self._all
        left = {month: each for month, each in stated.items() if not self._is_put_down(spec.name, month, each)}
        if not left:
            return marked
        now = published(self.jobs, self._tables, None)  # a run may have put it down since
        found = (
            Remark(spec.name, month, f"snapshot {each.snapshot} was committed, and not put down: {_ENDED}")
            for month, each in sorted(left.items(), key=str)
            if not _is_of(now, spec.name, month, each)
        )
        return (*marked, *found)

    def newest(self, spec: TableSpec, partition: Partition) -> Publication | None:
        recorded = super().newest(spec, partition)
        if spec.name not in self._catalog:
            return recorded
        stated = self.stated(spec.name).get(partition)
        if stated is None:  # what is put down is of a table that is not there
            return None if recorded is None or recorded.rows else recorded
        return recorded if self._is_put_down(spec.name, partition, stated) else stated.publication_of(recorded)

    def recorded(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """What was put down last of a month, whatever its table states."""
        return super().newest(spec, partition)

    def is_recorded(self, spec: TableSpec, partition: Partition) -> bool:
        """Whether what was put down last is what its table states."""
        stated = self.stated(spec.name).get(partition)
        return stated is None or self._is_put_down(spec.name, partition, stated)

    def _published(self, spec: TableSpec) -> Mapping[Partition, Publication]:
        if spec.name not in self._catalog or spec.partition is None:
            return super()._published(spec)
        months = super()._published(spec).keys() | self.stated(spec.name).keys()
        found = {month: self.publication(spec, month) for month in months}
        return {month: each for month, each in found.items() if each is not None}

    def put_down(self, spec: TableSpec) -> frozenset[Partition]:
        return frozenset(super()._published(spec))

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> exp.Query:
        query = super().accounts(columns, reasons)
        stated = {
            (name, month): each
            for name in sorted(self._catalog.names)
            for month, each in self.stated(name).items()
            if each.copies is not None and not self._is_put_down(name, month, each)
        }
        return with_stated(query, columns, reasons, stated) if stated else query

    def stated(self, name: str) -> Mapping[Partition, StatedMonth]:
        """What a table of the catalog states of its months; of any other nothing."""
        return statements(self.table(name), name) if name in self._catalog else {}

    def table(self, name: str) -> Table | None:
        """A table of the catalog, None if there is none."""
        if name not in self._loaded:
            self._loaded[name] = self._catalog.table(name)
        return self._loaded[name]

    def _rows_in_all(self, spec: TableSpec) -> int | None:
        if spec.name not in self._catalog:
            return super()._rows_in_all(spec)
        table = self.table(spec.name)
        if table is None:
            return None
        snapshot = table.current_snapshot()
        if snapshot is None:
            return 0
        total = snapshot.summary[_TOTAL] if snapshot.summary is not None else None
        return -1 if total is None else int(total)  # of a writer who does not tell it is counted

    def _is_put_down(self, name: str, partition: Partition, stated: StatedMonth) -> bool:
        return _is_of(self.known(partition), name, partition, stated)


def _is_of(known: Published, name: str, partition: Partition, stated: StatedMonth) -> bool:
    """Whether what was put down last of a month is what its table states."""
    recorded = known.months.get((name, partition))
    if recorded is None:
        return False
    return recorded.version == stated.snapshot or recorded.rows == stated.rows == 0
