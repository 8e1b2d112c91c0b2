"""The one way to ask a source: a file or an API's answer is fetched and hashed, or only asked about.

Over http(s), or of a file:// folder. Statuses, validators, retries and limits are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dlt_sources import file_url
from dlt_sources.refusals import reason, refusal
from dlt_sources.remote_file import (
    HttpPolicy,
    RemoteFile,
    RemoteVersion,
    Transfer,
    TryAgain,
    Validators,
    save,
    with_retries,
)
from dlt_sources.room import require_room
from lakehouse.exceptions import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response, Session

_CHUNK_BYTES = 1 << 20
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def download(remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy) -> Transfer | None:
    """Copy the remote file byte for byte to `target`; None when it is unchanged since `known`.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, broke off, or gave an answer that means nothing here.
        DiskFull: there is no room for a file of the size that the source says it has.
        OSError: `target` cannot be written (a full disk). `target` is then left as it was: the caller's to
            remove, as after every other error.
    """
    if urlsplit(remote.url).scheme == "file":
        return with_retries(lambda: file_url.copy(remote, target, known), remote, policy)

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
        return file_url.look_at(remote, known)

    with _session(remote) as session:
        return with_retries(lambda: _ask(session, remote, known, policy), remote, policy)


@contextmanager
def _session(remote: RemoteFile) -> Iterator[Session]:
    import requests

    with requests.Session() as session:
        # A machine's proxy must not be asked for that machine's own server.
        session.trust_env = not _is_loopback(remote.url)
        yield session


def _get(
    session: Session, remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy
) -> Transfer | None:
    """One HTTP attempt."""
    with (
        _faults_named(remote),
        session.get(
            remote.url, headers=_headers(remote, known), stream=True, timeout=policy.timeout_seconds
        ) as response,
    ):
        if _is_unchanged(response, known):
            return None
        if response.status_code != 200:
            raise refusal(session, response, remote, policy)
        require_room(remote, _told_size(response), target.parent)
        # urllib3 2 counts the bytes: a body shorter than its Content-Length raises IncompleteRead. What a server
        # encodes though it was asked not to is decoded: bytes and hash are of the file as published.
        size, sha256 = save(response.raw.stream(_CHUNK_BYTES, decode_content=True), target)
        headers = response.headers
        return Transfer(headers.get("ETag"), headers.get("Last-Modified"), size, sha256)


def _ask(session: Session, remote: RemoteFile, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    """One attempt over HTTP: HEAD, and if that is refused GET, for only the body of a refusal tells its reason."""

    def answer(method: str) -> Response:
        return session.request(
            method,
            remote.url,
            headers=_headers(remote, known),
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
        raise refusal(session, response, remote, policy)


def _published(response: Response) -> RemoteVersion | None:
    """What a good answer says, None of one that says "unchanged"."""
    if response.status_code == 304:
        return None
    return RemoteVersion(response.headers.get("ETag"), response.headers.get("Last-Modified"), _told_size(response))


def _told_size(response: Response) -> int | None:
    size = response.headers.get("Content-Length", "")
    return int(size) if size.isdecimal() else None


def _is_unchanged(response: Response, known: Validators | None) -> bool:
    return response.status_code == 304 and bool(_conditions(known))


def _headers(remote: RemoteFile, known: Validators | None) -> dict[str, str]:
    # identity: bytes and hash must be of the file as published, not of an encoding of it.
    return {"Accept": remote.accept, "Accept-Encoding": "identity", **_conditions(known)}


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


def _is_loopback(url: str) -> bool:
    """Whether the address is this machine's own."""
    return urlsplit(url).hostname in _LOOPBACK


def _conditions(known: Validators | None) -> dict[str, str]:
    """Headers that ask for a file only if it changed.

    Only an ETag vouches for unchanged bytes: "not modified since" is also the answer for an older file put back.

    From a source without ETags a month is fetched anew, and its hash tells whether it changed.
    """
    return {"If-None-Match": known.etag} if known and known.etag else {}
