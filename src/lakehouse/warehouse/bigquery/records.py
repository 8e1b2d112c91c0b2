"""What the tables hold of each month, as ``meta.publications`` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery import content, placing
from lakehouse.warehouse.bigquery.biglake.stated import Statement, statements, with_stated
from lakehouse.warehouse.bigquery.constants import of_month
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.publications import (
    ANEW,
    Publication,
    Published,
    TableHistory,
    accounts,
    notes,
    published,
)
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.iceberg.types import shape_of as iceberg_shape_of
from lakehouse.warehouse.store import Record, TableShape

if TYPE_CHECKING:
    from pyiceberg.table import Table


class BigQueryRecords:
    """Implements :class:`lakehouse.warehouse.store.Records`.

    A month is looked at with all that comes whole, or all months are, each once. That publications are as they were is
    looked at again in the transaction that is made upon them.
    """

    def __init__(self, tables: Tables, jobs: Jobs) -> None:
        self._tables = tables
        self.jobs = jobs
        self._shapes: dict[str, TableShape | None] = {}
        self._months: dict[Partition, Published] = {}
        self._notes: dict[str, Mapping[Partition, str]] = {}
        self._catalog_tables: dict[str, Table | None] = {}

    def shape(self, spec: TableSpec) -> TableShape | None:
        if spec.name not in self._shapes and self._tables.of_catalog(spec.name) is not None:
            table = self.catalog_table(spec)
            self._shapes[spec.name] = None if table is None else iceberg_shape_of(table)
        elif spec.name not in self._shapes:
            self._shapes[spec.name] = self._tables.shape(spec)
        return self._shapes[spec.name]

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        known = next(iter(self._months.values()), None) or self.known(WHOLE)  # marks are looked at of all months
        found = ((month, by) for (table, month), by in known.marks.items() if table == spec.name)
        marked = tuple(Remark(spec.name, month, _in_words(by)) for month, by in sorted(found, key=str))
        return (*marked, *self._unrecorded(spec))

    def partition(self, spec: TableSpec, partition: Partition) -> Record | None:
        found = self.publication(spec, partition)
        return None if found is None else self._record(spec, found)

    def publication(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """The newest of a month that has rows, or of a whole table."""
        own = partition if spec.partition else WHOLE
        found = self.newest(spec, own)
        return found if found is not None and found.rows else None

    def newest(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """What is published of a month, rows or none: as its table states, where that is in the catalog."""
        recorded = self.recorded(spec, partition)
        if self._tables.of_catalog(spec.name) is None:
            return recorded
        stated = self.stated(spec).get(partition)
        if stated is None:  # what is recorded is of a table that is not there
            return None if recorded is None or recorded.rows else recorded
        return recorded if self.is_recorded(spec, partition) else stated.publication_of(recorded)

    def recorded(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """The newest record of a month."""
        return self.known(partition).months.get((spec.name, partition))

    def is_recorded(self, spec: TableSpec, partition: Partition) -> bool:
        """Whether the newest record is of what its table states."""
        stated = self.stated(spec).get(partition)
        return stated is None or self._is_recorded(spec.name, partition, stated)

    def _is_recorded(self, name: str, partition: Partition, stated: Statement) -> bool:
        recorded = self.known(partition).months.get((name, partition))
        if recorded is None:
            return False
        return recorded.version == stated.snapshot or recorded.rows == stated.rows == 0

    def stated(self, spec: TableSpec) -> Mapping[Partition, Statement]:
        """What a table of the catalog states of its months; of any other nothing."""
        return {} if self._tables.of_catalog(spec.name) is None else self._stated(spec.name)

    def _stated(self, name: str) -> Mapping[Partition, Statement]:
        return statements(self._catalog_table(name), name)

    def catalog_table(self, spec: TableSpec) -> Table | None:
        """A table of the catalog as it was when it was first looked at."""
        return self._catalog_table(spec.name)

    def _catalog_table(self, name: str) -> Table | None:
        catalog = self._tables.of_catalog(name)
        if catalog is not None and name not in self._catalog_tables:
            self._catalog_tables[name] = catalog.table(name)
        return self._catalog_tables.get(name)

    def partitions(self, spec: TableSpec) -> Mapping[Partition, Record]:
        if spec.partition is None:
            whole = self.partition(spec, WHOLE)
            return {} if whole is None else {WHOLE: whole}
        months = {month for table, month in self._all.months if table == spec.name} | self.stated(spec).keys()
        found = ((month, self.publication(spec, month)) for month in months)
        return {month: self._record(spec, each) for month, each in found if each is not None}

    def recorded_months(self, spec: TableSpec) -> frozenset[Partition]:
        """Months that were put down to have rows, and whole tables, whether they are there or not."""
        known = self._all if spec.partition else self.known(WHOLE)
        return frozenset(month for (table, month), each in known.months.items() if table == spec.name and each.rows)

    def notes(self, spec: TableSpec) -> Mapping[Partition, str]:
        if spec.name not in self._notes:
            self._notes[spec.name] = notes(self.jobs, self._tables, spec)
        return self._notes[spec.name]

    def was_published(self, spec: TableSpec) -> bool:
        return self.history(spec).version is not None

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> exp.Query:
        query = accounts(columns, reasons)
        catalog = self._tables.catalog
        if catalog is None:
            return query
        stated = {
            (name, month): each
            for name in sorted(catalog.names)
            for month, each in self._stated(name).items()
            if each.copies is not None and not self._is_recorded(name, month, each)
        }
        return with_stated(query, columns, reasons, stated) if stated else query

    def is_intact(self, spec: TableSpec, partition: Partition) -> bool:
        """See the protocol: as many rows are there as were published, and of a table with a grain just those.

        BigQuery guarantees what it stores; not that nobody else changes it.
        """
        found = self.publication(spec, partition)
        if found is None:
            return True
        shape = self.shape(spec)
        if shape is None:
            return False
        rows = self.rows_of(spec, partition)
        query = content.query(spec, rows) if spec.grain else content.count(rows)
        (row,) = self.jobs.rows(dialect.render(query, "bigquery"))
        return int(row["row_count"]) == found.rows and (not spec.grain or row["content"] == found.content)

    def rows_of(self, spec: TableSpec, partition: Partition) -> exp.Select:
        """What a table holds of a month, or of all of them."""
        shape = self.shape(spec)
        there = () if shape is None else (column.name for column in shape.columns)
        return of_month(spec, partition, there, placing.table(self._tables.sql_name(spec.name)))

    def history(self, spec: TableSpec) -> TableHistory:
        """How often a table was published, and what was last."""
        return self.known(WHOLE).history(spec.name)

    def known(self, partition: Partition) -> Published:
        """What is published of a month, and whole, and what tables have had."""
        if "_all" in self.__dict__:
            return self._all
        held = next(iter(self._months.values()), None) if partition is WHOLE else self._months.get(partition)
        if held is None:
            held = self._months[partition] = published(self.jobs, self._tables, partition)
        return held

    def _unrecorded(self, spec: TableSpec) -> Iterator[Remark]:
        """Of months that were committed by a run which was ended before it put that down."""
        stated = self.stated(spec)
        months = stated.keys() if not self._months or "_all" in self.__dict__ else stated.keys() & self._months.keys()
        if stated and not self._months:
            _ = self._all
        for month in sorted(months, key=str):
            if not self.is_recorded(spec, month):
                words = f"snapshot {stated[month].snapshot} was committed, and not put down: a run was ended in between"
                yield Remark(spec.name, month, words)

    @cached_property
    def _all(self) -> Published:
        return published(self.jobs, self._tables, None)

    def _record(self, spec: TableSpec, found: Publication) -> Record:
        return Record(
            fingerprints=found.fingerprints,
            content=found.content,
            rows=found.rows,
            bytes=found.bytes,
            version=found.version,
            published_at=found.published_at,
            is_there=self.shape(spec) is not None,
        )


def _in_words(outdated_by: tuple[str, ...]) -> str:
    if outdated_by[0].startswith(ANEW):
        return f"made anew, empty, on {outdated_by[0].removeprefix(ANEW)}, and not published since"
    return f"made before {', '.join(outdated_by)} changed"
