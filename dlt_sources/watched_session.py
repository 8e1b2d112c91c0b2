"""A session every received byte of which is watched: a server that trickles or never ends is left in bounded time.

A time-out of a socket begins anew with each byte, so one byte each half second, of a body or of its headers, would hold
a client for ever. All that is received, headers and framing too, passes one place here. To connect takes no longer than
is left, to all addresses that a host has; looking up its name takes as long as the system lets it.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from dlt_sources.remote_file import HttpPolicy, TryAgain
from lakehouse.exceptions import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response, Session
    from urllib3.connection import HTTPConnection

SLOWEST_BYTES_A_SECOND = 1000
"""Slower than this, on average over as long as a source may be silent, is too slow."""

_LARGEST_HEAD = 1 << 20
_FRAMING_BYTES = 1 << 20


class Watch:
    """What one attempt to get something may take: time in all, time for some bytes, bytes of headers and in all."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        self.begin(policy.largest_bytes)

    def begin(self, largest_bytes: int) -> None:
        """Another attempt, at a body of at most so many bytes."""
        self._largest = 2 * largest_bytes + _FRAMING_BYTES  # as a body may be sent in chunks
        self._ends = monotonic() + self._policy.total_seconds
        self.answer_begins()

    def answer_begins(self) -> None:
        self._is_head = True
        self._received = self._window_bytes = 0
        self._window_seconds = 0.0

    def body_begins(self) -> None:
        self._is_head = False

    def patience_seconds(self) -> float:
        """How long to wait for the next bytes.

        Raises:
            TryAgain: the attempt has taken too long in all.
        """
        left = self._ends - monotonic()
        if left <= 0:
            raise TryAgain(SourceUnavailable, f"is not done after {self._policy.total_seconds:g} s")
        return min(left, self._policy.timeout_seconds)

    def received(self, count: int, waited_seconds: float) -> None:
        """Take note of bytes and of the time they were waited for; that before the first is not counted.

        Raises:
            TryAgain: they come too slowly, or do not end.
        """
        if self._received:
            self._window_seconds += waited_seconds
        self._received += count
        self._window_bytes += count
        if self._is_head and self._received and not count:
            raise TryAgain(SourceUnavailable, "did not deliver (it broke off in its headers)")
        if self._is_head and self._received > _LARGEST_HEAD:
            raise TryAgain(SourceUnavailable, "sends headers without end")
        if self._received > self._largest:
            raise TryAgain(SourceUnavailable, "sends without end")
        if self._window_seconds >= self._policy.timeout_seconds:
            if self._window_bytes < SLOWEST_BYTES_A_SECOND * self._window_seconds:
                slowly = f"{self._window_bytes:,} bytes in {self._window_seconds:.1f} s"
                raise TryAgain(SourceUnavailable, f"sends too slowly ({slowly})")
            self._window_bytes, self._window_seconds = 0, 0.0


class _WatchedStream(io.RawIOBase):
    """What a socket receives."""

    def __init__(self, stream: io.RawIOBase, connection: socket.socket, watch: Watch) -> None:
        self._stream = stream
        self._connection = connection
        self._watch = watch

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._watch.patience_seconds())
        began = monotonic()
        try:
            count: int = self._stream.readinto(buffer) or 0
        except TimeoutError:
            self._watch.patience_seconds()
            raise
        self._watch.received(count, monotonic() - began)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def watched_session(watch: Watch) -> Session:
    """A session that follows no redirects: what a redirect sends besides would be read whole, however long it is."""
    import requests
    from requests.adapters import HTTPAdapter

    pools = _pools(watch)

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options)
            manager.pool_classes_by_scheme = pools
            return manager

    class Watched(requests.Session):
        def get_redirect_target(self, resp: Response) -> str | None:  # noqa: ARG002
            return None

    session = Watched()
    session.mount("http://", Adapter())
    session.mount("https://", Adapter())
    return session


def _pools(watch: Watch) -> dict[str, type]:
    """What makes connections whose answers are watched."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Answer(http.client.HTTPResponse):
        fp: io.BufferedReader

        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            watch.answer_begins()
            self.fp = io.BufferedReader(_WatchedStream(self.fp.detach(), sock, watch))

        def begin(self) -> None:
            super().begin()
            watch.body_begins()
            if self.msg.defects or self.msg.get_payload():
                # What follows a line that is no header is not read as one, and the length may be among it.
                raise TryAgain(SourceUnavailable, "sends headers that cannot be read")
            lengths = ",".join(self.msg.get_all("Content-Length", [])).split(",")
            if len({each.strip() for each in lengths}) > 1:
                raise TryAgain(SourceUnavailable, "sends more than one Content-Length")

    class Plain(HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, watch)

    class Secure(HTTPSConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, watch)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: HTTPConnection, connect: Callable[[], socket.socket], watch: Watch) -> socket.socket:
    """A socket to the first of a host's addresses that answers; they have the time that is left together.

    urllib3 would wait as long for each of them.
    """
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    host = connection._dns_host
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return connect()  # which says so in its own words
    problem: Exception | None = None
    for *_, address in found:
        connection.timeout = watch.patience_seconds()
        connection._dns_host = str(address[0])
        try:
            return connect()
        except (ConnectTimeoutError, NewConnectionError) as error:
            problem = error
        finally:
            connection._dns_host = host
    raise problem or OSError(f"{host} has no address")
