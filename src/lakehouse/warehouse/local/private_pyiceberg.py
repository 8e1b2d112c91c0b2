"""What pyiceberg has no public call for: all tables as of one moment, and changes of several in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table, Transaction


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


def pointers(catalog: SqlCatalog) -> Mapping[str, Pointer]:
    """Those of all tables, as of one moment."""
    from pyiceberg.catalog.sql import IcebergTables as Rows
    from sqlalchemy import select

    columns = (Rows.table_namespace, Rows.table_name, Rows.metadata_location, Rows.previous_metadata_location)
    with catalog.engine.connect() as connection:
        found = connection.execute(select(*columns).where(Rows.catalog_name == catalog.name)).all()
    named = ((f"{namespace}.{table}", now, before) for namespace, table, now, before in found)
    return {name: Pointer(name, now, before) for name, now, before in named if now is not None}


def table_at(catalog: SqlCatalog, name: str, location: str) -> Table:
    """A table as metadata have it, which need not be those that the catalog points at.

    Raises:
        OSError, ValueError: they cannot be read.
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


def commit(catalog: SqlCatalog, changes: Sequence[Change]) -> None:
    """Make all the changes, or none.

    Raises:
        CommitFailedException: one of the tables is not as its pointer has it any more.
    """
    point_at(catalog, [(change.pointer, _written(catalog, change.transaction)) for change in changes])


def point_at(catalog: SqlCatalog, moves: Sequence[tuple[Pointer, str]]) -> None:
    """Let the catalog point at other metadata, of all these tables or of none.

    Raises:
        CommitFailedException: it does not point where it did.
    """
    from pyiceberg.catalog.sql import IcebergTables as Rows
    from pyiceberg.exceptions import CommitFailedException
    from sqlalchemy import update

    with catalog.engine.begin() as connection:
        for pointer, location in moves:
            namespace, _, table = pointer.name.partition(".")
            moved = connection.execute(
                update(Rows)
                .where(
                    Rows.catalog_name == catalog.name,
                    Rows.table_namespace == namespace,
                    Rows.table_name == table,
                    Rows.metadata_location == pointer.location,
                )
                .values(metadata_location=location, previous_metadata_location=pointer.location)
            )
            if moved.rowcount != 1:
                raise CommitFailedException(f"{pointer.name} was changed by another writer")


def _written(catalog: SqlCatalog, transaction: Transaction) -> str:
    """Metadata with a transaction's changes in them, in a file that nothing points at yet; where that is."""
    table = transaction._table
    staged = catalog._update_and_stage_table(table, table.name(), transaction._requirements, transaction._updates)
    catalog._write_metadata(staged.metadata, staged.io, staged.metadata_location)
    return staged.metadata_location
