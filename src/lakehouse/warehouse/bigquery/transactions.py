"""Transactions that add to ``meta.publications``: of two that change the same tables, one comes first.

Conflicting ones are cancelled (https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency), and one
that was not, but began with what is no longer the newest, ends itself. Both are tried again, as others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lakehouse.exceptions import CommitConflict, StatementFailed, StorageUnavailable
from lakehouse.warehouse.bigquery.answers import has_failed, is_conflict
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.literals import text_literal
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS, insert_text
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.bigquery.turns import add_turns, taking, were_taken

if TYPE_CHECKING:
    from tenacity import RetryCallState

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 300.0
"""How long is waited in all for others to be done with the same tables: each takes seconds, and they may be many."""

_FAILURES = 8
"""How often BigQuery may fail before it is given up."""

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 10.0
"""The most that is waited before the second time, and before any: each time twice as much, and never the same."""

_OVERTAKEN = "overtaken by another run"
_NO_TURN = "a table has no turn to take"
T = TypeVar("T")


class Overtaken(Exception):
    """Another transaction changed the same tables first."""


class Failed(Exception):
    """BigQuery failed to do it, and so has written nothing."""


@dataclass(frozen=True)
class Transaction:
    """One that changes the tables ``moved``, upon what was known of them and of others.

    ``sequences`` are the newest of each that it knows; ``rows`` are added to ``meta.publications``.
    """

    moved: Collection[str]
    sequences: Mapping[str, int]
    statements: Iterable[str]
    rows: Iterable[str]

    def run(self, tables: Tables, jobs: Jobs, job_id: str) -> None:
        """All of it or nothing, once; to be called within :func:`until_first`."""
        publications = tables.sql_name(PUBLICATIONS.name)
        guard = _guard(publications, self.sequences, were_taken(self.moved, tables))
        added = insert_text(publications, self.rows)
        statements = ["BEGIN TRANSACTION", taking(self.moved, tables), guard, *self.statements, added]
        try:
            jobs.script(";\n".join([*statements, "COMMIT TRANSACTION"]) + ";", job_id)
        except StatementFailed as error:
            if _NO_TURN in str(error):
                add_turns(self.moved, tables, jobs)
                raise Overtaken(str(error)) from error
            if _OVERTAKEN in str(error) or is_conflict(str(error)):
                raise Overtaken(str(error)) from error
            raise
        except StorageUnavailable as error:
            if has_failed(error):
                raise Failed(str(error)) from error
            raise


def until_first(once: Callable[[], T], doing: str) -> T:
    """Look, and run a transaction upon what was seen, until nobody has come between.

    Raises:
        CommitConflict: others came between for longer than is waited.
        StorageUnavailable: BigQuery failed each time.
    """
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    def told(_: RetryCallState) -> None:
        _log.info("%s: another run was first, or BigQuery failed: it is published once more", doing)

    wait = wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS)
    despite_failures = Retrying(
        retry=retry_if_exception_type(Failed), stop=stop_after_attempt(_FAILURES), wait=wait, before_sleep=told
    )
    despite_others = Retrying(
        retry=retry_if_exception_type(Overtaken),
        stop=lambda state: state.idle_for >= PATIENCE_SECONDS,
        wait=wait,
        before_sleep=told,
    )
    try:
        return despite_others(lambda: despite_failures(once))
    except RetryError as error:
        last = error.last_attempt.exception()
        if isinstance(last, Failed) and isinstance(last.__cause__, StorageUnavailable):
            raise last.__cause__ from None
        raise CommitConflict(f"{doing}: other writers kept changing its tables ({last}); run it again") from error


def _guard(publications: str, sequences: Mapping[str, int], has_turns: str) -> str:
    """The statement that fails unless just so many transactions have changed these tables, and turns were taken."""
    seen = " AND ".join(
        f"(SELECT COALESCE(MAX(sequence), 0) FROM {publications} WHERE table_name = {text_literal(name)}) = {sequence}"
        for name, sequence in sorted(sequences.items())
    )
    unless_seen = f"IF({seen}, 'ok', ERROR({text_literal(_OVERTAKEN)}))"
    return f"SELECT IF({has_turns}, {unless_seen}, ERROR({text_literal(_NO_TURN)}))"
