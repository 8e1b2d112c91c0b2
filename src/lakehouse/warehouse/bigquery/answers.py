"""What BigQuery refuses, and that it cannot be reached, as errors of ours: each one line that says what to do.

Reasons: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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


class ReadsTooMuch(ConfigurationError):
    """A statement would bill more than a setting lets it."""


def reason_of(error: GoogleAPICallError) -> str:
    """BigQuery's own word for what is wrong; empty where there is none."""
    return next((str(each["reason"]) for each in error.errors if isinstance(each, dict) and "reason" in each), "")


def said(error: GoogleAPICallError) -> str:
    """BigQuery's own words, without the address that was asked."""
    line = first_line(Exception(error.message)).strip()
    return line.rpartition("?prettyPrint=false: ")[2][:_MOST_CHARACTERS]


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
    from google.api_core import exceptions

    reason, words = reason_of(error), said(error)
    match reason:
        case "bytesBilledLimitExceeded":
            return ReadsTooMuch(
                f"{doing}: reads more than LAKEHOUSE_BYTES_CAP lets one statement ({words}): ask for less, or raise it"
            )
        case "quotaExceeded":
            return StorageUnavailable(
                f"{doing}: a quota of the project is used up ({words}): run it again when it is renewed, or have it "
                "raised (IAM & Admin > Quotas)"
            )
        case "accessNotConfigured" | "SERVICE_DISABLED":
            return ConfigurationError(
                f"{doing}: the BigQuery API is off in this project ({words}): say gcloud services enable "
                "bigquery.googleapis.com"
            )
        case "billingNotEnabled":
            return ConfigurationError(f"{doing}: the project has no billing account ({words}): link one to it")
        case "responseTooLarge":
            return StatementFailed(f"its result is too large ({words}): ask for less", StatementFault.DATA)
        case "stopped" | "timeout":
            return StatementFailed(words, StatementFault.TIME)
    if "has not been used in project" in words or "it is disabled" in words:
        return ConfigurationError(
            f"{doing}: the BigQuery API is off in this project ({words}): say gcloud services enable "
            "bigquery.googleapis.com"
        )
    if is_passing(error):
        return StorageUnavailable(f"{doing}: BigQuery refuses to answer for now ({words}): run it again later")
    match error:
        case exceptions.Unauthorized():
            return ConfigurationError(_unknown(doing, words))
        case exceptions.Forbidden():
            return ConfigurationError(
                f"{doing}: BigQuery refuses it ({words}): grant the account roles/bigquery.dataEditor on the datasets "
                "and roles/bigquery.jobUser on the project"
            )
        case exceptions.NotFound() if "location" in words.lower():
            return ConfigurationError(
                f"{doing}: not found ({words}): is LAKEHOUSE_LOCATION the location of the datasets?"
            )
        case exceptions.NotFound():
            return ConfigurationError(
                f"{doing}: not found ({words}): materialize infrastructure, or correct LAKEHOUSE_PROJECT, "
                "LAKEHOUSE_LOCATION or LAKEHOUSE_PREFIX"
            )
        case exceptions.BadRequest():
            return StatementFailed(words, StatementFault.STATEMENT)
    return StorageUnavailable(f"{doing}: BigQuery gave an answer that means nothing here ({words})")


def _unknown(doing: str, words: str) -> str:
    how = "say gcloud auth application-default login, or set LAKEHOUSE_CREDENTIALS to a service-account file"
    return f"{doing}: Google does not accept the credentials ({words}): {how}"


def _unreachable(doing: str, error: BaseException) -> StorageUnavailable:
    return StorageUnavailable(
        f"{doing}: BigQuery cannot be reached ({type(error).__name__}): is there a network? Run it again later"
    )
