"""What pyiceberg has no public call for: all tables as of one moment, and changes of several in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableUpdate
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Pointer:
    """Where the catalog says that a table's metadata is, and where it was before."""

    name: str
    location: str
    previous: str | None = None


@dataclass(frozen=True)
class Change:
    """What is to become of a table that is as its pointer has it."""

    pointer: Pointer
    transaction: Transaction


@dataclass(frozen=True)
class Move:
    """Where a table's metadata are to be from now on; ``base`` are those that these were made of."""

    pointer: Pointer
    location: str
    base: str


def pointers(catalog: SqlCatalog) -> Mapping[str, Pointer]:
    """Those of all tables, as of one moment."""
    with catalog.engine.connect() as connection:
        return _pointers(catalog, connection)


def table_at(catalog: SqlCatalog, name: str, location: str) -> Table:
    """A table as metadata have it, which need not be those that the catalog points at.

    Raises:
        FileNotFoundError: they are gone.
        UnicodeDecodeError, ValidationError: they are not metadata.
    """
    from pyiceberg.catalog.sql import IcebergTables as Rows

    namespace, _, table = name.partition(".")
    return catalog._convert_orm_to_iceberg(
        Rows(
            catalog_name=catalog.name,
            table_namespace=namespace,
            table_name=table,
            metadata_location=location,
            previous_metadata_location=None,
        )
    )


def transaction_of(table: Table) -> Transaction:
    """Changes of a table, to be committed by :func:`commit`."""
    return _remembering()(table)


@cache
def _remembering() -> type[Transaction]:
    """Transactions that work out once what their changes make of the metadata.

    pyiceberg copies all of them whenever it looks at any, some fifteen times a snapshot, and a table has as many
    snapshots as it has had changes. It only reads what it is given.
    """
    from pyiceberg.table import Transaction

    class Remembering(Transaction):
        _made: tuple[tuple[TableUpdate, ...], TableMetadata] | None = None

        @property
        def table_metadata(self) -> TableMetadata:
            if self._made is None or self._made[0] is not self._updates:
                self._made = self._updates, super().table_metadata
            return self._made[1]

    return Remembering


def commit(
    catalog: SqlCatalog, changes: Sequence[Change], given: Mapping[str, Pointer | None] = MappingProxyType({})
) -> None:
    """Make all the changes, or none.

    Raises:
        CommitFailedException: one of the tables, or of those that are ``given``, is not as its pointer has it any more.
    """
    from pyiceberg.exceptions import CommitFailedException

    moves = [_written(catalog, change) for change in changes]
    try:
        point_at(catalog, moves, given)
    except CommitFailedException:
        for change, move in zip(changes, moves, strict=True):
            _discard(change.transaction, move)
        raise


def point_at(catalog: SqlCatalog, moves: Sequence[Move], given: Mapping[str, Pointer | None]) -> None:
    """Let the catalog point at other metadata, of all these tables or of none.

    Raises:
        CommitFailedException: it does not point where it did, there or at what is ``given``.
    """
    from pyiceberg.catalog.sql import IcebergTables as Rows
    from pyiceberg.exceptions import CommitFailedException
    from sqlalchemy import update

    with catalog.engine.begin() as connection:
        for move in moves:
            namespace, _, table = move.pointer.name.partition(".")
            moved = connection.execute(
                update(Rows)
                .where(
                    Rows.catalog_name == catalog.name,
                    Rows.table_namespace == namespace,
                    Rows.table_name == table,
                    Rows.metadata_location == move.pointer.location,
                )
                .values(metadata_location=move.location, previous_metadata_location=move.base)
            )
            if moved.rowcount != 1:
                raise CommitFailedException(f"{move.pointer.name} was changed by another writer")
        now = _pointers(catalog, connection)  # nobody else writes, now that this transaction has
        for name, pointer in given.items():
            if now.get(name) != pointer:
                raise CommitFailedException(f"{name} was changed by another writer")


def take_place(catalog: SqlCatalog, name: str, new: str) -> None:
    """Let a new table have the name of another one, which the catalog forgets at once.

    Raises:
        CommitFailedException: either is not there any more.
    """
    from pyiceberg.catalog.sql import IcebergTables as Rows
    from pyiceberg.exceptions import CommitFailedException
    from sqlalchemy import ColumnElement, and_, delete, update

    def row(full: str) -> ColumnElement[bool]:
        namespace, _, table = full.partition(".")
        named = (Rows.table_namespace == namespace, Rows.table_name == table)
        return and_(Rows.catalog_name == catalog.name, *named)

    with catalog.engine.begin() as connection:
        gone = connection.execute(delete(Rows).where(row(name)))
        moved = connection.execute(update(Rows).where(row(new)).values(table_name=name.partition(".")[2]))
        if (gone.rowcount, moved.rowcount) != (1, 1):
            raise CommitFailedException(f"{name} was changed by another writer")


def _pointers(catalog: SqlCatalog, connection: Connection) -> Mapping[str, Pointer]:
    from pyiceberg.catalog.sql import IcebergTables as Rows
    from sqlalchemy import select

    columns = (Rows.table_namespace, Rows.table_name, Rows.metadata_location, Rows.previous_metadata_location)
    found = connection.execute(select(*columns).where(Rows.catalog_name == catalog.name)).all()
    named = ((f"{namespace}.{table}", now, before) for namespace, table, now, before in found)
    return {name: Pointer(name, now, before) for name, now, before in named if now is not None}


def _discard(transaction: Transaction, move: Move) -> None:
    """Remove what was written for a commit that was none."""
    io, snapshot = transaction._table.io, transaction.table_metadata.current_snapshot()
    files = [move.location]
    if snapshot is not None and transaction._table.metadata.snapshot_by_id(snapshot.snapshot_id) is None:
        own = [each for each in snapshot.manifests(io) if each.added_snapshot_id == snapshot.snapshot_id]
        files += [each.manifest_path for each in own] + [snapshot.manifest_list]
    for file in files:
        io.delete(file)


def _written(catalog: SqlCatalog, change: Change) -> Move:
    """Metadata with a transaction's changes in them, in a file that nothing points at yet."""
    transaction = change.transaction
    table = transaction._table
    staged = catalog._update_and_stage_table(table, table.name(), transaction._requirements, transaction._updates)
    catalog._write_metadata(staged.metadata, staged.io, staged.metadata_location)
    return Move(change.pointer, staged.metadata_location, table.metadata_location)
