"""The local warehouse: DuckDB computes a month into an immutable file, Iceberg commits it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore, hash_file
from lakehouse.exceptions import CommitConflict, ConfigurationError, LakehouseError, StaleInputs
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import Models, SqlModel
from lakehouse.month import Month
from lakehouse.results import Publication, ReplaceResult
from lakehouse.schema import TableSpec
from lakehouse.warehouse.audit import ROWS, datasets_present, judge
from lakehouse.warehouse.local.engine import DuckDbEngine
from lakehouse.warehouse.local.failing_rows import FailingRows
from lakehouse.warehouse.local.inputs import MonthInputs, PublishedTables, content_of
from lakehouse.warehouse.local.job import MonthAudit, MonthJob, first_line
from lakehouse.warehouse.local.publications import OneLook
from lakehouse.warehouse.local.queries import DuckDbQueries
from lakehouse.warehouse.local.staging import Staging, make_durable
from lakehouse.warehouse.local.statements import ModelStatements, compile_model
from lakehouse.warehouse.local.tables import IcebergTables, Published

if TYPE_CHECKING:
    import pyarrow as pa

_CONTENT_DIGITS = 32
_PREVIEW_ROWS = 5
_OVERTAKEN_ATTEMPTS = 5


class DuckDbIcebergWarehouse:
    """Implements :class:`lakehouse.warehouse.protocol.Warehouse` on one machine's disk."""

    def __init__(
        self,
        home: Path,
        models: Models,
        contracts: Mapping[str, Contract],
        *,
        memory_limit: str,
        threads: int,
        of_samples: bool = False,
    ) -> None:
        self._staging = Staging(home / "staging")
        self._models = models
        self._contracts = contracts
        self._bronze = BronzeStore(home)
        self._memory_limit = memory_limit
        self._threads = threads
        self._compiled: dict[str, ModelStatements] = {}
        self._failing_rows = FailingRows(models.schema)
        self.tables = IcebergTables(home, of_samples=of_samples)

    def prepare(self) -> None:
        """See :meth:`Warehouse.prepare`."""
        for model in self._models:
            self._ensure_tables(model)
        self._bronze.root.mkdir(parents=True, exist_ok=True)
        self._staging.sweep()

    def close(self) -> None:
        """Let go of the catalog's connections."""
        self.tables.close()

    def replace(self, model: SqlModel, month: Month | None) -> ReplaceResult:
        """See :meth:`Warehouse.replace`."""
        started = time.perf_counter()
        self._ensure_tables(model)
        for _ in range(_OVERTAKEN_ATTEMPTS):
            with (
                contextlib.suppress(StaleInputs),
                self._engine(f"{model.key} {month or ''}".strip()) as engine,
            ):
                return self._replace(engine, self._job(model, month), started)
        raise CommitConflict(
            f"{model.key} {month or ''}: what it reads changed {_OVERTAKEN_ATTEMPTS} times while it was computed; "
            "run it again when the other runs are done"
        )

    def _replace(self, engine: DuckDbEngine, job: MonthJob, started: float) -> ReplaceResult:
        with job.naming(engine):
            drift = job.inputs.present(engine)
            combined = self._models.union_inputs(job.model)
            datasets = [self._dataset(model) for model in job.inputs.present_datasets(combined)]
            missing = [self._dataset(model) for model in job.inputs.absent if model in combined]
            present = (datasets_present(datasets, missing),) if combined else ()
            job = replace(job, checks=(*((drift.check(),) if drift else ()), *present))
            audit, version, content, written = self._published(engine, job) or self._compute(engine, job)
        return ReplaceResult(
            rows=audit.rows,
            content=content,
            skipped=written is None,
            version=version,
            seconds=time.perf_counter() - started,
            bytes_written=written or 0,
            checks=audit.checks,
            preview=audit.preview,
            ledger=audit.ledger,
            datasets=tuple(datasets),
        )

    def _dataset(self, model: SqlModel) -> str:
        return self._contracts[str(model.bronze_asset)].dataset.name

    def publications(self) -> Mapping[str, Mapping[Month | None, Publication]]:
        """See :meth:`Warehouse.publications`."""
        look = OneLook(self.tables)

        def fingerprint(model: SqlModel) -> Callable[[Month | None], str]:
            return lambda month: self._job(model, month, look).fingerprint

        return {model.key: look.publications(model, fingerprint(model)) for model in self._models}

    def query(self, sql: str) -> pa.Table:
        """See :meth:`Warehouse.query`."""
        with self._engine("query") as engine:
            return DuckDbQueries(self.tables, self._models, self._contracts, self._bronze).run(engine, sql)

    def _ensure_tables(self, model: SqlModel) -> None:
        for spec in filter(None, (model.table, model.rejected)):
            self.tables.ensure(spec)

    def _job(self, model: SqlModel, month: Month | None, tables: PublishedTables | None = None) -> MonthJob:
        statements = self._compiled.get(model.key)
        if statements is None:
            statements = self._compiled[model.key] = compile_model(model, self._models.schema)
        inputs = MonthInputs.find(
            model,
            month,
            models=self._models,
            contracts=self._contracts,
            bronze=self._bronze,
            tables=tables or self.tables,
        )
        return MonthJob(model, statements, inputs, inputs.fingerprint(statements))

    def _published(self, engine: DuckDbEngine, job: MonthJob) -> tuple[MonthAudit, str | None, str, None] | None:
        """The published month, audited, if it is whole and what the job would compute; else None."""
        table = self.tables.published(job.model.table, job.inputs.month)
        rejected = Published((), None)
        if job.model.rejected is not None:
            rejected = self.tables.published(job.model.rejected, job.inputs.month)
        files = (*table.files, *rejected.files)
        if len(table.files) != 1 or not all(_is_whole(file, job.fingerprint) for file in files):
            return None
        audit = self._audit(engine, job, table.files, rejected.files)
        if audit.ledger is not None and not audit.ledger.is_balanced:
            return None
        audit.require_blocking_checks(job)
        for spec in filter(None, (job.model.table, job.model.rejected)):
            self.tables.describe(spec)
        return audit, table.snapshot, content_of(table.files[0]), None

    def _compute(self, engine: DuckDbEngine, job: MonthJob) -> tuple[MonthAudit, str | None, str, int]:
        """Write the month aside, audit it, and publish it."""
        if job.inputs.landed is not None:
            job.inputs.landed.require_intact()
        with self._staging.folder() as folder:
            rejected, rejected_rows = folder / "rejected.parquet", 0
            if job.statements.rejected is not None:
                parameters = job.statements.rejected.bind(job.inputs.parameters)
                rejected_rows = engine.copy(job.statements.rejected.sql, parameters, rejected)
            staged = folder / "staged.parquet"
            rows = engine.copy(job.statements.select.sql, job.statements.select.bind(job.inputs.parameters), staged)
            audit = self._audit(engine, job, (staged,), (rejected,) if rejected_rows else ())
            audit.require_blocking_checks(job)
            written = staged.stat().st_size
            content = hash_file(staged)[:_CONTENT_DIGITS]
            # Rejected first, silver last: silver is the truth, and a kill in between shows in the ledger.
            if job.model.rejected is not None:
                digest = hash_file(rejected)[:_CONTENT_DIGITS] if rejected_rows else ""
                self._publish(job, job.model.rejected, rejected, digest, rejected_rows)
            version = self._publish(job, job.model.table, staged, content, rows)
        return audit, version, content, written if rows else 0

    def _audit(
        self, engine: DuckDbEngine, job: MonthJob, staged: tuple[Path, ...], rejected: tuple[Path, ...]
    ) -> MonthAudit:
        engine.parquet_view(STAGED, staged, job.model.table.columns)
        if job.model.rejected is not None:
            engine.parquet_view(REJECTED, rejected, job.model.rejected.columns)
        audit = job.statements.audit
        counts = engine.row(audit.sql, audit.bind(job.inputs.parameters))
        ledger, checks = judge(job.model, counts, job.inputs.landed.rows if job.inputs.landed else None)
        checks = self._failing_rows.shown(engine, job.model, job.inputs.parameters, checks)
        preview = engine.table(f"SELECT * FROM {STAGED} LIMIT {_PREVIEW_ROWS}", {})
        return MonthAudit(counts[ROWS], ledger, (*checks, *job.checks), preview)

    def _publish(self, job: MonthJob, spec: TableSpec, staged: Path, content: str, rows: int) -> str | None:
        """Give a staged file its final name and commit it; one of that name has, or should have, its bytes."""
        final = None
        if rows:
            folder = self.tables.folder(spec, job.inputs.month)
            folder.mkdir(parents=True, exist_ok=True)
            final = folder / f"{job.fingerprint}-{content}.parquet"
            staged.replace(final)
            make_durable(folder)
        return self.tables.publish(
            spec,
            job.inputs.month,
            final,
            job.properties(rows),
            lambda: self._job(job.model, job.inputs.month).fingerprint == job.fingerprint,
        )

    @contextmanager
    def _engine(self, origin: str) -> Iterator[DuckDbEngine]:
        """An engine whose own errors become ours, with what was being done."""
        import duckdb

        try:
            with DuckDbEngine(self._memory_limit, self._threads, self._staging.spill) as engine:
                yield engine
        except RuntimeError as error:
            if "interrupted" in str(error).lower():  # how DuckDB tells of Ctrl-C
                raise KeyboardInterrupt from None
            raise
        except duckdb.OutOfMemoryException as error:
            raise ConfigurationError(
                f"{origin}: needs more memory than LAKEHOUSE_MEMORY_LIMIT={self._memory_limit}: raise it "
                f"({first_line(error)})"
            ) from error
        except duckdb.Error as error:
            raise LakehouseError(
                f"{origin}: {first_line(error)}; nothing was published. If a file is damaged, materialize what it "
                "belongs to again; bronze is landed again when its bytes are not those of its record"
            ) from error


def _is_whole(file: Path, fingerprint: str) -> bool:
    """Whether a published file is of these inputs, and holds the content its name says."""
    if not file.name.startswith(fingerprint) or not file.exists():
        return False
    return hash_file(file)[:_CONTENT_DIGITS] == content_of(file)
