"""One month of one model on its way into its table: inputs, drift, skip or stage, audit, publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lakehouse.exceptions import CorruptFile, CorruptLanding, LakehouseError, StatementFailed, StatementFault
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.checks.kinds import RESTATEMENT
from lakehouse.models.model import SqlModel
from lakehouse.partition import Partition
from lakehouse.results import CheckResult, Effect, Restatement
from lakehouse.schema import TableSpec
from lakehouse.warehouse.acceptance import Acceptance
from lakehouse.warehouse.audit import ROWS, Audit, evaluate
from lakehouse.warehouse.failing_rows import FailingRows
from lakehouse.warehouse.guards import Guards
from lakehouse.warehouse.inputs import Inputs
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.publication_note import PublicationNote
from lakehouse.warehouse.restatement import Restatements, nothing_replaced, restatement_check
from lakehouse.warehouse.statements import ModelStatements, Statement, TieBreaker
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.store import PublishedRows, Records, Session, Staged, StagedPartition, Work
from lakehouse.warehouse.value_checks import Drift

PREVIEW_ROWS = 5


@dataclass(frozen=True)
class Job:
    """One month of one model, ready to be computed; ``fingerprint`` identifies all that goes into it."""

    model: SqlModel
    statements: ModelStatements
    audit: Statement
    money: Statement | None
    """Its sums of money, see :mod:`lakehouse.warehouse.statistics`."""
    inputs: Inputs
    fingerprint: str
    read_by: Mapping[str, tuple[TableSpec, ...]]
    """What is made of each of its tables in turn."""

    @property
    def partition(self) -> Partition:
        return self.inputs.partition

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """The tables it fills, the model's own last."""
        return tuple(spec for spec in (self.model.rejected, self.model.table) if spec is not None)


@dataclass(frozen=True)
class MonthOutcome:
    """What became of a month, and what its audit says; see :class:`lakehouse.results.ReplaceResult`."""

    audit: Audit
    effect: Effect
    reason: str | None
    content: str
    version: str | None
    bytes_written: int
    accepted: Acceptance | None = None
    restatement: Restatement | None = None


class Replacement:
    """One attempt to replace a month, in a session of its own.

    ``input_checks`` tells the results of checks that are about the inputs, from how the landed file drifts.
    ``acceptance`` may let through what a guard would hold back.
    """

    def __init__(
        self,
        session: Session,
        records: Records,
        job: Job,
        work: Work,
        failing_rows: FailingRows,
        restatements: Restatements,
        input_checks: Callable[[Drift | None], Sequence[CheckResult]],
        acceptance: Acceptance | None,
    ) -> None:
        self._session = session
        self._records = records
        self._job = job
        self._work = work
        self._failing_rows = failing_rows
        self._restatements = restatements
        self._input_checks = input_checks
        self._guards = None
        landed = job.inputs.landed
        if landed is not None and landed.landing is not None:
            self._guards = Guards(
                job.model,
                job.partition,
                landed.sha256,
                landed.rows,
                records,
                acceptance,
                held_back=partial(landed.held_back, job.model.key),
                landed_before=partial(landed.landed_before, job.model.key),
            )

    def run(self, tie_breaker: TieBreaker, is_current: Callable[[], bool]) -> MonthOutcome:
        """Leave the month as it is if it is what would be computed; else compute, audit and publish it.

        ``is_current`` tells whether the inputs are still those of the job.

        Raises:
            StaleInputs: they are not; nothing was published.
            CheckFailed, ContractViolation, CorruptFile, CommitConflict, ModelError: see :meth:`Warehouse.replace`.
        """
        with self._faults_named():
            checks = self._input_checks(self._job.inputs.relate(self._session, tie_breaker))
            reason = self._reason_to_compute()
            if reason is None:
                left = self._left_as_it_is(checks)
                if left is not None:
                    return left
                reason = "its ledger is out of balance"
            return self._computed(checks, reason, tie_breaker, is_current)

    def _reason_to_compute(self) -> str | None:
        """Why what is published is not what would be computed; None if it is, as far as its record tells."""
        table = self._job.model.table
        if self._records.partition(table, self._job.partition) is None:
            return "nothing of it is published"
        for spec in self._job.tables:
            for remark in self._records.remarks(spec):
                if remark.concerns(self._job.partition):
                    return str(remark)
            record = self._records.partition(spec, self._job.partition)
            if record is not None and self._job.fingerprint not in record.fingerprints:
                return "older fingerprint"
            if record is not None and not self._records.is_intact(spec, self._job.partition):
                return f"{spec.name} is damaged"
        return None

    def _left_as_it_is(self, checks: Sequence[CheckResult]) -> MonthOutcome | None:
        """The published month, audited; None if its rows do not add up."""
        job = self._job
        self._session.relate(STAGED, PublishedRows(job.model.table, job.partition))
        if job.model.rejected is not None:
            self._session.relate(REJECTED, PublishedRows(job.model.rejected, job.partition))
        audit = self._audit(checks, self._session.one(job.audit, job.inputs.parameters))
        if self._guards is not None:
            audit = replace(audit, checks=(*audit.checks, *self._guards.repeated()))
        if audit.ledger is not None and not audit.ledger.is_balanced:
            return None
        audit.require_blocking_checks(str(self._work), job.model.table.name)
        record = self._records.partition(job.model.table, job.partition)
        if record is None:
            raise TypeError(f"{self._work}: only what has a record is left as it is")
        return MonthOutcome(audit, Effect.UNCHANGED, None, record.content, record.version, 0)

    def _computed(
        self, checks: Sequence[CheckResult], reason: str, tie_breaker: TieBreaker, is_current: Callable[[], bool]
    ) -> MonthOutcome:
        """Compute the month aside, audit it, and publish it."""
        job = self._job
        if job.inputs.landed is not None:
            job.inputs.landed.require_intact()
        self._require_intact_tables("its files are not those that were published", for_checks=False)
        landed = job.inputs.landed
        staged = self._staged() if landed is None else landed.staged(self._session, tie_breaker, self._staged)
        measured = self._measured(staged[-1])
        audit = self._audit(checks, measured.answers[0])
        note = self._judged(measured, audit)
        if note is not None:
            audit = replace(audit, checks=(*audit.checks, *note.results))
        audit.require_blocking_checks(str(self._work), job.model.table.name)
        restatement = self._restatements.stated(
            self._session, self._records, job.model, job.partition, STAGED, staged[-1]
        )
        sha256 = job.inputs.landed.sha256 if job.inputs.landed is not None else None
        reads = tuple(table.spec for table in job.inputs.upstream if table.is_computed_from)
        text = None if note is None else self._kept(note, staged[-1]).text
        wanted = StagedPartition(tuple(staged), job.fingerprint, reads, job.read_by, sha256, audit.ledger, text)
        commit = self._session.publish(wanted, is_current)
        table = staged[-1]
        if restatement is not None and job.model.bronze_asset is not None:
            audit = replace(audit, checks=_stated(audit.checks, restatement))
        effect = Effect.PUBLISHED if commit.is_new else Effect.CONFIRMED
        written = table.bytes if commit.is_new and table.rows else 0
        accepted = None if note is None else note.accepted
        return MonthOutcome(audit, effect, reason, table.content, commit.version, written, accepted, restatement)

    def _measured(self, staged: Staged) -> Measured:
        """What the audit says of the staged month, and its sums of money where guards judge it."""
        job = self._job
        statements = [job.audit] if self._guards is None or job.money is None else [job.audit, job.money]
        return self._session.measured(staged, statements, job.inputs.parameters)

    def _judged(self, measured: Measured, audit: Audit) -> PublicationNote | None:
        """What guards say of the staged month; None of one that is made of no landed file."""
        if self._guards is None:
            return None
        _, *money = measured.answers
        ledger = audit.ledger
        return self._guards.judge(
            Statistics(
                rows=audit.rows,
                records=ledger.bronze_rows if ledger else 0,
                nulls=measured.nulls,
                rejected=ledger.rejected if ledger else {},
                money=money[0] if money else {},
            ),
            is_blocked=any(check.blocking and not check.passed for check in audit.checks),
        )

    def _kept(self, note: PublicationNote, staged: Staged) -> PublicationNote:
        """What is to be written down with the month, which may hold just these rows already."""
        record = self._records.partition(self._job.model.table, self._job.partition)
        is_there = record is not None and record.content == staged.content
        return self._guards.confirming(note) if is_there and self._guards is not None else note

    def _staged(self) -> list[Staged]:
        """The rows of its tables; the model's is the last, the truth if an engine cannot publish them at once."""
        model, statements = self._job.model, self._job.statements
        rejected = [self._stage(REJECTED, model.rejected, statements.rejected)] if model.rejected else []
        return [*rejected, self._stage(STAGED, model.table, statements.select)]

    def _stage(self, name: str, spec: TableSpec, statement: Statement | None) -> Staged:
        if statement is None:
            raise TypeError(f"{self._work}: {spec.name} has no statement that fills it")
        return self._session.stage(name, spec, statement, self._job.inputs.parameters)

    def _audit(self, checks: Sequence[CheckResult], counts: Mapping[str, Any]) -> Audit:
        """All checks of the month that the session knows as staged and rejected rows."""
        job, landed = self._job, self._job.inputs.landed
        ledger, results = evaluate(job.model, counts, landed.rows if landed else None)
        results = self._failing_rows.shown(self._session, job.model, job.inputs.parameters, results)
        if job.model.bronze_asset is not None:
            checks = (*checks, nothing_replaced())
        return Audit(counts[ROWS], ledger, (*results, *checks), self._session.first(STAGED, PREVIEW_ROWS))

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Damage that a footer hides, and values that cannot be cast, show when rows are read: say where.

        Raises:
            ContractViolation: the landed file has a value that its column's type does not hold.
            CorruptFile: a table that is read cannot be.
            CorruptLanding: the landed file cannot be read.
            LakehouseError: anything else that the engine could not do.
        """
        try:
            yield
        except StatementFailed as error:
            self._require_intact_tables(str(error), for_checks=True)
            landed = self._job.inputs.landed
            if landed is None or landed.landing is None or error.fault is StatementFault.STATEMENT:
                raise LakehouseError(
                    f"{self._work}: {error}; nothing was published. If a file is damaged, materialize what it belongs "
                    "to again; bronze is landed again when its bytes are not those of its record"
                ) from error
            if error.fault is StatementFault.VALUE:
                with suppress(StatementFailed):  # then the first failure says more
                    landed.require_numbers(self._session)
            raise CorruptLanding(
                f"{self._work}: {landed.file} cannot be read as it should ({error}); nothing was "
                f"published. Look at what the source serves; materialize {landed.asset} again when it is mended"
            ) from error

    def _require_intact_tables(self, how: str, *, for_checks: bool) -> None:
        """Look for damage of what is read, or only of what is not read for checks alone; ``how`` it shows.

        Engines do not always name it, nor see it: a flipped bit may be another number.

        Raises:
            CorruptFile: what is published of a table that is read is not what it was.
        """
        for table in self._job.inputs.upstream:
            for partition in table.held if for_checks or table.is_computed_from else ():
                if not self._records.is_intact(table.spec, partition):
                    raise CorruptFile(
                        f"{self._work}: {table.spec.name} is damaged ({how}); nothing was published. "
                        f"Materialize {partition.of(table.maker)} again, then this"
                    )


def _stated(checks: Sequence[CheckResult], restatement: Restatement) -> tuple[CheckResult, ...]:
    """The checks with what a restatement says of itself, for what stood there before it was known."""
    return tuple(restatement_check(restatement) if check.name == RESTATEMENT else check for check in checks)
