"""What BigQuery refuses, and that it cannot be reached, as errors of ours: each one line that says what to do.

Reasons: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.exceptions import (
    CommitConflict,
    ConfigurationError,
    LakehouseError,
    StatementFailed,
    StatementFault,
    StorageUnavailable,
    first_line,
)
from lakehouse.warehouse.bigquery.words import cut, in_one_line, reason_of, said

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_STATEMENT_CHARACTERS = 200

_PASSING = frozenset(
    {
        *("backendError", "internalError", "jobBackendError", "jobInternalError", "tableUnavailable", "badGateway"),
        *("rateLimitExceeded", "jobRateLimitExceeded", "RATE_LIMIT_EXCEEDED"),
    }
)
"""Reasons that another job may not meet."""

_OF_JOBS = frozenset({"jobBackendError", "jobInternalError", "jobRateLimitExceeded", "tableUnavailable"})
"""Reasons for which the same job stays failed, however often it is asked for."""

_CONFLICT = re.compile(
    r"concurrent update|serialize access|transaction is aborted|write-write conflict|transaction conflict|"
    r"conflict on (?:tuple|update)|due to concurrent|could not serialize",
    re.IGNORECASE,
)
_FOR_A_WHILE = re.compile(r"Table \S+[:.](?:\w+_)?(?:staging|bronze)\.\w+ ")
"""A table that goes by itself, and is made again."""

_NEEDED_BYTES = re.compile(r"(\d+) or higher required")


_TO_WORK = "grant the account roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project"
_TO_CHANGE_DATASETS = "grant the account roles/bigquery.dataOwner on it"
_BY_PERMISSION = {
    "INFORMATION_SCHEMA.JOBS_BY_USER": "grant the account roles/bigquery.user on the project",
    "bigquery.datasets.create": "grant the account roles/bigquery.user on the project, with which it makes datasets",
    "bigquery.datasets.update": _TO_CHANGE_DATASETS,
    "bigquery.datasets.setIamPolicy": _TO_CHANGE_DATASETS,
}
"""What lets an account do what it may not, by the permission, or the view, that BigQuery names."""


class ReadsTooMuch(ConfigurationError):
    """A statement would bill more than a setting lets it."""


class JobStopped(LakehouseError):
    """Somebody has cancelled a job of ours; nothing came of it."""


def is_passing(error: GoogleAPICallError) -> bool:
    """Whether the same asked once more, by another job, may be answered."""
    reason = reason_of(error)
    if reason in _PASSING:
        return True
    if not reason:
        return (error.code or 0) >= 500 or error.code == 429
    return "exceeded rate limits" in said(error).lower()  # in a script its reason is invalidQuery


def is_asked_again(error: BaseException) -> bool:
    """Whether just the same request, for the same job, may be answered when it is made again."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import TransportError
    from requests import exceptions

    if isinstance(error, GoogleAPICallError):
        return is_passing(error) and reason_of(error) not in _OF_JOBS
    if isinstance(error, exceptions.SSLError):
        return False
    broken = (exceptions.ConnectionError, exceptions.ChunkedEncodingError, exceptions.Timeout)
    return isinstance(error, (*broken, TransportError, ConnectionError))


def has_failed(error: BaseException) -> bool:
    """Whether it is known that a job was not done, and that another may be."""
    from google.api_core.exceptions import GoogleAPICallError

    cause = error.__cause__
    return isinstance(cause, GoogleAPICallError) and is_passing(cause)


def is_conflict(message: str) -> bool:
    """Whether another transaction was first."""
    return _CONFLICT.search(message) is not None


@contextmanager
def told_as_ours(doing: str, statement: str = "", bytes_cap: int = 0) -> Iterator[None]:
    """Do something with BigQuery, after all retries, that is called so in messages.

    A ``statement``, if it is one, may bill ``bytes_cap``.

    Raises:
        CommitConflict: another run has made or changed it meanwhile.
        ConfigurationError: whoever asks may not, or is not known, or there is no such thing, or it is elsewhere.
        JobStopped: somebody has stopped it.
        ReadsTooMuch: a statement would read more than it may.
        StatementFailed: a statement could not be run.
        StorageUnavailable: it could not be reached, or refused to answer for now.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests import RequestException

    try:
        yield
    except GoogleAPICallError as error:
        raise _refused(_Refusal(doing, said(error), statement, bytes_cap), error) from error
    except RetryError as error:
        cause = error.cause
        if isinstance(cause, GoogleAPICallError):
            raise _refused(_Refusal(doing, said(cause), statement, bytes_cap), cause) from error
        raise _unreachable(doing, cause or error) from error
    except TransportError as error:
        raise _unreachable(doing, error) from error
    except GoogleAuthError as error:
        if error.retryable:
            raise _unreachable(doing, error) from error
        raise ConfigurationError(_unknown(doing, in_one_line(first_line(error)))) from error
    except (RequestException, ConnectionError) as error:
        raise _unreachable(doing, error) from error


@dataclass(frozen=True)
class _Refusal:
    """What was refused, in BigQuery's words, and the statement that it is about, if any."""

    doing: str
    words: str
    statement: str
    bytes_cap: int


def _refused(refusal: _Refusal, error: GoogleAPICallError) -> LakehouseError:
    if (by_reason := _BY_REASON.get(reason_of(error))) is not None:
        return by_reason(refusal)
    if (by_words := next((told for words, told in _BY_WORDS.items() if words in refusal.words), None)) is not None:
        return by_words(refusal)
    if is_passing(error):
        return _unavailable(refusal)
    return _by_status(refusal, error)


def _by_status(refusal: _Refusal, error: GoogleAPICallError) -> LakehouseError:
    from google.api_core import exceptions

    doing, words = refusal.doing, refusal.words
    match error:
        case exceptions.Unauthorized():
            return ConfigurationError(_unknown(doing, words))
        case exceptions.Forbidden():
            return _forbidden(refusal)
        case exceptions.NotFound():
            return _not_found(refusal)
        case exceptions.Conflict() | exceptions.PreconditionFailed():
            return CommitConflict(f"{doing}: another run made or changed it meanwhile ({words}): run it again")
        case exceptions.BadRequest() | exceptions.MethodNotImplemented():
            return StatementFailed(words, StatementFault.STATEMENT)
    return StorageUnavailable(f"{doing}: BigQuery gave an answer that means nothing here ({words})")


def _forbidden(refusal: _Refusal) -> LakehouseError:
    how = next((how for permission, how in _BY_PERMISSION.items() if permission in refusal.words), _TO_WORK)
    if "gs://" in refusal.words:
        how = "grant the account roles/storage.objectUser on the bucket"
    return ConfigurationError(f"{refusal.doing}: BigQuery refuses it ({refusal.words}): {how}")


def _not_found(refusal: _Refusal) -> LakehouseError:
    words = refusal.words
    if "gs://" in words:
        how = "land the file again"
    elif "found: Job" in words:
        how = "is LAKEHOUSE_LOCATION the location of the datasets?"
    elif _FOR_A_WHILE.search(words):
        how = "it was there for a while, and went by itself or was removed: run it again"
    else:
        how = "materialize infrastructure, or correct LAKEHOUSE_PROJECT, LAKEHOUSE_LOCATION or LAKEHOUSE_PREFIX"
    return ConfigurationError(f"{refusal.doing}: not found ({words}): {how}")


def _reads_too_much(refusal: _Refusal) -> LakehouseError:
    needed = _NEEDED_BYTES.search(refusal.words)
    reads = f"reads {in_gib(int(needed[1]))}, more" if needed else "reads more"
    lets = f"LAKEHOUSE_BYTES_CAP ({in_gib(refusal.bytes_cap)})"
    what = cut(" ".join(refusal.statement.split()), _STATEMENT_CHARACTERS)
    return ReadsTooMuch(
        f"{refusal.doing}: {reads} than {lets} lets one statement: ask for less, or raise it"
        + (f". The statement: {what}" if what else "")
    )


def in_gib(count: int) -> str:
    """A number of bytes, for people."""
    gib = count / (1 << 30)
    return f"{gib:,.1f} GiB" if gib >= 1 else f"{gib:.3f} GiB"


def _unavailable(refusal: _Refusal) -> LakehouseError:
    return StorageUnavailable(
        f"{refusal.doing}: BigQuery refuses to answer for now ({refusal.words}): run it again later"
    )


def _used_up(refusal: _Refusal) -> LakehouseError:
    return StorageUnavailable(
        f"{refusal.doing}: a quota of the project is used up ({refusal.words}): run it again when it is renewed, or "
        "have it raised (IAM & Admin > Quotas)"
    )


def _switched_off(refusal: _Refusal) -> LakehouseError:
    how = "say gcloud services enable bigquery.googleapis.com"
    return ConfigurationError(f"{refusal.doing}: the BigQuery API is off in this project ({refusal.words}): {how}")


def _without_billing(refusal: _Refusal) -> LakehouseError:
    return ConfigurationError(f"{refusal.doing}: the project has no billing account ({refusal.words}): link one to it")


def _elsewhere(refusal: _Refusal) -> LakehouseError:
    how = "datasets and bucket must be in LAKEHOUSE_LOCATION"
    return ConfigurationError(f"{refusal.doing}: they are not in one place ({refusal.words}): {how}")


def _answers_too_much(refusal: _Refusal) -> LakehouseError:
    return StatementFailed(f"its result is too large ({refusal.words}): ask for less", StatementFault.DATA)


def _needs_too_much(refusal: _Refusal) -> LakehouseError:
    return StatementFailed(f"it needs more than BigQuery gives a statement ({refusal.words})", StatementFault.DATA)


def _took_too_long(refusal: _Refusal) -> LakehouseError:
    return StatementFailed(refusal.words, StatementFault.TIME)


def _stopped(refusal: _Refusal) -> LakehouseError:
    if "timed out" in refusal.words.lower():
        return _took_too_long(refusal)
    return JobStopped(f"{refusal.doing}: somebody stopped its job ({refusal.words}): run it again")


_BY_REASON: Mapping[str, Callable[[_Refusal], LakehouseError]] = {
    "bytesBilledLimitExceeded": _reads_too_much,
    "quotaExceeded": _used_up,
    "blocked": _unavailable,
    "accessNotConfigured": _switched_off,
    "SERVICE_DISABLED": _switched_off,
    "billingNotEnabled": _without_billing,
    "responseTooLarge": _answers_too_much,
    "resourcesExceeded": _needs_too_much,
    "billingTierLimitExceeded": _needs_too_much,
    "stopped": _stopped,
    "timeout": _took_too_long,
}

_BY_WORDS: Mapping[str, Callable[[_Refusal], LakehouseError]] = {
    "exceeded limit for bytes billed": _reads_too_much,
    "has not been used in project": _switched_off,
    "different locations": _elsewhere,
}
"""Where the reason says less: a script fails with invalidQuery, whatever was wrong with its statement."""


def _unknown(doing: str, words: str) -> str:
    how = "say gcloud auth application-default login, or set LAKEHOUSE_CREDENTIALS to a service-account file"
    return f"{doing}: Google does not accept the credentials ({words}): {how}"


def _unreachable(doing: str, error: BaseException) -> StorageUnavailable:
    return StorageUnavailable(
        f"{doing}: BigQuery cannot be reached ({type(error).__name__}): is there a network? Run it again later"
    )
