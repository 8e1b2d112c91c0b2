"""Iceberg tables in a SQLite catalog: created, evolved, looked at."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.databases import name_databases_in_errors
from lakehouse.exceptions import CorruptFile
from lakehouse.files import file_uri, make_folder, move_durably, path_of
from lakehouse.home import ensure_local_home
from lakehouse.schema import TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.iceberg.types import evolve, iceberg_schema, shape_of
from lakehouse.warehouse.local.private_pyiceberg import (
    Change,
    Pointer,
    commit,
    pointers,
    table_at,
    take_place,
    transaction_of,
)
from lakehouse.warehouse.local.racing import alone, racing

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table

NAMESPACES = ("silver", "gold")

_BUSY_SECONDS = 30
"""How long to wait for another process that has the catalog's database."""

_SYNCHRONOUS = "EXTRA"
"""How the catalog's database waits for the disk: for the name of its journal too, whose removal is the commit."""

_FILE_IO = "lakehouse.warehouse.local.durable_io.DurableFileIO"

SAMPLE_PROPERTY = "lakehouse.sample"
"""Table property that is ``true`` where rows are generated."""

_ANEW = "__anew"
"""Ending of the name of a table that is about to take the place of another."""

_TABLE_PROPERTIES = {
    "commit.retry.num-retries": "4",
    "commit.retry.max-wait-ms": "1000",
    "commit.manifest-merge.enabled": "true",
}


class IcebergTables:
    """The tables of one home. Every change is one atomic commit; readers see it whole or not at all.

    Tables that are created in a home of samples say so, in their comment and the property :data:`SAMPLE_PROPERTY`.
    """

    def __init__(self, home: Path, *, of_samples: bool) -> None:
        self._home = home
        self._of_samples = of_samples
        self._database = home / "catalog.db"
        self.turns = home / "catalog.lock"

    @cached_property
    def catalog(self) -> SqlCatalog:
        """The catalog, created on first use; several processes may do so at once.

        Raises:
            ConfigurationError: the home is of another profile, or of samples and ought not to be, or ought to.
        """
        from pyiceberg.catalog.sql import SqlCatalog
        from sqlalchemy import event
        from sqlalchemy.exc import IntegrityError, OperationalError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random

        def opened() -> SqlCatalog:
            catalog = SqlCatalog(
                "local",
                uri=f"sqlite:///{self._database}?timeout={_BUSY_SECONDS}",
                warehouse=file_uri(self._home / "warehouse"),
                **{"py-io-impl": _FILE_IO},
            )
            event.listen(catalog.engine, "connect", _wait_for_disk)
            catalog.engine.dispose()  # what it is connected by already
            for namespace in NAMESPACES:
                catalog.create_namespace_if_not_exists(namespace)
            return catalog

        name_databases_in_errors()
        ensure_local_home(self._home, of_samples=self._of_samples)
        make_folder(self._home)
        opening = Retrying(
            retry=retry_if_exception_type((OperationalError, IntegrityError)),
            stop=stop_after_attempt(5) | stop_after_delay(_BUSY_SECONDS),  # who has waited for a lock need not again
            wait=wait_random(0.02, 0.2),
            reraise=True,
        )
        return opening(opened)

    def close(self) -> None:
        """Let go of the catalog's connections."""
        if "catalog" in self.__dict__:
            self.catalog.close()
            del self.__dict__["catalog"]

    def pointers(self) -> Mapping[str, Pointer]:
        """Where the metadata of each table there is are, all as of one moment."""
        return pointers(self.catalog) if self._database.exists() else {}

    def at(self, pointer: Pointer) -> Table:
        """A table as it was when the catalog pointed so; :func:`is_set_back` if that can no longer be read.

        Then it is as it was before the latest change.

        Raises:
            CorruptFile: the catalog knows it, but its metadata cannot be read, or is that of another home.
        """
        from pyiceberg.exceptions import ValidationError

        read = partial(table_at, self.catalog, pointer.name)
        unreadable = (FileNotFoundError, UnicodeDecodeError, ValidationError)  # other errors are not for good
        try:
            table = read(pointer.location)
        except unreadable as error:
            try:
                if pointer.previous is None:
                    raise
                table = read(pointer.previous)
            except unreadable:
                kind = "is gone" if isinstance(error, FileNotFoundError) else "cannot be read"
                raise CorruptFile(
                    f"{pointer.name}: its table metadata {kind} ({path_of(pointer.location)}); was the home moved, or "
                    f"a file removed? {_remedy(pointer.name)}"
                ) from error
        if not path_of(table.location()).is_relative_to(self._home):
            raise CorruptFile(
                f"{pointer.name}: {self._database} is a copy: its tables are in {table.location()}. Use the home they "
                "are in, or run the months again in a new LAKEHOUSE_HOME"
            )
        return table

    def create(self, spec: TableSpec) -> None:
        """Create a table that may be there by now."""
        self._create(spec, spec.name, None, {})

    def _create(self, spec: TableSpec, name: str, location: str | None, properties: Mapping[str, str]) -> None:
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
        from pyiceberg.transforms import MonthTransform

        schema = iceberg_schema(spec)
        partition_spec = UNPARTITIONED_PARTITION_SPEC
        if spec.partition is not None:
            source = schema.find_field(spec.partition).field_id
            field = PartitionField(source, 1000, MonthTransform(), f"{spec.partition}_month")
            partition_spec = PartitionSpec(field)
        self.catalog.create_table_if_not_exists(
            name,
            schema,
            location,
            partition_spec=partition_spec,
            properties={
                **_TABLE_PROPERTIES,
                **({SAMPLE_PROPERTY: "true"} if self._of_samples else {}),
                "comment": f"{SAMPLE_NOTE} {spec.description}" if self._of_samples else spec.description,
                "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
                **properties,
            },
        )

    def set_aside(self, spec: TableSpec, properties: Mapping[str, str], now: datetime) -> Path:
        """Make a table anew, empty; the folder that its files are moved to, beside where they were.

        Until it is there, in the end at once, the old one stays: it is never missing.

        Raises:
            CommitConflict: another process is at it.
        """
        from pyiceberg.exceptions import NoSuchTableError

        namespace, _, name = spec.name.partition(".")
        folder = self._home / "warehouse" / namespace / name
        aside = folder.with_name(f"{name}.set-aside-{now:%Y%m%dT%H%M%S%fZ}")
        new = f"{spec.name}{_ANEW}"
        with alone(f"set-aside {spec.name}", self._home / "set-aside.lock"):
            if folder.exists():
                move_durably(folder, aside)
            with suppress(NoSuchTableError):
                self.catalog.drop_table(new)  # which was left by one that was killed
            self._create(spec, new, file_uri(folder), properties)
            take_place(self.catalog, spec.name, new)
        return aside

    def evolve(self, spec: TableSpec) -> None:
        """Bring a table's columns to its spec; makes no snapshot. Safe to race.

        Raises:
            ModelError: it cannot be brought there in place.
            CommitConflict: other writers kept changing the table.
            CorruptFile: as :meth:`at`.
        """

        def once() -> None:
            pointer = self.pointers()[spec.name]
            table = self.at(pointer)
            if is_set_back(table, pointer):
                return  # the next month that is run mends it, and has its columns evolved
            if changes := evolution(shape_of(table), spec):
                transaction = transaction_of(table)
                with transaction.update_schema() as update:
                    evolve(update, changes)
                commit(self.catalog, [Change(pointer, transaction)])

        racing(spec.name, once, self.turns)


def _remedy(table: str) -> str:
    return f"Put it back, or make the table anew: lakehouse set-aside {table}, then run its months"


def _wait_for_disk(connection: Any, _: object) -> None:
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")


def is_set_back(table: Table, pointer: Pointer) -> bool:
    """Whether a table is not what the catalog points at, as that cannot be read, but what was there before."""
    return table.metadata_location != pointer.location
