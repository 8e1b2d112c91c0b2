"""Iceberg tables in a SQLite catalog: created, evolved, listed, and a month of one replaced atomically."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import CommitConflict, CorruptFile, ModelError, StaleInputs
from lakehouse.home import ensure_home_kind
from lakehouse.month import Month
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.local.iceberg_schema import (
    bigquery_type,
    differs,
    evolve,
    iceberg_schema,
    require_evolvable,
    require_exact_types,
)

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.table import FileScanTask, Table

NAMESPACES = ("silver", "gold")

SAMPLE_PROPERTY = "lakehouse.sample"
"""Table property that is ``true`` where rows are generated."""

_COMMIT_ATTEMPTS = 10
_TABLE_PROPERTIES = {
    "commit.retry.num-retries": "4",
    "commit.retry.max-wait-ms": "1000",
    "commit.manifest-merge.enabled": "true",
}


@dataclass(frozen=True)
class Published:
    """What a table holds of a month (or whole): its data files, and the snapshot that says so."""

    files: tuple[Path, ...]
    snapshot: str | None


class IcebergTables:
    """The tables of one home. Every change is one atomic commit; readers see it whole or not at all.

    Tables that are created in a home of samples say so, in their comment and the property :data:`SAMPLE_PROPERTY`.
    """

    def __init__(self, home: Path, *, of_samples: bool = False) -> None:
        self._home = home
        self._of_samples = of_samples
        self._database = home / "catalog.db"

    @cached_property
    def catalog(self) -> SqlCatalog:
        """The catalog, created on first use; several processes may do so at once.

        Raises:
            ConfigurationError: the home is one of samples, and ought not to be, or the other way round.
        """
        from pyiceberg.catalog.sql import SqlCatalog
        from sqlalchemy.exc import IntegrityError, OperationalError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

        def opened() -> SqlCatalog:
            catalog = SqlCatalog(
                "local",
                uri=f"sqlite:///{self._database}?timeout=30",
                warehouse=_uri(self._home / "warehouse"),
            )
            for namespace in NAMESPACES:
                catalog.create_namespace_if_not_exists(namespace)
            return catalog

        ensure_home_kind(self._home, of_samples=self._of_samples)
        self._home.mkdir(parents=True, exist_ok=True)
        racing = Retrying(
            retry=retry_if_exception_type((OperationalError, IntegrityError)),
            stop=stop_after_attempt(5),
            wait=wait_random(0.02, 0.2),
            reraise=True,
        )
        return racing(opened)

    def close(self) -> None:
        """Let go of the catalog's connections."""
        if "catalog" in self.__dict__:
            self.catalog.close()
            del self.__dict__["catalog"]

    def ensure(self, spec: TableSpec) -> None:
        """Create the table if it is missing; an existing one is only looked at.

        Its columns change with the first month that is published with others, not before.

        Raises:
            ModelError: the table cannot be brought to the spec in place.
        """
        table = self.load(spec.name) or self._create(spec)
        if differs(table, spec):
            require_evolvable(table, spec)

    def describe(self, spec: TableSpec) -> None:
        """Bring descriptions to the spec's, for a month that is published as it should be; makes no snapshot."""
        table = self.catalog.load_table(spec.name)
        if differs(table, spec):
            with table.update_schema() as update:
                evolve(update, table, spec)

    def columns(self, name: str) -> tuple[Column, ...] | None:
        """The columns a table has now, None if there is no such table."""
        table = self.load(name)
        if table is None:
            return None
        return tuple(
            Column(field.name, bigquery_type(field.field_type), field.doc or "") for field in table.schema().fields
        )

    def published(self, spec: TableSpec, month: Month | None = None) -> Published:
        """Data files of a month, or of the whole table if ``month`` is None or it is not partitioned."""
        table = self.load(spec.name)
        if table is None:
            return Published((), None)
        files = tuple(_path(task) for task in self.plan(table, spec, month))
        snapshot = table.current_snapshot()
        return Published(files, str(snapshot.snapshot_id) if snapshot else None)

    def folder(self, spec: TableSpec, month: Month | None) -> Path:
        """Where data files of a month belong."""
        location = self.catalog.load_table(spec.name).location()
        return _local(location) / "data" / (str(month) if month else "all")

    def publish(
        self,
        spec: TableSpec,
        month: Month | None,
        file: Path | None,
        properties: dict[str, str],
        still_current: Callable[[], bool],
    ) -> str | None:
        """Make ``file`` (None: no rows) the content of a month, and the spec's columns those of the table.

        One commit, one snapshot; none if the month holds just that file already. ``still_current`` is asked
        before each attempt, after the table was loaded: a change that another writer commits later makes the
        attempt a conflict, and the next one asks again, so an overtaken writer never undoes a newer month.

        Returns:
            The snapshot that holds the month.

        Raises:
            StaleInputs: what the file was computed from is no longer current; nothing was published.
            CommitConflict: other writers kept changing the month.
            CorruptFile: the file's columns or types are not exactly the spec's.
        """
        from pyiceberg.exceptions import CommitFailedException, ValidationException
        from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random

        racing = Retrying(
            retry=retry_if_exception_type((CommitFailedException, ValidationException)),
            stop=stop_after_attempt(_COMMIT_ATTEMPTS),
            wait=wait_random(0.05, 0.5),
        )
        try:
            return racing(self._publish_once, spec, month, file, properties, still_current)
        except RetryError as error:
            raise CommitConflict(
                f"{spec.name} {month or ''}: other writers changed it {_COMMIT_ATTEMPTS} times while it was being "
                f"published; run it again when they are done ({error.last_attempt.exception()})"
            ) from None

    def _publish_once(
        self,
        spec: TableSpec,
        month: Month | None,
        file: Path | None,
        properties: dict[str, str],
        still_current: Callable[[], bool],
    ) -> str | None:
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import parquet_file_to_data_file

        table = self.catalog.load_table(spec.name)
        if not still_current():
            raise StaleInputs(f"{spec.name} {month or ''}: its inputs changed while it was computed")
        replaced = self.plan(table, spec, month)
        wanted = [] if file is None else [file]
        if [_path(task) for task in replaced] != wanted:
            if file is not None:
                require_exact_types(file, spec)
            with table.transaction() as transaction:
                if differs(table, spec):
                    with transaction.update_schema() as update:
                        evolve(update, table, spec)
                with transaction.update_snapshot(snapshot_properties=properties).overwrite() as overwrite:
                    # The predicate makes a concurrent write to the same month a conflict, also the first one.
                    overwrite.delete_by_predicate(_month_filter(spec, month) if month else AlwaysTrue())
                    for task in replaced:
                        overwrite.delete_data_file(task.file)
                    if file is not None:
                        overwrite.append_data_file(
                            parquet_file_to_data_file(table.io, transaction.table_metadata, _uri(file))
                        )
        snapshot = table.current_snapshot()
        return str(snapshot.snapshot_id) if snapshot else None

    def plan(self, table: Table, spec: TableSpec, month: Month | None) -> list[FileScanTask]:
        """The data files of a month, or of the whole table.

        Raises:
            CorruptFile: another tool has deleted single rows, which what reads whole files would not see.
        """
        scan = table.scan(row_filter=_month_filter(spec, month)) if month and spec.partition else table.scan()
        tasks = list(scan.plan_files())
        if any(task.delete_files for task in tasks):
            raise CorruptFile(
                f"{spec.name} has row-level deletes, which another tool must have written; "
                "rewrite the table without them (its reader here takes whole files)"
            )
        return tasks

    def load(self, name: str) -> Table | None:
        """A table as it is now, None if there is none.

        Raises:
            CorruptFile: the catalog knows it, but its metadata is gone, or is that of another home.
        """
        from pyiceberg.exceptions import NoSuchTableError

        if not self._database.exists():
            return None
        try:
            table = self.catalog.load_table(name)
        except NoSuchTableError:
            return None
        except FileNotFoundError as error:
            raise CorruptFile(
                f"{name}: its table metadata is gone ({error}); was the home moved, or a file removed? Put it back, or "
                "run the months again in a new LAKEHOUSE_HOME"
            ) from error
        if not _local(table.location()).is_relative_to(self._home):
            raise CorruptFile(
                f"{name}: {self._database} is a copy: its tables are in {table.location()}. Use the home they are in, "
                "or run the months again in a new LAKEHOUSE_HOME"
            )
        return table

    def _create(self, spec: TableSpec) -> Table:
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
        from pyiceberg.transforms import MonthTransform

        schema = iceberg_schema(spec)
        partition_spec = UNPARTITIONED_PARTITION_SPEC
        if spec.partition is not None:
            source = schema.find_field(spec.partition).field_id
            field = PartitionField(source, 1000, MonthTransform(), f"{spec.partition}_month")
            partition_spec = PartitionSpec(field)
        return self.catalog.create_table_if_not_exists(
            spec.name,
            schema,
            partition_spec=partition_spec,
            properties={
                **_TABLE_PROPERTIES,
                **({SAMPLE_PROPERTY: "true"} if self._of_samples else {}),
                "comment": f"{SAMPLE_NOTE} {spec.description}" if self._of_samples else spec.description,
                "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
            },
        )


def _month_filter(spec: TableSpec, month: Month) -> BooleanExpression:
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

    if spec.partition is None:
        raise ModelError(f"{spec.name} has no partition column, so it has no month {month}")
    is_date = spec.column(spec.partition).type == "DATE"
    start, end = (bound.date().isoformat() if is_date else bound.isoformat() for bound in (month.start, month.end))
    return And(GreaterThanOrEqual(term=spec.partition, value=start), LessThan(term=spec.partition, value=end))


def _path(task: FileScanTask) -> Path:
    return _local(task.file.file_path)


def _uri(path: Path) -> str:
    """pyiceberg does not unquote, so neither is quoted; settings refuse characters that would need it."""
    return f"file://{path}"


def _local(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))
