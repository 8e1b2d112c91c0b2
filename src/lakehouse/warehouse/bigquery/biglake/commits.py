"""A month of a table replaced by files that are there already, in one commit: of them only footers are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakehouse.exceptions import CorruptFile, StorageUnavailable
from lakehouse.partition import Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.biglake.answers import told_as_ours
from lakehouse.warehouse.bigquery.biglake.stated import StatedMonth, statements
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.iceberg.files import data_files
from lakehouse.warehouse.iceberg.types import evolve, require_exact_types, shape_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table, Transaction

KEPT_SNAPSHOTS = 50
"""How many a table has at most: a metadata.json may have 1 MB, and grows by 1 to 3 kB with each."""


@dataclass(frozen=True)
class Replaced:
    """What a month of a table is to hold: the rows of files, or none; ``statement`` has no snapshot yet."""

    spec: TableSpec
    partition: Partition
    files: Sequence[str]
    statement: StatedMonth
    note: str | None

    def __str__(self) -> str:
        return self.partition.of(self.spec.name)


def replace_month(tables: CatalogTables, seen: Table, wanted: Replaced) -> StatedMonth:
    """Publish it upon the table as it was ``seen``; what the table states of the month now.

    One snapshot: the month's files out, the new ones in, columns evolved, the oldest snapshots gone. It is refused
    where the table has had any other since, whosever.

    Raises:
        CommitFailedException: it has; nothing was published.
        CorruptFile: the files are not of the table's types, or have not just the rows that they should.
        StorageUnavailable: the catalog does not answer, and has not published it.
    """
    with told_as_ours(str(wanted)):
        transaction = seen.transaction()
        if changes := evolution(shape_of(seen), wanted.spec):
            with transaction.update_schema() as update:
                evolve(update, changes)
        added = _data_files(transaction, seen, wanted)
        summary = wanted.statement.summary(wanted.partition, wanted.note)
        with transaction.update_snapshot(snapshot_properties=summary).overwrite() as overwrite:
            for file in data_files(seen, wanted.spec, wanted.partition):
                overwrite.delete_data_file(file)
            for file in added:
                overwrite.append_data_file(file)
        stated = replace(wanted.statement, snapshot=str(transaction.table_metadata.current_snapshot_id))
        transaction.set_properties(stated.property(wanted.partition))
        _expire(transaction)
    try:
        with told_as_ours(str(wanted)):
            transaction.commit_transaction()
    except StorageUnavailable:  # it may have been done all the same
        found = statements(tables.table(wanted.spec.name), wanted.spec.name).get(wanted.partition)
        if found != stated:
            raise
    return stated


def _data_files(transaction: Transaction, seen: Table, wanted: Replaced) -> list[DataFile]:
    from pyiceberg.io.pyarrow import parquet_file_to_data_file

    found = []
    for uri in wanted.files:
        with seen.io.new_input(uri).open() as footer:
            require_exact_types(footer, uri, wanted.spec)
        file = parquet_file_to_data_file(seen.io, transaction.table_metadata, uri)
        if file.record_count:  # one without rows is of no month
            found.append(file)
    rows = sum(file.record_count for file in found)
    if rows != wanted.statement.rows:
        raise CorruptFile(
            f"{wanted}: {rows} of its {wanted.statement.rows} rows were extracted; nothing was published. Run it again"
        )
    return found


def _expire(transaction: Transaction) -> None:
    """Have the oldest snapshots go that are too many; their files stay."""
    from pyiceberg.table.update.snapshot import ExpireSnapshots

    metadata = transaction.table_metadata
    named = {ref.snapshot_id for ref in metadata.refs.values()}  # by somebody's tag or branch
    oldest_first = sorted(metadata.snapshots, key=lambda each: each.timestamp_ms)
    too_many = [each.snapshot_id for each in oldest_first[:-KEPT_SNAPSHOTS] if each.snapshot_id not in named]
    if too_many:
        ExpireSnapshots(transaction).by_ids(too_many).commit()
