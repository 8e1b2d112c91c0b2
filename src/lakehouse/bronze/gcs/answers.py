"""What Cloud Storage refuses, and that it cannot be reached, as errors of ours: each one line that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.exceptions import (
    CommitConflict,
    ConfigurationError,
    CorruptFile,
    LakehouseError,
    StorageUnavailable,
    first_line,
)

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_MOST_CHARACTERS = 300
"""Of what Google says; a gateway's answer may be a page."""

_MISMATCH = re.compile(r"\bMD5\b.*\bmatch")
"""What Google says of content that is not of the hash that was sent with it."""


@contextmanager
def told_as_ours(place: str) -> Iterator[None]:
    """Do something with an object, or objects, at ``place``, after the retries of Google's own client.

    Raises:
        ConfigurationError: there is no such bucket, or whoever asks may not, or is not known.
        StorageUnavailable: it could not be reached, or refused to answer for now.
        CommitConflict: another run changed the object meanwhile.
        CorruptFile: what came is not what is kept, by its checksum.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption
    from requests import RequestException

    try:
        yield
    except GoogleAPICallError as error:
        raise _refused(place, error) from None
    except RetryError as error:
        raise _given_up(place, error.cause) from None
    except TransportError as error:
        raise _unreachable(place, error) from None
    except GoogleAuthError as error:
        if error.retryable:
            raise _unreachable(place, error) from None
        raise ConfigurationError(_unknown(place, first_line(error))) from None
    except DataCorruption as error:
        raise CorruptFile(f"{place}: arrived damaged ({first_line(error)}): run it again") from None
    except RequestException as error:
        raise _unreachable(place, error) from None


def _given_up(place: str, last: BaseException | None) -> LakehouseError:
    """Of what was tried until there was no time left, and failed so at last."""
    from google.api_core.exceptions import GoogleAPICallError, from_http_response
    from google.cloud.storage.exceptions import InvalidResponse

    if isinstance(last, InvalidResponse):  # a file's own way
        last = from_http_response(last.response)  # type: ignore[no-untyped-call]
    return _refused(place, last) if isinstance(last, GoogleAPICallError) else _unreachable(place, last)


def _refused(place: str, error: GoogleAPICallError) -> LakehouseError:
    from google.api_core import exceptions

    words = said(error)
    match error:
        case exceptions.NotFound():  # of an object it is told apart before, of a bucket it is not
            bucket = "/".join(place.split("/")[:3])
            how = "materialize infrastructure, which makes it, or correct its name"
            return ConfigurationError(f"{bucket}: there is no such bucket ({words}): {how}")
        case exceptions.Forbidden():
            return ConfigurationError(f"{place}: {_forbidden(error, words)}")
        case exceptions.Unauthorized():
            return ConfigurationError(_unknown(place, words))
        case exceptions.PreconditionFailed():
            return CommitConflict(f"{place}: another run changed it meanwhile ({words}): run it again")
        case exceptions.BadRequest() | exceptions.Conflict() if _MISMATCH.search(words):
            return CorruptFile(f"{place}: arrived damaged ({words}): run it again")
        case exceptions.TooManyRequests() | exceptions.ServerError():
            what = f"refuses to answer for now ({words}): run it again later"
        case _:
            what = f"gave an answer that means nothing here ({words})"
    return StorageUnavailable(f"{place}: Cloud Storage {what}")


def _forbidden(error: GoogleAPICallError, words: str) -> str:
    if is_switched_off(error):
        how = "say gcloud services enable storage.googleapis.com"
        return f"the Cloud Storage API is off in this project ({words}): {how}"
    if lacks_billing(error):
        return f"the project has no billing account ({words}): link one to it"
    return f"Cloud Storage refuses it ({words}): grant the account roles/storage.objectUser on the bucket"


def _unknown(place: str, said: str) -> str:
    how = "say gcloud auth application-default login, or set LAKEHOUSE_CREDENTIALS to a service-account file"
    return f"{place}: Google does not accept the credentials ({said}): {how}"


def _unreachable(place: str, error: BaseException | None) -> StorageUnavailable:
    said = type(error).__name__
    return StorageUnavailable(
        f"{place}: Cloud Storage cannot be reached ({said}): is there a network? Run it again later"
    )


def is_switched_off(error: GoogleAPICallError) -> bool:
    """Whether it is refused as the project does not have the API on."""
    words = said(error)
    return "has not been used in project" in words or "it is disabled" in words


def lacks_billing(error: GoogleAPICallError) -> bool:
    """Whether it is refused as nobody would pay."""
    return "billing account" in said(error)


def said(error: GoogleAPICallError) -> str:
    """Google's own words and the status; of an answer to a transfer the client quotes all."""
    answer = getattr(error.response, "text", "")
    try:
        words = json.loads(answer)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        words = answer
    line = str(words).strip().split("\n", 1)[0][:_MOST_CHARACTERS]
    return f"{error.code}: {line}" if line else f"{error.code}"
