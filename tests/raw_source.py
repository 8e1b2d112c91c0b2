"""A server that says whatever it is told to, byte by byte: what no library for HTTP would send.

with RawSource() as server:
    server.answers(cut(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    ... fetch from server.url ...
    assert server.requests and server.sent > 0
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self


class Connection:
    """One request, as its answer is given it: what was asked, and what may be sent."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing
        self.request = b""
        self.sent = 0

    def read_request(self) -> None:
        """Up to the empty line, or as far as it comes."""
        while b"\r\n\r\n" not in self.request and not self.request.startswith(b"\x16\x03"):  # TLS says hello
            more = self._connection.recv(65536)
            if not more:
                return
            self.request += more

    @property
    def method(self) -> str:
        return self.request.split(b" ", 1)[0].decode("latin-1")

    def send(self, content: bytes) -> bool:
        """Whether it could be sent: a client that has heard enough hangs up."""
        try:
            self._connection.sendall(content)
        except OSError:
            return False
        self.sent += len(content)
        return not self._closing.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether the server is still there afterwards."""
        return not self._closing.wait(seconds)

    def reset(self) -> bool:
        """End the connection with RST; never more to come."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._connection.close()
        return False


Answer = Callable[[Connection], object]


class RawSource:
    """Answers on a loopback port for as long as it is entered."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._closing = threading.Event()
        self._answer: Answer = lambda connection: connection.send(answer(b""))
        self._served: list[Connection] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listening = socket.create_server((self._host, 0), family=family)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def requests(self) -> list[bytes]:
        """What was asked so far, each with all its headers."""
        return [each.request for each in self._served]

    def sent(self) -> list[int]:
        """How many bytes each request so far was answered, once all answers have ended."""
        for thread in self._threads:
            thread.join()
        return [each.sent for each in self._served]

    def answers(self, given: Answer) -> None:
        """Answer every request so from now on."""
        self._answer = given
        self._served.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection, self._answer), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, given: Answer) -> None:
        one = Connection(connection, self._closing)
        self._served.append(one)
        with connection, suppress(OSError):
            one.read_request()
            given(one)


def answer(
    body: bytes,
    status: str = "200 OK",
    headers: Mapping[str, str] | None = None,
    *,
    length: int = -1,
) -> bytes:
    """An answer as bytes; a ``length`` other than that of its body may be declared."""
    told = headers or {}
    lines = [f"HTTP/1.1 {status}", "Connection: close", *(f"{name}: {value}" for name, value in told.items())]
    if not {"Content-Length", "Transfer-Encoding"} & told.keys():
        lines.append(f"Content-Length: {len(body) if length < 0 else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def saying(*pieces: bytes, every: float = 0.0) -> Answer:
    """Sends these, with pauses between them, and hangs up."""

    def say(connection: Connection) -> None:
        for piece in pieces:
            if not (connection.send(piece) and connection.wait(every)):
                return

    return say


def endlessly(piece: bytes, after: bytes = b"", every: float = 0.0) -> Answer:
    """Sends a piece again and again, until nobody listens."""

    def say(connection: Connection) -> None:
        going = connection.send(after) if after else True
        while going and connection.send(piece):
            going = connection.wait(every) if every else True

    return say
