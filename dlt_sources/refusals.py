"""What an answer that brings nothing means: not published, throttled, wrong for good, or worth another attempt."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from dlt_sources.redirects import answer
from dlt_sources.remote_file import HttpPolicy, RemoteFile, TryAgain
from lakehouse.exceptions import NotPublished, SourceUnavailable, Throttled

if TYPE_CHECKING:
    from requests import Response, Session

REFUSES_HEAD = {405, 501}
"""What a server answers that does not know HEAD."""

FIRST_BYTE = {"Range": "bytes=0-0"}
"""What such a server is asked for instead, by GET."""

_ERROR_BODY_BYTES = 1 << 16  # enough of an error page to recognise it


def refusal(session: Session, response: Response, remote: RemoteFile, policy: HttpPolicy) -> Exception:
    """The error that an answer other than 200 or 304 amounts to; a :class:`TryAgain` where another may be better."""
    status = response.status_code
    if status == 404 and remote.neighbour is not None:
        return NotPublished(
            remote.message("answered 404", f"it is not published (yet): ask later, or check {remote.setting}")
        )
    if status == 403:
        return _judge_403(session, response, remote, policy)
    if status in {408, 429} or status >= 500:
        kind = Throttled if status == 429 else SourceUnavailable
        return TryAgain(kind, f"answered {status}", _retry_after_seconds(response))
    if status == 407:
        return SourceUnavailable(
            remote.message("answered 407: a proxy wants to know who asks", "check HTTP_PROXY and HTTPS_PROXY")
        )
    return _for_good(remote, status)


def _for_good(remote: RemoteFile, status: int) -> Exception:
    return SourceUnavailable(
        remote.message(f"answered {status}", f"asking again will not help: check {remote.setting}")
    )


def _judge_403(session: Session, response: Response, remote: RemoteFile, policy: HttpPolicy) -> Exception:
    """Tell "no such file" from "too many requests": CloudFront answers 403 for both.

    S3 says AccessDenied for a missing object; CloudFront's own page says "Request blocked". Any other body
    says nothing, and a neighbour that should exist is asked. Source: TLC.md, Publication.
    """
    body = response.raw.read(_ERROR_BODY_BYTES, decode_content=False).decode("utf-8", "replace")
    if re.search(r"request blocked|too much traffic", body, re.IGNORECASE):
        return TryAgain(
            Throttled,
            "answered 403 with CloudFront's 'Request blocked' page, so it is throttling",
            _retry_after_seconds(response),
        )
    if remote.neighbour is None:
        return _for_good(remote, 403)
    later = "run it again later"
    not_published = "it is not published (yet): ask again later"
    if re.search(r"<Code>\s*AccessDenied\s*</Code>", body):
        return NotPublished(
            remote.message("answered 403 with S3's AccessDenied, its answer for a missing file", not_published)
        )
    neighbour_said = _said_of_neighbour(session, remote, remote.neighbour.url, policy)
    told_apart = f"answered 403 and its neighbour {remote.neighbour.what} {neighbour_said}, so"
    if neighbour_said == "answers 200":
        return NotPublished(remote.message(f"{told_apart} the file is what is missing", not_published))
    return Throttled(remote.message(f"{told_apart} the source is what refuses", later))


def _said_of_neighbour(session: Session, remote: RemoteFile, url: str, policy: HttpPolicy) -> str:
    import requests
    from urllib3.exceptions import HTTPError

    try:
        with answer(session, "HEAD", url, remote, {}, policy) as response:
            status = response.status_code
        if status in REFUSES_HEAD:
            with answer(session, "GET", url, remote, FIRST_BYTE, policy) as response:
                status = 200 if response.status_code == 206 else response.status_code
        return f"answers {status}"
    except (requests.RequestException, HTTPError, TryAgain) as problem:
        return f"does not answer ({reason(problem)})"
    except SourceUnavailable:
        return "leads nowhere"


def _retry_after_seconds(response: Response) -> float:
    """Seconds the server asks to wait, 0 if it does not say. Both forms of RFC 9110, section 10.2.3."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def reason(problem: Exception) -> str:
    """The error inside requests' and urllib3's wrappers: those quote the URL, this one the reason."""
    while inner := _first_error(getattr(problem, "reason", None), *problem.args):
        problem = inner
    return f"{type(problem).__name__}: {problem}"[:200]


def _first_error(*candidates: object) -> Exception | None:
    return next((each for each in candidates if isinstance(each, Exception)), None)
