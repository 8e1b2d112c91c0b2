"""The local store: DuckDB computes a month into an immutable file, Iceberg commits it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlglot import exp

from lakehouse.home import ensure_local_home
from lakehouse.partition import Partition
from lakehouse.private_folders import PrivateFolders
from lakehouse.results import Groundwork
from lakehouse.schema import TableSpec
from lakehouse.warehouse.local.engine import connect
from lakehouse.warehouse.local.outdated import made_anew, outdated_property
from lakehouse.warehouse.local.records import IcebergRecords
from lakehouse.warehouse.local.session import LocalSession
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.store import Records, Work
from lakehouse.warehouse.traits import Traits


class LocalStore:
    """Implements :class:`lakehouse.warehouse.store.Store` on one machine's disk."""

    traits = Traits()

    def __init__(self, home: Path, *, memory_limit: str, threads: int, of_samples: bool) -> None:
        self._home = home
        self._work = PrivateFolders(home / "staging")
        self._spill = home / "staging" / "spill"  # which DuckDB tidies up itself
        self._memory_limit = memory_limit
        self._threads = threads
        self._of_samples = of_samples
        self.tables = IcebergTables(home, of_samples=of_samples)

    def prepare(self) -> Groundwork:
        ensure_local_home(self._home, of_samples=self._of_samples)
        self._work.sweep()
        return Groundwork()

    def create(self, spec: TableSpec) -> None:
        self.tables.create(spec)

    def evolve(self, spec: TableSpec) -> None:
        self.tables.evolve(spec)

    def set_aside(self, spec: TableSpec, owed: Iterable[Partition]) -> str:
        now = datetime.now(UTC)
        return str(self.tables.set_aside(spec, {outdated_property(each): made_anew(now) for each in owed}, now))

    def records(self, work: Work | None = None) -> IcebergRecords:  # noqa: ARG002 - nothing is put down of it
        return IcebergRecords(self.tables)

    @contextmanager
    def session(self, work: Work, records: Records) -> Iterator[LocalSession]:
        if not isinstance(records, IcebergRecords):
            raise TypeError(f"{work}: a local session reads what Iceberg tables hold")
        with ExitStack() as opened, connect(self._memory_limit, self._threads, self._spill) as connection:

            @cache
            def folder() -> Path:
                return opened.enter_context(self._work.folder("model"))

            yield LocalSession(connection, self.tables, records, work, folder, self._memory_limit, self._home)

    @staticmethod
    def tie_breaker(columns: Sequence[str]) -> exp.Expr:
        return exp.func("hash", *(exp.column(column, quoted=True) for column in columns))

    def digest(self, columns: Sequence[str]) -> exp.Expr:
        return self.tie_breaker(columns)

    def close(self) -> None:
        self.tables.close()
