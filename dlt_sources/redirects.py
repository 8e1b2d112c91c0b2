"""Asking, redirects followed: no body of a redirect is read, and where it leads is looked at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from dlt_sources.remote_file import HttpPolicy, RemoteFile, has_usable_host
from lakehouse.exceptions import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response, Session

_MOST = 10
_STATUSES = {301, 302, 303, 307, 308}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@contextmanager
def answer(
    session: Session, method: str, url: str, remote: RemoteFile, headers: Mapping[str, str], policy: HttpPolicy
) -> Iterator[Response]:
    """What is answered where an address leads to, its body not read.

    Raises:
        SourceUnavailable: it leads nowhere, or in circles.
        requests.RequestException: what requests raises.
    """
    asked = url
    for _ in range(_MOST + 1):
        # A machine's proxy must not be asked for that machine's own server.
        session.trust_env = urlsplit(asked).hostname not in _LOOPBACK
        with session.request(
            method,
            asked,
            headers=dict(headers),
            auth=None if asked == url else _credentials(session, url, asked),
            stream=True,
            timeout=policy.timeout_seconds,
            allow_redirects=False,
        ) as response:
            location = response.headers.get("Location")
            if response.status_code not in _STATUSES or location is None:
                yield response
                return
        asked = _target(asked, location, remote)
    raise _nowhere(remote, f"redirects more than {_MOST} times")


def _credentials(session: Session, url: str, target: str) -> tuple[str, str] | None:
    """User and password of an address for where it leads to: only within the same server."""
    from requests.utils import get_auth_from_url

    strips: bool = session.should_strip_auth(url, target)  # type: ignore[no-untyped-call]
    if strips or "@" in urlsplit(target).netloc:
        return None
    user, password = get_auth_from_url(url)
    return (user, password) if user or password else None


def _target(base: str, location: str, remote: RemoteFile) -> str:
    from requests.utils import requote_uri

    try:
        target = requote_uri(urljoin(base, location.encode("latin-1").decode()))
        parts = urlsplit(target)
        is_usable = has_usable_host(parts)
    except ValueError:
        raise _nowhere(remote, "redirects to an address that cannot be used") from None
    if parts.scheme not in {"http", "https"}:
        raise _nowhere(remote, f"redirects to an address of {parts.scheme[:20]}://, which is not followed")
    if not is_usable:
        raise _nowhere(remote, "redirects to an address that cannot be used")
    return target


def _nowhere(remote: RemoteFile, problem: str) -> SourceUnavailable:
    return SourceUnavailable(remote.message(problem, f"asking again will not help: check {remote.setting}"))
