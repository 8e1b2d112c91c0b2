"""A month of some tables replaced by what is staged, in one transaction that also says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse.exceptions import StaleInputs
from lakehouse.partition import WHOLE, Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.constants import deleted
from lakehouse.warehouse.bigquery.jobs import Jobs, new_job_id
from lakehouse.warehouse.bigquery.publications import (
    CONFIRMED,
    OUTDATED,
    PUBLICATIONS,
    PUBLISHED,
    Publication,
    month_value,
    row_text,
)
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.bigquery.transactions import Transaction, until_first
from lakehouse.warehouse.bigquery.usual_cost import billed_before_publishing
from lakehouse.warehouse.store import Commit, Staged, StagedPartition, Work


@dataclass(frozen=True)
class StagedTable(Staged):
    """Staged rows and the table that they are in, as statements call it."""

    table: str


@dataclass(frozen=True)
class Publishing:
    """What is to be published of a month by a session."""

    tables: Tables
    jobs: Jobs
    work: Work
    seen: BigQueryRecords
    """What was published when the rows were computed."""
    records: Callable[[], BigQueryRecords]
    """What is published now."""
    wanted: StagedPartition

    def run(self, is_current: Callable[[], bool]) -> Commit:
        """See :meth:`lakehouse.warehouse.store.Session.publish`."""
        return until_first(lambda: self._once(is_current), str(self.work))

    def _once(self, is_current: Callable[[], bool]) -> Commit:
        now = self.records()
        targets = [self._target(staged, now) for staged in self.wanted.staged]
        own = targets[-1]
        if all(target.was_done_meanwhile for target in targets):
            return Commit(own.version, is_new=False)
        if not is_current():
            raise StaleInputs(f"{self.work}: its inputs changed while it was computed")
        is_held = all(target.has_these_rows for target in targets)
        if not is_held:
            for target in targets:
                self.tables.evolve(target.spec, self.jobs)
        job_id = new_job_id()
        self.tables.evolve(PUBLICATIONS, self.jobs)  # it may be older than what is written down now
        self._transaction(targets, now, job_id, is_held=is_held).run(self.tables, self.jobs, job_id)
        return Commit(own.version, is_new=False) if is_held else Commit(job_id, is_new=True)

    def _target(self, staged: Staged, now: BigQueryRecords) -> Target:
        if not isinstance(staged, StagedTable):
            raise TypeError(f"{self.work}: {staged.spec.name} was staged by another session")
        partition = self.work.partition if staged.spec.partition else WHOLE
        held, before = (each.newest(staged.spec, partition) for each in (now, self.seen))
        is_intact = held is not None and held.content == staged.content and now.is_intact(staged.spec, partition)
        history = now.known(partition).history(staged.spec.name)
        return Target(staged, partition, held, before, is_intact, self.wanted.fingerprint, history.version)

    def _transaction(self, targets: list[Target], now: BigQueryRecords, job_id: str, *, is_held: bool) -> Transaction:
        known = now.known(WHOLE)  # as of when the targets were looked at: marks may be looked for later
        changed = [target.spec.name for target in targets if target.has_other_rows]
        marked = {} if is_held else self._marked(changed, now)
        moved = {*(target.spec.name for target in targets), *(spec.name for spec in marked)}
        sequences = {name: known.history(name).sequence for name in moved}
        looked_at = sequences | {spec.name: known.history(spec.name).sequence for spec in self.wanted.reads}
        replaced = [target for target in targets if not is_held or not target.staged.rows]
        rows = [
            self._record(target, sequences[target.spec.name] + 1, None if is_held else job_id) for target in targets
        ]
        rows += [
            _mark(spec, month, changed_by, sequences[spec.name] + 1)
            for spec, months in marked.items()
            for month, by in months.items()
            for changed_by in by
        ]
        return Transaction(moved, looked_at, [each for target in replaced for each in self._replacing(target)], rows)

    def _replacing(self, target: Target) -> list[str]:
        """What a month holds by hand goes, too, where nothing is to be there: nobody has counted it."""
        table, names = self.tables.sql_name(target.spec.name), ", ".join(f"`{c.name}`" for c in target.spec.columns)
        insert = f"INSERT INTO {table} ({names}) SELECT {names} FROM {target.staged.table}"
        return [deleted(target.spec, target.partition, table), *([insert] if target.staged.rows else [])]

    def _marked(
        self, changed: list[str], now: BigQueryRecords
    ) -> Mapping[TableSpec, Mapping[Partition, tuple[str, ...]]]:
        """Months of other tables that were made of rows which are others now, and of which tables these are."""
        found: dict[TableSpec, dict[Partition, tuple[str, ...]]] = {}
        for name in changed:
            for reader in self.wanted.read_by.get(name, ()):
                own = self.work.partition if reader.partition else WHOLE
                is_one = own is not WHOLE or reader.partition is None
                held = [own] if is_one and now.partition(reader, own) is not None else []
                for month in held if is_one else now.partitions(reader):
                    known = found.setdefault(reader, {})
                    known[month] = (*known.get(month, ()), name)
        return found

    def _record(self, target: Target, sequence: int, job_id: str | None) -> str:
        """The row that says what the month holds; ``job_id`` publishes it, None if its rows were there."""
        is_own, ledger, now = target.staged is self.wanted.staged[-1], self.wanted.ledger, _now()
        is_empty = not target.staged.rows and target.held is None
        version, published_at = (None, now) if job_id is None else self._published(target, job_id)
        if job_id is None and target.held is not None:
            version, published_at = target.held.version, target.held.published_at
        values: dict[str, object] = {
            "table_name": target.spec.name,
            "month": month_value(target.partition),
            "kind": CONFIRMED if job_id is None or is_empty else PUBLISHED,
            "sequence": sequence,
            "recorded_at": now,
            "fingerprint": self.wanted.fingerprint,
            "content": target.staged.content,
            "row_count": target.staged.rows,
            "byte_count": target.staged.bytes,
            "version": None if is_empty else version,
            "published_at": None if published_at is None else published_at.replace(tzinfo=None),
            "landing": self.wanted.bronze_sha256,
            "landed_records": ledger.bronze_rows if is_own and ledger is not None else None,
            "copies": ledger.duplicate_copies if is_own and ledger is not None else None,
            "rejected": json.dumps(dict(ledger.rejected)) if is_own and ledger is not None else None,
            "note": self.wanted.note if is_own else None,
            "asset": self.work.asset,
            "run_id": self.work.run_id,
            "bytes_billed": billed_before_publishing(self.jobs.done) if is_own else None,
            "slot_ms": sum(job.slot_ms for job in self.jobs.done) if is_own else None,
        }
        return row_text(values)

    def _published(self, target: Target, job_id: str) -> tuple[str | None, datetime | None]:  # noqa: ARG002
        """What publishes a table's rows, and when."""
        return job_id, _now()


@dataclass(frozen=True)
class Target:
    """One table, what its month is to hold, and what it holds."""

    staged: StagedTable
    partition: Partition
    held: Publication | None
    before: Publication | None
    is_intact: bool
    fingerprint: str
    newest_version: str | None

    @property
    def spec(self) -> TableSpec:
        return self.staged.spec

    @property
    def was_done_meanwhile(self) -> bool:
        """Whether another run has published just this since."""
        is_newer = self.held is not None and (self.before is None or self.held.sequence > self.before.sequence)
        return is_newer and self.held is not None and self.held.fingerprint == self.fingerprint

    @property
    def has_these_rows(self) -> bool:
        if self.held is None or not self.held.rows:
            return not self.staged.rows
        return self.is_intact and self.held.content == self.staged.content

    @property
    def has_other_rows(self) -> bool:
        """Whether what the month holds is not what it is to hold."""
        if self.held is None or not self.held.rows:
            return bool(self.staged.rows)
        return self.held.content != self.staged.content

    @property
    def version(self) -> str | None:
        """What holds the month; where nothing was published of it, what was published last of the table."""
        return self.held.version if self.held is not None and self.held.version is not None else self.newest_version


def _mark(spec: TableSpec, month: Partition, changed_by: str, sequence: int) -> str:
    values: dict[str, object] = {
        "table_name": spec.name,
        "month": month_value(month),
        "kind": OUTDATED,
        "sequence": sequence,
        "recorded_at": _now(),
        "outdated_by": changed_by,
    }
    return row_text(values)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
