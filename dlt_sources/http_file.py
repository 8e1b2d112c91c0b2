"""One file over http(s), or of a file:// folder: fetched byte for byte and hashed, or only asked about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dlt_sources.remote_file import (
    HttpPolicy,
    RemoteFile,
    Transfer,
    TryAgain,
    Validators,
    save,
    with_retries,
)
from lakehouse.exceptions import NotPublished, SourceUnavailable, Throttled

if TYPE_CHECKING:
    from requests import Response, Session

_CHUNK_BYTES = 1 << 20
_ERROR_BODY_BYTES = 1 << 16  # enough of an error page to recognise it
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class RemoteVersion:
    """What a source says of a file without sending it; None what it does not say."""

    etag: str | None
    last_modified: str | None
    bytes: int | None


def download(remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy) -> Transfer | None:
    """Copy the remote file byte for byte to `target`; None when it is unchanged since `known`.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, broke off, or gave an answer that means nothing here.
        OSError: `target` cannot be written (a full disk). `target` is then left as it was: the caller's to
            remove, as after every other error.
    """
    if urlsplit(remote.url).scheme == "file":
        return with_retries(lambda: _copy_local_file(remote, target, known), remote, policy)

    with _session(remote) as session:
        return with_retries(lambda: _get(session, remote, target, known, policy), remote, policy)


def probe(remote: RemoteFile, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """Ask about the remote file without fetching it; None when it is unchanged since `known`.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, or gave an answer that means nothing here.
    """
    if urlsplit(remote.url).scheme == "file":
        with _open_local_file(remote) as file:
            status = os.fstat(file.fileno())
        etag = _file_etag(status)
        unchanged = known is not None and known.etag == etag
        return None if unchanged else RemoteVersion(etag, formatdate(status.st_mtime, usegmt=True), status.st_size)

    with _session(remote) as session:
        return with_retries(lambda: _ask(session, remote, known, policy), remote, policy)


@contextmanager
def _session(remote: RemoteFile) -> Iterator[Session]:
    import requests

    with requests.Session() as session:
        # A machine's proxy must not be asked for that machine's own server.
        session.trust_env = not is_loopback(remote.url)
        yield session


def _get(
    session: Session, remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy
) -> Transfer | None:
    """One HTTP attempt."""
    with (
        _faults_named(remote),
        session.get(remote.url, headers=_headers(known), stream=True, timeout=policy.timeout_seconds) as response,
    ):
        if _is_unchanged(response, known):
            return None
        if response.status_code != 200:
            raise _refusal(session, response, remote, policy)
        # urllib3 2 counts the bytes: a body shorter than its Content-Length raises IncompleteRead.
        size, sha256 = save(response.raw.stream(_CHUNK_BYTES, decode_content=False), target)
        headers = response.headers
        return Transfer(headers.get("ETag"), headers.get("Last-Modified"), size, sha256)


def _ask(session: Session, remote: RemoteFile, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """One attempt over HTTP: HEAD, and if that is refused GET, for only the body of a refusal tells its reason."""

    def answer(method: str) -> Response:
        return session.request(
            method,
            remote.url,
            headers=_headers(known),
            stream=True,  # nothing is read of a file that is there after all
            allow_redirects=True,
            timeout=policy.timeout_seconds,
        )

    with _faults_named(remote), answer("HEAD") as response:
        if response.status_code == 200 or _is_unchanged(response, known):
            return _published(response)
    with _faults_named(remote), answer("GET") as response:
        if response.status_code == 200 or _is_unchanged(response, known):
            return _published(response)
        raise _refusal(session, response, remote, policy)


def _published(response: Response) -> RemoteVersion | None:
    """What a good answer says, None of one that says "unchanged"."""
    if response.status_code == 304:
        return None
    size = response.headers.get("Content-Length", "")
    return RemoteVersion(
        response.headers.get("ETag"), response.headers.get("Last-Modified"), int(size) if size.isdecimal() else None
    )


def _is_unchanged(response: Response, known: Validators | None) -> bool:
    return response.status_code == 304 and bool(conditions(known))


def _headers(known: Validators | None) -> dict[str, str]:
    # identity: bytes and hash must be of the file as published, not of an encoding of it.
    return {"Accept-Encoding": "identity", **conditions(known)}


@contextmanager
def _faults_named(remote: RemoteFile) -> Iterator[None]:
    """Turn what requests raises into our errors, or into another attempt."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        HTTPError,
    ) as problem:
        raise TryAgain(SourceUnavailable, f"did not deliver ({reason(problem)})") from problem
    except requests.RequestException as problem:
        raise SourceUnavailable(
            remote.message(f"cannot be asked ({type(problem).__name__})", f"check {remote.setting}")
        ) from None


def is_loopback(url: str) -> bool:
    """Whether the address is this machine's own."""
    return urlsplit(url).hostname in _LOOPBACK


def conditions(known: Validators | None) -> dict[str, str]:
    """Headers that ask for a file only if it changed.

    Only an ETag vouches for unchanged bytes: "not modified since" is also the answer for an older file put back.

    From a source without ETags a month is fetched anew, and its hash tells whether it changed.
    """
    return {"If-None-Match": known.etag} if known and known.etag else {}


def _refusal(session: Session, response: Response, remote: RemoteFile, policy: HttpPolicy) -> Exception:
    """The error that an answer other than 200 or 304 amounts to."""
    status = response.status_code
    if status == 404:
        return NotPublished(
            remote.message("answered 404", f"it is not published (yet): ask later, or check {remote.setting}")
        )
    if status == 403:
        return _judge_403(session, response, remote, policy)
    if status == 429 or status >= 500:
        kind = Throttled if status == 429 else SourceUnavailable
        return TryAgain(kind, f"answered {status}", _retry_after_seconds(response))
    return SourceUnavailable(
        remote.message(f"answered {status}", f"asking again will not help: check {remote.setting}")
    )


def _judge_403(session: Session, response: Response, remote: RemoteFile, policy: HttpPolicy) -> Exception:
    """Tell "no such file" from "too many requests": CloudFront answers 403 for both.

    S3 says AccessDenied for a missing object; CloudFront's own page says "Request blocked". Any other body
    says nothing, and a neighbour that should exist is asked. Source: TLC.md, Publication.
    """
    body = response.raw.read(_ERROR_BODY_BYTES, decode_content=False).decode("utf-8", "replace")
    later = "run it again later"
    not_published = "it is not published (yet): ask again later"
    if re.search(r"<Code>\s*AccessDenied\s*</Code>", body):
        return NotPublished(
            remote.message("answered 403 with S3's AccessDenied, its answer for a missing file", not_published)
        )
    if re.search(r"request blocked|too much traffic", body, re.IGNORECASE):
        return TryAgain(
            Throttled,
            "answered 403 with CloudFront's 'Request blocked' page, so it is throttling",
            _retry_after_seconds(response),
        )
    neighbour_said = _answer_to_head(session, remote.neighbour_url, policy)
    told_apart = f"answered 403 and its neighbour {remote.neighbour} {neighbour_said}, so"
    if neighbour_said == "answers 200":
        return NotPublished(remote.message(f"{told_apart} the file is what is missing", not_published))
    return Throttled(remote.message(f"{told_apart} the source is what refuses", later))


def _answer_to_head(session: Session, url: str, policy: HttpPolicy) -> str:
    import requests

    try:
        with session.head(url, timeout=policy.timeout_seconds, allow_redirects=True) as response:
            return f"answers {response.status_code}"
    except requests.RequestException as problem:
        return f"does not answer ({reason(problem)})"


def _retry_after_seconds(response: Response) -> float:
    """Seconds the server asks to wait, 0 if it does not say. Both forms of RFC 9110, section 10.2.3."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _copy_local_file(remote: RemoteFile, target: Path, known: Validators | None) -> Transfer | None:
    """One attempt at a file:// address; size and time of change stand in for an ETag."""
    with _open_local_file(remote) as source:
        before = os.fstat(source.fileno())
        if known and known.etag == _file_etag(before):
            return None

        def chunks() -> Iterator[bytes]:
            try:
                while chunk := source.read(_CHUNK_BYTES):
                    yield chunk
            except OSError as problem:
                raise TryAgain(SourceUnavailable, f"cannot be read ({problem.strerror})") from problem

        size, sha256 = save(chunks(), target)
        if _file_etag(os.fstat(source.fileno())) != _file_etag(before):
            raise TryAgain(SourceUnavailable, "changed while it was read")
    return Transfer(_file_etag(before), formatdate(before.st_mtime, usegmt=True), size, sha256)


def _open_local_file(remote: RemoteFile) -> BinaryIO:
    try:
        return Path(url2pathname(urlsplit(remote.url).path)).open("rb")
    except FileNotFoundError:
        raise NotPublished(remote.message("does not exist", "put the file there, or ask again later")) from None
    except OSError as problem:
        raise SourceUnavailable(
            remote.message(f"cannot be opened ({problem.strerror})", "make it a readable file")
        ) from problem


def _file_etag(status: os.stat_result) -> str:
    return f'"{status.st_size:x}-{status.st_mtime_ns:x}"'


def reason(problem: Exception) -> str:
    """The error inside requests' and urllib3's wrappers: those quote the URL, this one the reason."""
    while inner := _first_error(getattr(problem, "reason", None), *problem.args):
        problem = inner
    return f"{type(problem).__name__}: {problem}"[:200]


def _first_error(*candidates: object) -> Exception | None:
    return next((each for each in candidates if isinstance(each, Exception)), None)
