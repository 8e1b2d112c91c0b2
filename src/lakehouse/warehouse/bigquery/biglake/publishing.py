"""A month of Iceberg tables replaced by what is staged: extracted, committed a table at a time, and put down at last.

The catalog commits one table at a time, and the record is BigQuery's: a run that is ended in between leaves tables that
state another publication than the record, or than each other. What a table states is the truth; the next run mends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.exceptions import ConfigurationError, StaleInputs, StorageUnavailable
from lakehouse.warehouse.bigquery.biglake.commits import Replaced, replace_month
from lakehouse.warehouse.bigquery.biglake.records import CatalogRecords
from lakehouse.warehouse.bigquery.biglake.stated import StatedMonth, now
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from lakehouse.warehouse.bigquery.extracts import extracted
from lakehouse.warehouse.bigquery.jobs import new_job_id
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS
from lakehouse.warehouse.bigquery.publishing import Publishing, Target
from lakehouse.warehouse.bigquery.transactions import Failed, Overtaken
from lakehouse.warehouse.iceberg.files import data_files
from lakehouse.warehouse.store import Commit

if TYPE_CHECKING:
    from pyiceberg.table import Table


@dataclass(frozen=True)
class CatalogPublishing(Publishing):
    """What is to be published of a month by a session, all of it in tables of the catalog."""

    catalog: CatalogTables = field(kw_only=True)
    publication: str = field(default_factory=new_job_id, kw_only=True)
    """The same in all its tables, however often it is tried."""
    _files: dict[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)
    """What was extracted of each staged table."""
    _stated: dict[str, StatedMonth] = field(default_factory=dict, kw_only=True)
    """What was committed, or found, of each table."""
    _committed: set[str] = field(default_factory=set, kw_only=True)

    def _once(self, is_current: Callable[[], bool]) -> Commit:
        seen = self.records()
        if not isinstance(seen, CatalogRecords):
            raise TypeError(f"{self.work}: is published in a catalog, whose tables are not looked at")
        targets = [self._target(staged, seen) for staged in self.wanted.staged]
        tables = {target.spec.name: self._table(seen, target) for target in targets}
        is_told = all(seen.is_recorded(target.spec, target.partition) for target in targets)
        if is_told and all(target.was_done_meanwhile for target in targets):
            return Commit(targets[-1].version, is_new=False)
        if not is_current():
            raise StaleInputs(f"{self.work}: its inputs changed while it was computed")
        is_held = all(target.has_these_rows for target in targets)
        for target in targets:
            name, table = target.spec.name, tables[target.spec.name]
            stated = seen.stated(name).get(target.partition)
            is_settled = is_held or (stated is not None and stated == self._stated.get(name))
            is_emptied = not target.staged.rows and bool(data_files(table, target.spec, target.partition))
            if is_emptied or (target.staged.rows and not is_settled):
                self._replace(target, table)
            elif stated is not None:
                self._stated[name] = stated
        self._put_down(targets, seen, is_recorded=is_held and is_told and not self._committed)
        own = targets[-1].spec.name
        version = self._stated[own].snapshot if own in self._stated else targets[-1].version
        return Commit(version, is_new=bool(self._committed))

    def _table(self, seen: CatalogRecords, target: Target) -> Table:
        table = seen.table(target.spec.name)
        if table is None:
            raise ConfigurationError(
                f"{target.spec.name}: is not in catalog {self.catalog.name}: materialize infrastructure, which makes it"
            )
        return table

    def _replace(self, target: Target, table: Table) -> None:
        from pyiceberg.exceptions import CommitFailedException, ValidationException

        name, is_own = target.spec.name, target.staged is self.wanted.staged[-1]
        ledger = self.wanted.ledger if is_own else None
        files = self._extracted(target, table)
        statement = StatedMonth(
            publication=self.publication,
            snapshot="",
            fingerprint=self.wanted.fingerprint,
            content=target.staged.content,
            rows=target.staged.rows,
            bytes=target.staged.bytes,
            published_at=now(),
            landing=self.wanted.bronze_sha256,
            landed_records=None if ledger is None else ledger.bronze_rows,
            copies=None if ledger is None else ledger.duplicate_copies,
            rejected={} if ledger is None else dict(ledger.rejected),
        )
        note = self.wanted.note if is_own else None
        wanted = Replaced(target.spec, target.partition, files, statement, note)
        try:
            self._stated[name] = replace_month(self.catalog, table, wanted)
        except (CommitFailedException, ValidationException) as error:
            raise Overtaken(f"{name} was changed by another run") from error
        except StorageUnavailable as error:
            raise Failed(str(error)) from error
        self._committed.add(name)

    def _extracted(self, target: Target, table: Table) -> tuple[str, ...]:
        """Files of the staged rows, beside those that the table has; none of no rows."""
        name = target.spec.name
        if name not in self._files and target.staged.rows:
            source = f"{self.tables.place.project}.{target.staged.table}"
            folder = extracted(self.jobs, source, f"{table.location()}/data/{target.partition}")
            self._files[name] = self.catalog.files_under(folder)
        return self._files.get(name, ())

    def _put_down(self, targets: list[Target], seen: CatalogRecords, *, is_recorded: bool) -> None:
        """The record, as of which the tables were looked at; it is refused where another one came between."""
        recorded = [
            replace(target, held=seen.recorded(target.spec, target.partition), is_intact=True) for target in targets
        ]
        job_id = new_job_id()
        self.tables.evolve(PUBLICATIONS, self.jobs)
        self._transaction(recorded, seen, job_id, is_held=is_recorded).run(self.tables, self.jobs, job_id)

    def _replacing(self, target: Target) -> list[str]:  # noqa: ARG002 - it was replaced by then
        return []

    def _published(self, target: Target, job_id: str) -> tuple[str | None, datetime | None]:
        stated = self._stated.get(target.spec.name)
        if stated is None:
            return super()._published(target, job_id)
        return stated.snapshot, datetime.fromisoformat(stated.published_at)
