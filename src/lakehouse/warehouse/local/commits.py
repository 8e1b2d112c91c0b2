"""A month of an Iceberg table replaced by a staged file, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.exceptions import StaleInputs
from lakehouse.files import file_uri, make_durable, path_of
from lakehouse.partition import Partition, Period
from lakehouse.schema import TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.local.records import (
    confirmation,
    confirmed_property,
    content_of,
    file_name,
    holds_its_content,
    version_of,
)
from lakehouse.warehouse.local.tables import IcebergTables, data_files, month_filter, racing
from lakehouse.warehouse.local.types import evolve, require_exact_types, shape_of
from lakehouse.warehouse.store import Commit

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


@dataclass(frozen=True)
class Replaced:
    """What a month of a table is to hold: the rows of a staged file, or none; ``summary`` is its snapshot's."""

    spec: TableSpec
    partition: Partition
    staged: Path
    rows: int
    fingerprint: str
    content: str
    summary: Mapping[str, str]

    def __str__(self) -> str:
        return self.partition.of(self.spec.name)


def publish(tables: IcebergTables, wanted: Replaced, is_current: Callable[[], bool]) -> Commit:
    """Make a staged file the content of a month, and the spec's columns those of the table.

    One commit, one snapshot; none if the month holds just these rows already. ``is_current`` is asked before each
    attempt, after the table was loaded: a change that another writer commits later makes the attempt a conflict, and
    the next one asks again, so an overtaken writer never undoes a newer month.

    Raises:
        StaleInputs: what the file was computed from is no longer current; nothing was published.
        CommitConflict: other writers kept changing the month.
        CorruptFile: the file's columns or types are not exactly the spec's.
    """
    return racing(str(wanted), lambda: _publish_once(tables, wanted, is_current))


def _publish_once(tables: IcebergTables, wanted: Replaced, is_current: Callable[[], bool]) -> Commit:
    table = tables.catalog.load_table(wanted.spec.name)
    if not is_current():
        raise StaleInputs(f"{wanted}: its inputs changed while it was computed")
    there = data_files(table, wanted.spec, wanted.partition)
    held = [path_of(file.file_path) for file in there]
    if not wanted.rows:
        is_new = bool(there)
        if is_new:
            _overwrite(table, wanted, there, None)
    elif len(held) == 1 and content_of(held[0]) == wanted.content and holds_its_content(held[0]):
        version = version_of(table, wanted.partition)  # as the table was loaded: a confirmation makes none
        _confirm(table, wanted, held[0])
        return Commit(version, is_new=False)
    else:
        is_new = True
        final = _placed(table, wanted)
        if held != [final]:  # else the file that is there was damaged, and has its own bytes again
            _overwrite(table, wanted, there, final)
    return Commit(version_of(table, wanted.partition), is_new)


def _confirm(table: Table, wanted: Replaced, held: Path) -> None:
    """Put down that what was computed is what is there."""
    name, value = confirmed_property(wanted.partition), confirmation(wanted.fingerprint, wanted.content)
    if held.name != file_name(wanted.fingerprint, wanted.content) and table.properties.get(name) != value:
        with table.transaction() as transaction:
            transaction.set_properties({name: value})


def _placed(table: Table, wanted: Replaced) -> Path:
    """Give the staged file its final name; one of that name has, or should have, its bytes."""
    folder = path_of(table.location()) / "data" / str(wanted.partition)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / file_name(wanted.fingerprint, wanted.content)
    if wanted.staged.exists():  # else an earlier attempt has moved it
        require_exact_types(wanted.staged, wanted.spec)
        wanted.staged.replace(final)
        make_durable(folder)
    return final


def _overwrite(table: Table, wanted: Replaced, there: tuple[DataFile, ...], final: Path | None) -> None:
    """One snapshot: the month's files out, the new one in, the columns evolved."""
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import parquet_file_to_data_file

    changes = evolution(shape_of(table), wanted.spec)
    with table.transaction() as transaction:
        if changes:
            with transaction.update_schema() as update:
                evolve(update, changes)
        with transaction.update_snapshot(snapshot_properties=dict(wanted.summary)).overwrite() as overwrite:
            # Without the predicate a write to another month would be a conflict, too.
            overwrite.delete_by_predicate(
                month_filter(wanted.spec, wanted.partition) if isinstance(wanted.partition, Period) else AlwaysTrue()
            )
            for file in there:
                overwrite.delete_data_file(file)
            if final is not None:
                overwrite.append_data_file(
                    parquet_file_to_data_file(table.io, transaction.table_metadata, file_uri(final))
                )
