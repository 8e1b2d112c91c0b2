"""What the tables hold of each month, as ``meta.publications`` says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery import content, placing
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
from lakehouse.warehouse.bigquery.types import shape_of
from lakehouse.warehouse.store import Record, TableShape

if TYPE_CHECKING:
    from google.cloud.bigquery import Table


class BigQueryRecords:
    """Implements :class:`lakehouse.warehouse.store.Records`.

    A month is looked at with all that comes whole, or all months are, each once, as of the first look. That
    publications are as they were is looked at again in the transaction that is made upon them.
    """

    def __init__(self, tables: Tables, jobs: Jobs) -> None:
        self._tables = tables
        self.jobs = jobs
        self._found: dict[str, Table | None] = {}
        self._months: dict[Partition, Published] = {}
        self._notes: dict[str, Mapping[Partition, str]] = {}

    def shape(self, spec: TableSpec) -> TableShape | None:
        found = self._table(spec)
        return None if found is None else shape_of(found)

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        known = next(iter(self._months.values()), None) or self.known(WHOLE)  # marks are looked at of all months
        found = ((month, by) for (table, month), by in known.marks.items() if table == spec.name)
        return tuple(Remark(spec.name, month, _in_words(by)) for month, by in sorted(found, key=str))

    def partition(self, spec: TableSpec, partition: Partition) -> Record | None:
        found = self.publication(spec, partition)
        return None if found is None else found.record

    def publication(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """The newest of a month that has rows, or of a whole table."""
        own = partition if spec.partition else WHOLE
        found = self.newest(spec, own)
        return found if found is not None and found.rows else None

    def newest(self, spec: TableSpec, partition: Partition) -> Publication | None:
        """What was published last of a month, rows or none."""
        return self.known(partition).months.get((spec.name, partition))

    def partitions(self, spec: TableSpec) -> Mapping[Partition, Record]:
        return {month: found.record for month, found in self._published(spec).items()}

    def _published(self, spec: TableSpec) -> Mapping[Partition, Publication]:
        """Of each month that has rows, or of the whole, what was published last."""
        if spec.partition is None:
            whole = self.publication(spec, WHOLE)
            return {} if whole is None else {WHOLE: whole}
        months = self._all.months.items()
        return {month: found for (table, month), found in months if table == spec.name and found.rows}

    def put_down(self, spec: TableSpec) -> Collection[Partition]:
        """Months that were put down to have rows, whether they are there or not."""
        return self._published(spec).keys()

    def changed(self, spec: TableSpec) -> Collection[Partition]:
        """See the protocol: what has not as many rows as were published of it. That costs nothing where all have.

        What was published anew since is not among them.
        """
        rows, held = self._rows_in_all(spec), self._published(spec)
        if rows is None:
            return held.keys()
        if not held or rows == sum(found.rows for found in held.values()):
            return ()
        each = (
            dialect.render(content.count(self.rows_of(spec, month)).select(f"'{month}' AS month"), "bigquery")
            for month in held
        )
        counts = {row["month"]: int(row["row_count"]) for row in self.jobs.rows("\nUNION ALL\n".join(each))}
        changed = [month for month, found in held.items() if counts[str(month)] != found.rows]
        now = published(self.jobs, self._tables, None).months if changed else {}
        return [month for month in changed if now.get((spec.name, month)) == held[month]]

    def notes(self, spec: TableSpec) -> Mapping[Partition, str]:
        if spec.name not in self._notes:
            self._notes[spec.name] = notes(self.jobs, self._tables, spec, self.known(WHOLE).tables)
        return self._notes[spec.name]

    def was_published(self, spec: TableSpec) -> bool:
        return self.history(spec).version is not None

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> exp.Query:
        return accounts(columns, reasons)

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
            held = self._months[partition] = published(self.jobs, self._tables, partition, self._histories)
        return held

    @cached_property
    def _all(self) -> Published:
        return published(self.jobs, self._tables, None, self._histories)

    @property
    def _histories(self) -> Mapping[str, TableHistory] | None:
        """Of all tables at the first look, None before it."""
        first = next(iter(self._months.values()), None)
        return None if first is None else first.tables

    def _rows_in_all(self, spec: TableSpec) -> int | None:
        """How many rows a table has, None if there is none."""
        table = self._table(spec)
        return None if table is None else int(table.num_rows or 0)

    def _table(self, spec: TableSpec) -> Table | None:
        if spec.name not in self._found:
            self._found[spec.name] = self._tables.table(spec.name)
        return self._found[spec.name]


def _in_words(outdated_by: tuple[str, ...]) -> str:
    if outdated_by[0].startswith(ANEW):
        return f"made anew, empty, on {outdated_by[0].removeprefix(ANEW)}, and not published since"
    return f"made before {', '.join(outdated_by)} changed"
