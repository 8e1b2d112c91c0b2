"""Jobs of BigQuery: labelled, capped, repeated within bounds, and what each one took."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from lakehouse.exceptions import CommitConflict, StatementFailed, StatementFault
from lakehouse.warehouse.bigquery import job_configs
from lakehouse.warehouse.bigquery.answers import JobStopped, is_asked_again, is_conflict, is_passing, told_as_ours
from lakehouse.warehouse.bigquery.done_job import DoneJob
from lakehouse.warehouse.bigquery.rows import Rows
from lakehouse.warehouse.bigquery.words import said

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client, LoadJobConfig, QueryJobConfig, SchemaField
    from google.cloud.bigquery.table import RowIterator

PATIENCE_SECONDS = 60.0
"""How long Google's client asks again for what was refused for now."""

_FIRST_WAIT_SECONDS = 1.0
"""The most that it waits before it asks again; each time twice as much."""

_LONGEST_WAIT_SECONDS = 20.0
_BRIEF_SECONDS = 2.0
"""How long results are asked for again before the job itself is looked at: a failed one has none."""

_FIRST_ROWS = 1000
"""How many rows come with the answer that it is done: most have no more, and are asked for once."""

ANSWER_SECONDS = 60.0
"""How long a request may go without an answer, and a job without being looked at."""

_LATE_SECONDS = 10.0
"""How much longer than it was told to a job may take before it is ended from here."""

_CANCEL_SECONDS = 3.0
_UPLOAD_RETRIES = 3
_ATTEMPTS = 4
"""How many jobs are made in all of one that BigQuery itself failed to do."""

_JOB_WAIT_SECONDS = 0.5
"""The most that is waited before the second of these; each time twice as much."""

PUBLISH = "publish"
T = TypeVar("T")


@dataclass
class Jobs:
    """Those of one piece of work; all have its ``labels``, and bill at most ``bytes_cap`` each."""

    client: Client
    doing: str
    """What it is called in messages."""
    labels: Mapping[str, str]
    bytes_cap: int
    done: list[DoneJob] = field(default_factory=list)

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None, *, seconds: float | None = None) -> Rows:
        """The rows of a query; ended after so many seconds, if any are given, within which the rows come, too.

        Raises:
            StatementFailed: it could not be run.
            CommitConflict: it writes what others kept writing.
            ConfigurationError, StorageUnavailable: see :func:`told_as_ours`.
        """
        ends = None if seconds is None else monotonic() + seconds
        return Rows(self._query(sql, parameters or {}, seconds)[1], self.doing, ends)

    def affected(self, sql: str, parameters: Mapping[str, object]) -> int:
        """How many rows a statement wrote, or removed."""
        job, _ = self._query(sql, parameters, None, "stage")
        return int(job.num_dml_affected_rows or 0)

    def script(self, sql: str, job_id: str) -> None:
        """Run several statements as one job, once."""
        self._once(sql, self._query_config({}, None), job_id, None, PUBLISH)

    def _query(
        self, sql: str, parameters: Mapping[str, object], seconds: float | None, kind: str = "query"
    ) -> tuple[Any, RowIterator]:
        ends = None if seconds is None else monotonic() + seconds

        def once() -> tuple[Any, RowIterator]:
            left = None if ends is None else max(ends - monotonic(), 0.001)
            return self._once(sql, self._query_config(parameters, left), new_job_id(), left, kind)

        try:
            return self.repeated(once)
        except StatementFailed as error:
            if is_conflict(str(error)):
                raise CommitConflict(
                    f"{self.doing}: other writers kept changing what it writes ({error}); run it again"
                ) from error
            if error.fault is StatementFault.STATEMENT and self._can_be_run(sql, parameters):
                raise StatementFailed(str(error), StatementFault.VALUE) from error
            raise

    def _can_be_run(self, sql: str, parameters: Mapping[str, object]) -> bool:
        """Whether BigQuery finds nothing wrong with a statement by itself: then a value that it met was."""
        config = self._query_config(parameters, None)
        config.dry_run = True
        try:
            with told_as_ours(self.doing, sql, self.bytes_cap):
                self._asked_for(sql, config, new_job_id())
        except StatementFailed:
            return False
        return True

    def _once(
        self, sql: str, config: QueryJobConfig, job_id: str, seconds: float | None, kind: str
    ) -> tuple[Any, RowIterator]:
        begun = monotonic()
        try:
            with told_as_ours(self.doing, sql, self.bytes_cap), self._stopped_with_us(job_id):
                job = self._begun(job_id, lambda: self._asked_for(sql, config, job_id))
                self._wait_for(job, None if seconds is None else begun + seconds + _LATE_SECONDS)
                rows = job.result(retry=patient(), timeout=ANSWER_SECONDS, job_retry=None)
        except JobStopped as error:
            if seconds is None or monotonic() - begun < seconds:
                raise
            raise StatementFailed(str(error), StatementFault.TIME) from error
        self._note(job, kind)
        return job, rows

    def _asked_for(self, sql: str, config: QueryJobConfig, job_id: str) -> Any:
        return self.client.query(
            sql, job_config=config, job_id=job_id, retry=patient(), job_retry=None, timeout=ANSWER_SECONDS
        )

    def _begun(self, job_id: str, ask: Callable[[], Any]) -> Any:
        """Ask for a job, or take the one that is there: it is ours, and the answer that said so was lost."""
        from google.api_core.exceptions import Conflict, NotFound

        try:
            return ask()
        except Conflict:
            there = patient().with_predicate(lambda error: isinstance(error, NotFound) or is_asked_again(error))
            return self.client.get_job(job_id, location=self.client.location, retry=there, timeout=ANSWER_SECONDS)

    def _wait_for(self, job: Any, ends: float | None) -> None:
        """Wait until a query is done. That its results are refused may say that it failed, or nothing of it.

        Raises:
            GoogleAPICallError: it failed.
            RetryError: nobody tells whether it did.
            StatementFailed: it takes longer than it may, and was stopped.
        """
        from google.api_core.exceptions import GoogleAPICallError, RetryError

        refused_since: float | None = None
        while True:
            try:
                left = ANSWER_SECONDS if ends is None else min(ends - monotonic(), ANSWER_SECONDS)
                brief = asking_for(_BRIEF_SECONDS)
                job.result(page_size=_FIRST_ROWS, retry=brief, timeout=max(left, 1.0), job_retry=None)
                return
            except futures.TimeoutError:
                refused_since = None
            except (GoogleAPICallError, RetryError) as error:
                job.done(retry=patient(), timeout=ANSWER_SECONDS)
                failure = job.exception() if job.error_result is not None else None
                if failure is not None:
                    raise failure from error
                if isinstance(error, GoogleAPICallError) and not is_asked_again(error):
                    raise
                refused_since = refused_since or monotonic()
                if monotonic() - refused_since > PATIENCE_SECONDS:
                    cause = error.cause if isinstance(error, RetryError) else error
                    raise RetryError("it has no results", cause) from error  # type: ignore[no-untyped-call]
            if ends is not None and monotonic() >= ends:
                self._cancel(job.job_id)
                raise StatementFailed("it is not done after the time that it may take", StatementFault.TIME)

    def load_uri(
        self, uri: str, table: str, schema: Sequence[SchemaField], configure: Callable[[LoadJobConfig], None]
    ) -> int:
        """Make a table of the rows of a file in Cloud Storage, in place of what it held; how many they are."""
        config = job_configs.of_load(self.labels, schema)
        configure(config)
        return self.repeated(
            lambda: self._loaded(
                lambda job_id: self.client.load_table_from_uri(
                    uri, table, job_config=config, job_id=job_id, retry=patient(), timeout=ANSWER_SECONDS
                )
            )
        )

    def load_file(self, file: BinaryIO, table: str, schema: Sequence[SchemaField]) -> int:
        """Make a table of the rows of a parquet file at hand, which is small."""
        config = job_configs.of_load(self.labels, schema)

        return self.repeated(
            lambda: self._loaded(
                lambda job_id: self.client.load_table_from_file(
                    file,
                    table,
                    job_config=config,
                    job_id=job_id,
                    rewind=True,
                    num_retries=_UPLOAD_RETRIES,
                    timeout=ANSWER_SECONDS,
                )
            )
        )

    def _loaded(self, ask: Callable[[str], Any]) -> int:
        return int(self.finished(ask, new_job_id(), "load").output_rows or 0)

    def finished(self, ask: Callable[[str], Any], job_id: str, kind: str) -> Any:
        """A job that was asked for, once it is done; it reads or writes files."""
        with told_as_ours(self.doing), self._stopped_with_us(job_id):
            job = self._begun(job_id, lambda: ask(job_id))
            job.result(retry=patient())
        self._note(job, kind)
        return job

    def repeated(self, once: Callable[[], T]) -> T:
        """Do something by a new job each time that BigQuery failed to do it.

        Not where a query's job may be there, and nobody knows: that is a RetryError of Google's client. A load may be
        done twice.
        """
        from google.api_core.exceptions import GoogleAPICallError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        def is_worth_it(error: BaseException) -> bool:
            cause = error.__cause__
            return isinstance(cause, GoogleAPICallError) and (is_passing(cause) or is_conflict(said(cause)))

        retrying = Retrying(
            retry=retry_if_exception(is_worth_it),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=_JOB_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
            reraise=True,
        )
        return retrying(once)

    def _query_config(self, parameters: Mapping[str, object], seconds: float | None) -> QueryJobConfig:
        return job_configs.of_query(self.labels, self.bytes_cap, parameters, seconds)

    @contextmanager
    def _stopped_with_us(self, job_id: str) -> Iterator[None]:
        """Ask for a job and wait for it; who stops waiting, as he was told to stop, has it stopped too."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            self._cancel(job_id)
            raise

    def _cancel(self, job_id: str) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        with suppress(GoogleAPIError, GoogleAuthError, OSError):  # it ends by itself
            self.client.cancel_job(
                job_id, location=self.client.location, retry=asking_for(_CANCEL_SECONDS), timeout=_CANCEL_SECONDS
            )

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
    """How Google's client asks again: the same, for the same job."""
    return asking_for(PATIENCE_SECONDS)


def asking_for(seconds: float) -> Retry:
    """How Google's client asks again, for so long."""
    from google.api_core.retry import Retry

    return Retry(predicate=is_asked_again, initial=_FIRST_WAIT_SECONDS, maximum=_LONGEST_WAIT_SECONDS, timeout=seconds)
