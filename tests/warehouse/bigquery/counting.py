"""What passes through sockets: a relay on loopback that counts the bytes of either direction."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE = 1 << 16


@dataclass
class Traffic:
    """Bytes sent to a server, and received from it, through ``address``."""

    address: str
    sent: int = 0
    received: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, sent: int = 0, received: int = 0) -> None:
        with self._lock:
            self.sent += sent
            self.received += received


@contextmanager
def counted(address: str) -> Iterator[Traffic]:
    """Relay connections to a server on loopback, and count."""
    to = urlsplit(address)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        traffic = Traffic(f"http://127.0.0.1:{listener.getsockname()[1]}")
        accepting = threading.Thread(target=_accept, args=(listener, (str(to.hostname), to.port), traffic), daemon=True)
        accepting.start()
        yield traffic
        with suppress(OSError):  # whoever waits for a connection is woken
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, to: tuple[str, int | None], traffic: Traffic) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # it was closed
            return
        threading.Thread(target=_connected, args=(client, to, traffic), daemon=True).start()


def _connected(client: socket.socket, to: tuple[str, int | None], traffic: Traffic) -> None:
    with client, socket.create_connection(to) as server:
        back = threading.Thread(target=_relay, args=(server, client, traffic, "received"), daemon=True)
        back.start()
        _relay(client, server, traffic, "sent")
        back.join()


def _relay(source: socket.socket, target: socket.socket, traffic: Traffic, direction: str) -> None:
    with suppress(OSError):  # either side may be gone at any moment
        while piece := source.recv(_PIECE):
            traffic.add(**{direction: len(piece)})
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
