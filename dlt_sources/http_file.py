"""The one way to ask a source: a file or an API's answer is fetched and hashed, or only asked about.

Over http(s), or of a file:// folder. Statuses, validators, retries and limits are the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dlt_sources import file_url
from dlt_sources.bounds import bounded, largest, require_size
from dlt_sources.checksums import Doubts, Sums
from dlt_sources.encodings import decoded
from dlt_sources.redirects import answer
from dlt_sources.refusals import FIRST_BYTE, REFUSES_HEAD, reason, refusal
from dlt_sources.remote_file import (
    Clock,
    HttpPolicy,
    RemoteFile,
    RemoteVersion,
    Transfer,
    TryAgain,
    Validators,
    now,
    save,
    with_retries,
)
from dlt_sources.room import require_room
from dlt_sources.watched_session import Watch, watched_session
from lakehouse.exceptions import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response, Session

_VALIDATOR = re.compile(r"[ -~\x80-\xff]{1,1000}")


def download(
    remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy, clock: Clock = now
) -> Transfer | None:
    """Copy the remote file byte for byte to `target`; None when it is unchanged since `known`.

    `clock` is asked when the headers are there: what comes after them may take its time.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, broke off, or gave an answer that means nothing here.
        CorruptFile: it sends more than it may, or bytes that are not those it says they are.
        DiskFull: there is no room for a file of the size that the source says it has.
        OSError: `target` cannot be written (a full disk). `target` is then left as it was: the caller's to
            remove, as after every other error.
    """
    if urlsplit(remote.url).scheme == "file":
        return with_retries(lambda: file_url.copy(remote, target, known, policy, clock), remote, policy)

    watch, doubts = Watch(policy), Doubts(remote)
    with watched_session(watch) as session:

        def get(known: Validators | None) -> tuple[Transfer, str | None] | None:
            return _get(session, remote, target, known, policy, clock)

        def once() -> Transfer | None:
            watch.begin(largest(remote, policy))
            return doubts.settled(get, known)

        return with_retries(once, remote, policy)


def probe(remote: RemoteFile, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """Ask about the remote file without fetching it; None when it is unchanged since `known`.

    All attempts share the time of one.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, or gave an answer that means nothing here.
    """
    if urlsplit(remote.url).scheme == "file":
        return file_url.look_at(remote, known)

    with watched_session(Watch(policy)) as session:
        return with_retries(lambda: _ask(session, remote, known, policy), remote, policy)


def _get(
    session: Session, remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy, clock: Clock
) -> tuple[Transfer, str | None] | None:
    """One HTTP attempt: what came, and what makes it doubtful."""
    asked = _headers(remote, known)
    with _faults_named(remote), answer(session, "GET", remote.url, remote, asked, policy) as response:
        if _is_unchanged(response, known):
            return None
        if response.status_code != 200:
            raise refusal(session, response, remote, policy)
        answered_at = clock()
        size = _told_size(response)
        require_size(remote, size, policy)
        require_room(remote, size, target.parent)
        sums = Sums(response.headers)
        # What a server encodes though it was asked not to is decoded: bytes and hash are of the file as published.
        pieces = bounded(decoded(response, remote, sums.sent), remote, policy)
        size, sha256 = save(sums.of_kept(pieces), target)
        doubt = sums.doubt()
        etag, last_modified = _validator(response, "ETag"), _validator(response, "Last-Modified")
        return Transfer(etag, last_modified, size, sha256, answered_at), doubt


def _ask(session: Session, remote: RemoteFile, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """One attempt over HTTP: HEAD, and if that is refused GET, for only the body of a refusal tells its reason.

    A server that does not know HEAD is asked for one byte; one that does not know that either sends a body, which is
    not read.
    """
    asked = _headers(remote, known)
    with _faults_named(remote), answer(session, "HEAD", remote.url, remote, asked, policy) as response:
        if response.status_code == 200 or _is_unchanged(response, known):
            return _published(response)
        if response.status_code in REFUSES_HEAD:
            asked |= FIRST_BYTE
    with _faults_named(remote), answer(session, "GET", remote.url, remote, asked, policy) as response:
        is_part = response.status_code == 206 and "Range" in asked
        if response.status_code == 200 or is_part or _is_unchanged(response, known):
            return _published(response)
        raise refusal(session, response, remote, policy)


def _published(response: Response) -> RemoteVersion | None:
    """What a good answer says, None of one that says "unchanged"."""
    if response.status_code == 304:
        return None
    return RemoteVersion(_validator(response, "ETag"), _validator(response, "Last-Modified"), _told_size(response))


def _validator(response: Response, name: str) -> str | None:
    """A header to remember a file by; None where it could not be sent back."""
    value = response.headers.get(name)
    return value if value and _VALIDATOR.fullmatch(value) else None


def _told_size(response: Response) -> int | None:
    """Bytes of the whole file, None where they are not told."""
    if response.status_code == 206:
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length", "")
    return int(size) if re.fullmatch("[0-9]{1,18}", size) else None


def _is_unchanged(response: Response, known: Validators | None) -> bool:
    return response.status_code == 304 and bool(_conditions(known))


def _headers(remote: RemoteFile, known: Validators | None) -> dict[str, str]:
    # identity: bytes and hash must be of the file as published, not of an encoding of it.
    return {"Accept": remote.accept, "Accept-Encoding": "identity", **_conditions(known)}


@contextmanager
def _faults_named(remote: RemoteFile) -> Iterator[None]:
    """Turn what requests raises into our errors, or into another attempt."""
    import requests
    from urllib3.exceptions import HTTPError, LocationValueError

    try:
        yield
    except (LocationValueError, UnicodeError) as problem:  # what no host or header can be called
        raise _cannot_be_asked(remote, problem) from None
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        HTTPError,
    ) as problem:
        raise TryAgain(SourceUnavailable, f"did not deliver ({reason(problem)})") from problem
    except requests.RequestException as problem:
        raise _cannot_be_asked(remote, problem) from None


def _cannot_be_asked(remote: RemoteFile, problem: Exception) -> SourceUnavailable:
    return SourceUnavailable(remote.message(f"cannot be asked ({type(problem).__name__})", f"check {remote.setting}"))


def _conditions(known: Validators | None) -> dict[str, str]:
    """Headers that ask for a file only if it changed.

    Only an ETag vouches for unchanged bytes: "not modified since" is also the answer for an older file put back.

    From a source without ETags a month is fetched anew, and its hash tells whether it changed.
    """
    return {"If-None-Match": known.etag} if known and known.etag and _VALIDATOR.fullmatch(known.etag) else {}
