"""The local warehouse: DuckDB computes a month into an immutable file, Iceberg commits it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from lakehouse import dialect
from lakehouse.bronze import BronzeStore, hash_file
from lakehouse.checks import REJECTED, STAGED
from lakehouse.contracts import Contract
from lakehouse.exceptions import CheckFailed, ConfigurationError, LakehouseError, NotLanded
from lakehouse.model import PARTITION_END, PARTITION_START, Models, SqlModel
from lakehouse.month import Month
from lakehouse.schema import TableSpec
from lakehouse.warehouse.audit import ROWS, audit_query, judge
from lakehouse.warehouse.duckdb_engine import DuckDbEngine, quoted
from lakehouse.warehouse.duckdb_queries import DuckDbQueries
from lakehouse.warehouse.iceberg_tables import IcebergTables
from lakehouse.warehouse.landed_month import LandedMonth
from lakehouse.warehouse.protocol import CheckResult, Ledger, ReplaceResult

if TYPE_CHECKING:
    import pyarrow as pa

_WRITER_VERSION = 1
"""Part of every fingerprint: raise it when the way files are written changes what is in them."""

_STALE_SECONDS = 24 * 3600.0
_FINGERPRINT_DIGITS = 16
_CONTENT_DIGITS = 32


@dataclass(frozen=True)
class _Job:
    """One month of one model: its statements, parameters and inputs, and what identifies them all."""

    model: SqlModel
    month: Month | None
    parameters: Mapping[str, object]
    landed: LandedMonth | None
    upstream: Mapping[str, tuple[Path, ...]]
    select: str
    rejected_select: str | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal statements on equal inputs: what need not be computed twice."""
        inputs = {table: [_content(file) for file in files] for table, files in self.upstream.items()}
        contract = dialect.render(self.landed.projection().select, "duckdb") if self.landed else ""
        what = [
            _WRITER_VERSION,
            str(self.month),
            self.select,
            self.rejected_select,
            contract,
            self.landed.sha256 if self.landed else "",
            inputs,
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:_FINGERPRINT_DIGITS]


@dataclass(frozen=True)
class _Audit:
    rows: int
    ledger: Ledger | None
    checks: tuple[CheckResult, ...]


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
    ) -> None:
        self._home = home
        self._models = models
        self._contracts = contracts
        self._bronze = BronzeStore(home)
        self._memory_limit = memory_limit
        self._threads = threads
        self.tables = IcebergTables(home)

    def prepare(self) -> None:
        """See :meth:`Warehouse.prepare`."""
        for folder in (self._staging, self._bronze.root):
            folder.mkdir(parents=True, exist_ok=True)
        self._sweep_staging()
        for model in self._models:
            for spec in filter(None, (model.table, model.rejected)):
                self.tables.ensure(spec)

    def close(self) -> None:
        """Let go of the catalog's connections."""
        self.tables.close()

    def replace(self, model: SqlModel, month: Month | None) -> ReplaceResult:
        """See :meth:`Warehouse.replace`."""
        started = time.perf_counter()
        for spec in filter(None, (model.table, model.rejected)):
            self.tables.ensure(spec)
        with self._engine(f"{model.key} {month or ''}".strip()) as engine:
            job = self._job(model, month)
            self._present_inputs(engine, job)
            drift = (job.landed.check_values(engine).check(),) if job.landed else ()
            published = self.tables.published(model.table, month)
            if self._is_current(job, published.files):
                audit = self._audit(engine, job, published.files, self._rejected_files(model, month))
                if audit.ledger is None or audit.ledger.is_balanced:
                    _require_blocking_checks(job, audit)
                    content = _content(published.files[0])
                    return _result(audit, drift, content, published.snapshot, started, skipped=True)
            return self._compute(engine, job, drift, started)

    def query(self, sql: str) -> pa.Table:
        """See :meth:`Warehouse.query`."""
        with self._engine("query") as engine:
            return DuckDbQueries(self.tables, self._models, self._contracts, self._bronze).run(engine, sql)

    def preview(self, model: SqlModel, month: Month | None, limit: int) -> pa.Table:
        """See :meth:`Warehouse.preview`."""
        with self._engine("preview") as engine:
            files = self.tables.published(model.table, month).files
            engine.parquet_view(STAGED, files, model.table.columns)
            return engine.table(f"SELECT * FROM {STAGED} LIMIT {limit:d}", {})

    def _job(self, model: SqlModel, month: Month | None) -> _Job:
        values = {} if month is None else {PARTITION_START: month.start, PARTITION_END: month.end}
        landed = None
        if model.bronze is not None and month is not None:
            landed = LandedMonth.find(self._bronze, model.bronze, self._contracts[model.bronze], month)
        tables = {*model.references, *(table for check in model.checks for table in check.reads())}
        upstream = {}
        for table in sorted(tables):
            maker = self._models.by_table(table)
            if maker is not None:
                slice_ = month if maker.is_partitioned else None
                upstream[table] = self.tables.published(maker.table, slice_).files
        self._require_some_input(model, month, upstream)
        select = dialect.render(model.query, "duckdb")
        if landed is None:
            keys = [quoted(column) for column in model.grain]
            if not keys:
                keys = [quoted(model.table.partition)] if model.table.partition else []
                keys.append(f"hash({', '.join(quoted(column.name) for column in model.table.columns)})")
            select = f"SELECT * FROM ({select}) ORDER BY {', '.join(keys)}"
        rejected_select = None
        if model.rejected_query is not None:
            names = ", ".join(quoted(column.name) for column in (model.rejected or model.table).columns)
            rejected = dialect.render(model.rejected_query, "duckdb")
            rejected_select = f"SELECT * FROM ({rejected}) ORDER BY reject_reason, hash({names})"
        return _Job(model, month, values, landed, upstream, select, rejected_select)

    def _require_some_input(
        self, model: SqlModel, month: Month | None, upstream: Mapping[str, tuple[Path, ...]]
    ) -> None:
        read = [table for table in upstream if table in model.references]
        if month is None or not read or any(upstream[table] for table in read):
            return
        missing = []
        for table in read:
            maker = self._models.by_table(table)
            bronze = maker.bronze if maker else None
            if maker and (bronze is None or month >= self._contracts[bronze].dataset.began):
                missing.append(maker)
        if len(missing) == len(read):
            keys = ", ".join(maker.key for maker in missing)
            tables = ", ".join(maker.table.name for maker in missing)
            raise NotLanded(f"{model.key} {month}: {tables} has nothing for {month}: materialize {keys} for it first")

    def _present_inputs(self, engine: DuckDbEngine, job: _Job) -> None:
        if job.landed is not None:
            job.landed.present(engine)
        for table, files in job.upstream.items():
            maker = self._models.by_table(table)
            if maker is not None:
                engine.parquet_view(table, files, maker.table.columns)

    def _is_current(self, job: _Job, files: tuple[Path, ...]) -> bool:
        names = [*files, *self._rejected_files(job.model, job.month)]
        return len(files) == 1 and all(file.name.startswith(job.fingerprint) for file in names)

    def _rejected_files(self, model: SqlModel, month: Month | None) -> tuple[Path, ...]:
        return () if model.rejected is None else self.tables.published(model.rejected, month).files

    def _audit(self, engine: DuckDbEngine, job: _Job, staged: tuple[Path, ...], rejected: tuple[Path, ...]) -> _Audit:
        engine.parquet_view(STAGED, staged, job.model.table.columns)
        if job.model.rejected is not None:
            engine.parquet_view(REJECTED, rejected, job.model.rejected.columns)
        query = audit_query(job.model, self._models.schema)
        counts = engine.row(dialect.render(query, "duckdb"), dialect.bind(query, job.parameters))
        ledger, checks = judge(job.model, counts, job.landed.rows if job.landed else None)
        return _Audit(counts[ROWS], ledger, checks)

    def _compute(
        self, engine: DuckDbEngine, job: _Job, drift: tuple[CheckResult, ...], started: float
    ) -> ReplaceResult:
        model, month = job.model, job.month
        with self._stage() as folder:
            rejected, rejected_rows = None, 0
            if job.rejected_select is not None and model.rejected_query is not None:
                rejected = folder / "rejected.parquet"
                parameters = dialect.bind(model.rejected_query, job.parameters)
                rejected_rows = engine.copy(job.rejected_select, parameters, rejected)
            staged = folder / "staged.parquet"
            rows = engine.copy(job.select, dialect.bind(model.query, job.parameters), staged)
            audit = self._audit(engine, job, (staged,), (rejected,) if rejected else ())
            _require_blocking_checks(job, audit)
            # Rejected first, silver last: silver is the truth, and a kill in between shows in the ledger.
            if model.rejected is not None and rejected is not None:
                kept = self._keep(job, model.rejected, rejected) if rejected_rows else None
                self.tables.publish(model.rejected, month, kept, _properties(job, rejected_rows))
            content = hash_file(staged)[:_CONTENT_DIGITS]
            written = staged.stat().st_size
            file = self._keep(job, model.table, staged) if rows else None
            snapshot = self.tables.publish(model.table, month, file, _properties(job, rows))
        return _result(audit, drift, content, snapshot, started, bytes_written=written if file else 0)

    def _keep(self, job: _Job, spec: TableSpec, staged: Path) -> Path:
        """Give a staged file its final name; one that is there already has the same bytes and stays."""
        folder = self.tables.folder(spec, job.month)
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"{job.fingerprint}-{hash_file(staged)[:_CONTENT_DIGITS]}.parquet"
        if not final.exists():
            staged.rename(final)
        return final

    @property
    def _staging(self) -> Path:
        return self._home / "staging"

    @contextmanager
    def _stage(self) -> Iterator[Path]:
        self._staging.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(dir=self._staging, prefix="model-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep_staging(self) -> None:
        """Remove what killed runs left; young folders may belong to a run that is still at work."""
        for folder in self._staging.iterdir():
            if folder.stat().st_mtime < time.time() - _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _engine(self, origin: str) -> Iterator[DuckDbEngine]:
        """An engine whose own errors become ours, with what was being done."""
        import duckdb

        try:
            with DuckDbEngine(self._memory_limit, self._threads, self._staging / "spill") as engine:
                yield engine
        except duckdb.OutOfMemoryException as error:
            raise ConfigurationError(
                f"{origin}: needs more memory than LAKEHOUSE_MEMORY_LIMIT={self._memory_limit}: raise it "
                f"({_first_line(error)})"
            ) from error
        except duckdb.Error as error:
            raise LakehouseError(f"{origin}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]


def _content(file: Path) -> str:
    """The content part of a data file's name ``<fingerprint>-<content>.parquet``."""
    return file.stem.partition("-")[2]


def _properties(job: _Job, rows: int) -> dict[str, str]:
    properties = {
        "lakehouse.model": job.model.key,
        "lakehouse.fingerprint": job.fingerprint,
        "lakehouse.rows": str(rows),
    }
    if job.month is not None:
        properties["lakehouse.month"] = str(job.month)
    if job.landed is not None:
        properties["lakehouse.bronze-sha256"] = job.landed.sha256
    return properties


def _require_blocking_checks(job: _Job, audit: _Audit) -> None:
    failed = [check for check in audit.checks if check.blocking and not check.passed]
    if failed:
        named = "; ".join(f"{check.name} ({check.failing:,} failing: {check.description})" for check in failed)
        raise CheckFailed(
            f"{job.model.key} {job.month or ''}: blocking check failed: {named}. Nothing was published; "
            f"{job.model.table.name} still holds what it held before",
            audit.checks,
        )


def _result(
    audit: _Audit,
    drift: tuple[CheckResult, ...],
    content: str,
    snapshot: str | None,
    started: float,
    *,
    skipped: bool = False,
    bytes_written: int = 0,
) -> ReplaceResult:
    return ReplaceResult(
        rows=audit.rows,
        content=content,
        skipped=skipped,
        version=snapshot,
        seconds=time.perf_counter() - started,
        bytes_written=bytes_written,
        checks=(*audit.checks, *drift),
        ledger=audit.ledger,
    )
