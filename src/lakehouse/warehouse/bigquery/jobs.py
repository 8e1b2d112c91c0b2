"""Jobs of BigQuery: labelled, capped, repeated within bounds, and what each one took."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from lakehouse.exceptions import StatementFailed, StatementFault
from lakehouse.warehouse.bigquery.answers import is_passing, told_as_ours

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client, LoadJobConfig, QueryJobConfig, SchemaField
    from google.cloud.bigquery.table import RowIterator

PATIENCE_SECONDS = 60.0
"""How long Google's client asks again for what was refused for now."""

_ATTEMPTS = 4
"""How many jobs are made in all of one that BigQuery itself failed to do."""

T = TypeVar("T")


@dataclass(frozen=True)
class DoneJob:
    """A job that is over: ``kind`` is what it did, ``slot_ms`` milliseconds of BigQuery's slots."""

    id: str
    kind: str
    bytes_billed: int
    bytes_processed: int
    slot_ms: int


@dataclass
class Jobs:
    """Those of one piece of work; all have its ``labels``, and bill at most ``bytes_cap`` each."""

    client: Client
    doing: str
    """What it is called in messages."""
    labels: Mapping[str, str]
    bytes_cap: int
    done: list[DoneJob] = field(default_factory=list)

    def rows(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, seconds: float | None = None
    ) -> RowIterator:
        """The rows of a query; ended after so many seconds, if any are given.

        Raises:
            StatementFailed: it could not be run.
            ConfigurationError, StorageUnavailable: see :func:`told_as_ours`.
        """
        return self._query(sql, parameters or {}, seconds)[1]

    def affected(self, sql: str, parameters: Mapping[str, object]) -> int:
        """How many rows a statement wrote, or removed."""
        job, _ = self._query(sql, parameters, None)
        return int(job.num_dml_affected_rows or 0)

    def script(self, sql: str, job_id: str) -> None:
        """Run several statements as one job, once."""
        self._once(sql, self._query_config({}, None), job_id)

    def _query(self, sql: str, parameters: Mapping[str, object], seconds: float | None) -> tuple[Any, RowIterator]:
        config = self._query_config(parameters, seconds)
        try:
            return self._repeated(lambda: self._once(sql, config, new_job_id()))
        except StatementFailed as error:
            if error.fault is StatementFault.STATEMENT and self._can_be_run(sql, parameters):
                raise StatementFailed(str(error), StatementFault.VALUE) from error
            raise

    def _can_be_run(self, sql: str, parameters: Mapping[str, object]) -> bool:
        """Whether BigQuery finds nothing wrong with a statement by itself: then a value that it met was."""
        config = self._query_config(parameters, None)
        config.dry_run = True
        try:
            with told_as_ours(self.doing):
                self.client.query(sql, job_config=config, retry=patient(), job_retry=None)
        except StatementFailed:
            return False
        return True

    def _once(self, sql: str, config: QueryJobConfig, job_id: str) -> tuple[Any, RowIterator]:
        with told_as_ours(self.doing):
            job = self.client.query(sql, job_config=config, job_id=job_id, retry=patient(), job_retry=None)
            with self._ended(job):
                rows = job.result(retry=patient(), job_retry=None)
        self._note(job, "query")
        return job, rows

    def load_uri(
        self, uri: str, table: str, schema: Sequence[SchemaField], configure: Callable[[LoadJobConfig], None]
    ) -> int:
        """Make a table of the rows of a file in Cloud Storage, in place of what it held; how many they are."""
        config = self._load_config(schema)
        configure(config)

        def once() -> int:
            with told_as_ours(self.doing):
                job = self.client.load_table_from_uri(
                    uri, table, job_config=config, job_id=new_job_id(), retry=patient()
                )
                return self._loaded(job)

        return self._repeated(once)

    def load_file(self, file: BinaryIO, table: str, schema: Sequence[SchemaField]) -> int:
        """Make a table of the rows of a parquet file at hand, which is small."""
        config = self._load_config(schema)

        def once() -> int:
            with told_as_ours(self.doing):
                job = self.client.load_table_from_file(
                    file, table, job_config=config, job_id=new_job_id(), rewind=True, num_retries=3
                )
                return self._loaded(job)

        return self._repeated(once)

    def _loaded(self, job: Any) -> int:
        with self._ended(job):
            job.result(retry=patient())
        self._note(job, "load")
        return int(job.output_rows or 0)

    def _repeated(self, once: Callable[[], T]) -> T:
        from google.api_core.exceptions import GoogleAPICallError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        def is_worth_it(error: BaseException) -> bool:
            cause = error.__cause__
            return isinstance(cause, GoogleAPICallError) and is_passing(cause)

        retrying = Retrying(
            retry=retry_if_exception(is_worth_it),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=10),
            reraise=True,
        )
        return retrying(once)

    def _query_config(self, parameters: Mapping[str, object], seconds: float | None) -> QueryJobConfig:
        from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

        config = QueryJobConfig(
            query_parameters=[
                ScalarQueryParameter(name, _parameter_type(value), _parameter(value))
                for name, value in parameters.items()
            ],
            labels=dict(self.labels),
            maximum_bytes_billed=self.bytes_cap,
        )
        if seconds is not None:
            config.job_timeout_ms = max(int(seconds * 1000), 1)
        return config

    def _load_config(self, schema: Sequence[SchemaField]) -> LoadJobConfig:
        from google.cloud.bigquery import LoadJobConfig, SourceFormat, WriteDisposition

        return LoadJobConfig(
            schema=list(schema),
            source_format=SourceFormat.PARQUET,
            write_disposition=WriteDisposition.WRITE_TRUNCATE,
            labels=dict(self.labels),
        )

    @contextmanager
    def _ended(self, job: Any) -> Iterator[None]:
        """Wait for a job; who stops waiting, as he was told to stop, has it stopped too."""
        from google.api_core.exceptions import GoogleAPICallError
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            with suppress(GoogleAPICallError, OSError):  # it ends by itself
                self.client.cancel_job(job.job_id, location=job.location, retry=DEFAULT_RETRY.with_timeout(1))
            raise

    def _note(self, job: Any, kind: str) -> None:
        self.done.append(
            DoneJob(
                id=job.job_id,
                kind=kind,
                bytes_billed=int(getattr(job, "total_bytes_billed", None) or 0),
                bytes_processed=int(getattr(job, "total_bytes_processed", None) or 0),
                slot_ms=int(getattr(job, "slot_millis", None) or 0),
            )
        )


def new_job_id() -> str:
    """One that no other job has: whoever asks twice for the same job gets the one there is."""
    return f"lakehouse_{uuid.uuid4().hex}"


def patient() -> Retry:
    """How Google's client asks again."""
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    retry: Retry = DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)
    return retry


def _parameter_type(value: object) -> str:
    match value:
        case datetime():
            return "DATETIME"
        case date():
            return "DATE"
        case bool():
            return "BOOL"
        case int():
            return "INT64"
    return "STRING"


def _parameter(value: object) -> str | int | bool | date | datetime:
    return value if isinstance(value, str | int | bool | date) else str(value)
