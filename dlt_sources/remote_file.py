"""A file at an address: what it is called in messages, when to try again, what arrives of it."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import url2pathname

from lakehouse.exceptions import ConfigurationError, LakehouseError

if TYPE_CHECKING:
    from tenacity import RetryCallState

_log = logging.getLogger(__name__)
T = TypeVar("T")

Clock = Callable[[], datetime]
"""Tells when an answer began to come, asked at that moment."""


def now() -> datetime:
    """By the clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Validators:
    """What an earlier answer said about itself, for asking "only if it changed"."""

    etag: str | None


@dataclass(frozen=True)
class HttpPolicy:
    """How long and how often to try, and how much to take.

    The time-out is per wait for the server, ``total_seconds`` for one attempt at a whole file, or for all at asking
    about one.
    """

    attempts: int
    timeout_seconds: float
    backoff_seconds: float = 0.5
    max_backoff_seconds: float = 20.0
    total_seconds: float = 3600.0
    largest_bytes: int = 4_000_000_000


@dataclass(frozen=True)
class Address:
    """Where a source is; ``setting`` is where a person says so. The URL may hold credentials."""

    url: str
    setting: str


@dataclass(frozen=True)
class Neighbour:
    """A file that exists if another one does: its answer tells whether that one is missing or nothing is served."""

    what: str
    url: str


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch, or what an API answers, and the facts that every message about it carries.

    With a ``neighbour`` it is one of many that are published in turn: a refusal may mean that it is not out yet.
    Without one it is always there, so a refusal means that the address is wrong.
    """

    what: str  # as messages call it: "green 2024-01"
    url: str  # may hold credentials: messages use `address`
    setting: str  # where a person sets the address
    neighbour: Neighbour | None = None
    accept: str = "*/*"  # media type that an API is asked for
    largest_bytes: int | None = None  # where it is never as large as others may be

    @property
    def name(self) -> str:
        """Of the file: the last part of its path."""
        return Path(url2pathname(urlsplit(self.url).path)).name or self.what

    @property
    def address(self) -> str:
        """The URL without user, password, query string and fragment."""
        return without_secrets(self.url)

    def message(self, problem: str, advice: str) -> str:
        """One line: what, where, what happened, what to do. What a server said in it cannot steer a terminal."""
        line = " ".join(f"{self.what}: {self.address} {problem}; {advice}".split())
        return "".join(each if each.isprintable() else "?" for each in line)


@dataclass(frozen=True)
class Transfer:
    """What arrived, and when it began to."""

    etag: str | None
    last_modified: str | None
    bytes: int
    sha256: str
    answered_at: datetime


@dataclass(frozen=True)
class RemoteVersion:
    """What a source says of a file without sending it; None what it does not say."""

    etag: str | None
    last_modified: str | None
    bytes: int | None


class TryAgain(Exception):
    """One attempt failed in a way that may pass; `kind` is the error if it never does."""

    def __init__(self, kind: type[LakehouseError], problem: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(problem)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


def without_secrets(url: str) -> str:
    """The URL without user, password, query string and fragment: fit for messages and records."""
    parts = urlsplit(url)
    if not parts.netloc and url.startswith(f"{parts.scheme}://"):  # of a file: a slash more may say that it is absolute
        return f"{parts.scheme}://{parts.path}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def checked_url(address: Address, what: str) -> SplitResult:
    """The parts of an address that can be asked for files.

    Raises:
        ConfigurationError: it is not an http, https or absolute file address.
    """
    url, setting = address.url, address.setting
    example = "set it to an address such as https://host, or file:///absolute/folder"
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "file" or has_usable_host(parts)
    except ValueError:
        usable = False
    if not usable and re.match(r"https?:", url, re.IGNORECASE):
        # Not shown: where a malformed address hides its password cannot be told.
        raise ConfigurationError(f"{what}: {setting} is not an address with a valid host and port; {example}")
    shown = _shown(url)
    if not usable or parts.scheme not in {"http", "https", "file"}:
        raise ConfigurationError(f"{what}: {setting} is '{shown}', not an http, https or file URL; {example}")
    if parts.scheme == "file" and (parts.netloc not in {"", "localhost"} or not parts.path.startswith("/")):
        raise ConfigurationError(f"{what}: {setting} is '{shown}', not an absolute path; {example}")
    return parts


def has_usable_host(parts: SplitResult) -> bool:
    """Whether an address names a host and, if any, a port that can be asked.

    Raises:
        ValueError: it names one that cannot be: a port that is no number, a part of a name of more than 63 letters.
    """
    host = parts.hostname or ""
    host.encode("idna")
    return bool(host) and parts.port != 0


_NO_FOLDER = "that does not exist; set it to an address such as https://host, or file:///absolute/folder"


def url_below(base: Address, path: str, what: str) -> str:
    """The address of a path below a base address, whose query string (a signature) stays at the end.

    Raises:
        ConfigurationError: as :func:`checked_url`, or the base is a file:// folder that does not exist, or that lacks
            the folder of the path: then it is another one that was meant.
    """
    parts = checked_url(base, what)
    inner = path.rpartition("/")[0]
    if parts.scheme == "file" and not Path(url2pathname(f"{parts.path}/{inner}")).is_dir():
        is_there = Path(url2pathname(parts.path)).is_dir()
        fault = f"that has no {inner}/; set it to the one that has" if is_there else _NO_FOLDER
        raise ConfigurationError(f"{what}: {base.setting} is '{_shown(base.url)}', a folder {fault}")
    return parts._replace(path=f"{parts.path.rstrip('/')}/{path}", fragment="").geturl()


def _shown(url: str) -> str:
    return " ".join(re.sub(r"//[^/]*@", "//", url.partition("?")[0]).split())


def with_retries(once: Callable[[], T], remote: RemoteFile, policy: HttpPolicy) -> T:
    """Call `once` until it gives an answer, at most `policy.attempts` times, backing off with jitter."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

    backoff = wait_exponential_jitter(
        multiplier=policy.backoff_seconds, max=policy.max_backoff_seconds, jitter=policy.backoff_seconds
    )

    def pause(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.retry_after_seconds if isinstance(failure, TryAgain) else 0.0
        return min(max(backoff(state), asked), policy.max_backoff_seconds)

    def announce(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        attempt = f"attempt {state.attempt_number} of {policy.attempts}"
        _log.warning("%s", remote.message(str(failure), f"{attempt}, the next in {state.upcoming_sleep:.1f} s"))

    retrying = Retrying(
        stop=stop_after_attempt(policy.attempts),
        wait=pause,
        retry=retry_if_exception_type(TryAgain),
        before_sleep=announce,
        reraise=True,
    )
    try:
        return retrying(once)
    except TryAgain as last:
        attempts = f"{policy.attempts} attempts" if policy.attempts > 1 else "1 attempt"
        # `from None`: the errors below quote the whole URL, with whatever secret is in it.
        raise last.kind(remote.message(f"{last} (gave up after {attempts})", "run it again later")) from None


def save(chunks: Iterable[bytes], target: Path) -> tuple[int, str]:
    """Write the chunks to `target`; returns their size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    with target.open("wb") as file:
        for chunk in chunks:
            size += file.write(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()
