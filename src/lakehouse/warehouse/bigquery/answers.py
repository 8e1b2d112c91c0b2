"""What BigQuery refuses, and that it cannot be reached, as errors of ours: each one line that says what to do.

Reasons: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.exceptions import (
    ConfigurationError,
    LakehouseError,
    StatementFailed,
    StatementFault,
    StorageUnavailable,
    first_line,
)

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_MOST_CHARACTERS = 300

_PASSING = frozenset(
    {
        *("backendError", "internalError", "jobBackendError", "jobInternalError", "tableUnavailable"),
        *("rateLimitExceeded", "jobRateLimitExceeded"),
    }
)
"""Reasons that another job may not meet."""

_CONFLICT = re.compile(
    r"concurrent update|serialize access|transaction is aborted|write-write conflict|transaction conflict|"
    r"conflict on (?:tuple|update)|due to concurrent|could not serialize",
    re.IGNORECASE,
)


_TO_WORK = "grant the account roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project"
_TO_CHANGE_DATASETS = "grant the account roles/bigquery.dataOwner on it"
_BY_PERMISSION = {
    "bigquery.datasets.create": "grant the account roles/bigquery.user on the project, with which it makes datasets",
    "bigquery.datasets.update": _TO_CHANGE_DATASETS,
    "bigquery.datasets.setIamPolicy": _TO_CHANGE_DATASETS,
}
"""What lets an account do what it may not, by the permission that BigQuery names."""


class ReadsTooMuch(ConfigurationError):
    """A statement would bill more than a setting lets it."""


def reason_of(error: GoogleAPICallError) -> str:
    """BigQuery's own word for what is wrong; empty where there is none."""
    return next((str(each["reason"]) for each in error.errors if isinstance(each, dict) and "reason" in each), "")


def said(error: GoogleAPICallError) -> str:
    """BigQuery's own words, without the address that was asked."""
    line = first_line(Exception(error.message)).strip()
    return line.rpartition("prettyPrint=false: ")[2][:_MOST_CHARACTERS]


def is_passing(error: GoogleAPICallError) -> bool:
    """Whether the same asked once more, by another job, may be answered."""
    reason = reason_of(error)
    return reason in _PASSING or (not reason and (error.code or 0) >= 500)


def is_conflict(message: str) -> bool:
    """Whether another transaction was first."""
    return _CONFLICT.search(message) is not None


@contextmanager
def told_as_ours(doing: str) -> Iterator[None]:
    """Do something with BigQuery, after all retries, that is called so in messages.

    Raises:
        ConfigurationError: whoever asks may not, or is not known, or there is no such thing, or it is elsewhere.
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
        raise _refused(doing, error) from error
    except RetryError as error:
        cause = error.cause
        if isinstance(cause, GoogleAPICallError):
            raise _refused(doing, cause) from error
        raise _unreachable(doing, error) from error
    except TransportError as error:
        raise _unreachable(doing, error) from error
    except GoogleAuthError as error:
        if error.retryable:
            raise _unreachable(doing, error) from error
        raise ConfigurationError(_unknown(doing, first_line(error))) from error
    except (RequestException, ConnectionError) as error:
        raise _unreachable(doing, error) from error


def _refused(doing: str, error: GoogleAPICallError) -> LakehouseError:
    reason, words = reason_of(error), said(error)
    if (by_reason := _BY_REASON.get(reason)) is not None:
        return by_reason(doing, words)
    if "has not been used in project" in words or "it is disabled" in words:
        return _switched_off(doing, words)
    if is_passing(error):
        return StorageUnavailable(f"{doing}: BigQuery refuses to answer for now ({words}): run it again later")
    return _by_status(doing, error, words)


def _by_status(doing: str, error: GoogleAPICallError, words: str) -> LakehouseError:
    from google.api_core import exceptions

    match error:
        case exceptions.Unauthorized():
            return ConfigurationError(_unknown(doing, words))
        case exceptions.Forbidden():
            how = next((how for permission, how in _BY_PERMISSION.items() if permission in words), _TO_WORK)
            return ConfigurationError(f"{doing}: BigQuery refuses it ({words}): {how}")
        case exceptions.NotFound():
            how = "is LAKEHOUSE_LOCATION the location of the datasets?"
            if "location" not in words.lower():
                how = "materialize infrastructure, or correct LAKEHOUSE_PROJECT, LAKEHOUSE_LOCATION or LAKEHOUSE_PREFIX"
            return ConfigurationError(f"{doing}: not found ({words}): {how}")
        case exceptions.BadRequest():
            return StatementFailed(words, StatementFault.STATEMENT)
    return StorageUnavailable(f"{doing}: BigQuery gave an answer that means nothing here ({words})")


def _reads_too_much(doing: str, words: str) -> LakehouseError:
    return ReadsTooMuch(
        f"{doing}: reads more than LAKEHOUSE_BYTES_CAP lets one statement ({words}): ask for less, or raise it"
    )


def _used_up(doing: str, words: str) -> LakehouseError:
    return StorageUnavailable(
        f"{doing}: a quota of the project is used up ({words}): run it again when it is renewed, or have it raised "
        "(IAM & Admin > Quotas)"
    )


def _switched_off(doing: str, words: str) -> LakehouseError:
    how = "say gcloud services enable bigquery.googleapis.com"
    return ConfigurationError(f"{doing}: the BigQuery API is off in this project ({words}): {how}")


def _without_billing(doing: str, words: str) -> LakehouseError:
    return ConfigurationError(f"{doing}: the project has no billing account ({words}): link one to it")


def _answers_too_much(_: str, words: str) -> LakehouseError:
    return StatementFailed(f"its result is too large ({words}): ask for less", StatementFault.DATA)


def _took_too_long(_: str, words: str) -> LakehouseError:
    return StatementFailed(words, StatementFault.TIME)


_BY_REASON: Mapping[str, Callable[[str, str], LakehouseError]] = {
    "bytesBilledLimitExceeded": _reads_too_much,
    "quotaExceeded": _used_up,
    "accessNotConfigured": _switched_off,
    "SERVICE_DISABLED": _switched_off,
    "billingNotEnabled": _without_billing,
    "responseTooLarge": _answers_too_much,
    "stopped": _took_too_long,
    "timeout": _took_too_long,
}


def _unknown(doing: str, words: str) -> str:
    how = "say gcloud auth application-default login, or set LAKEHOUSE_CREDENTIALS to a service-account file"
    return f"{doing}: Google does not accept the credentials ({words}): {how}"


def _unreachable(doing: str, error: BaseException) -> StorageUnavailable:
    return StorageUnavailable(
        f"{doing}: BigQuery cannot be reached ({type(error).__name__}): is there a network? Run it again later"
    )
