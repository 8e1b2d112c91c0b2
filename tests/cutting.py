"""A way to a server on loopback that breaks off connections once so much has come through, the first of them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_LET_THROUGH = 600_000
"""Bytes: more than a server says before it sends rows."""


class Cutting:
    """Passes bytes on for as long as it is entered; ``cuts`` says how many connections it broke off."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._to_cut = connections
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._lock = threading.Lock()
        self.cuts = 0
        at = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{at}@127.0.0.1:{self._listening.getsockname()[1]}").geturl()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        passing = []
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                break
            server = socket.create_connection(self._target)
            for source, sink, may_cut in ((client, server, False), (server, client, True)):
                passing.append(threading.Thread(target=self._pass, args=(source, sink, may_cut)))
                passing[-1].start()
        for each in passing:
            each.join()

    def _is_cut(self) -> bool:
        with self._lock:
            is_cut = self.cuts < self._to_cut
            self.cuts += is_cut
            return is_cut

    def _pass(self, source: socket.socket, sink: socket.socket, may_cut: bool) -> None:
        passed = 0
        with suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)
                passed += len(part)
                if may_cut and passed > _LET_THROUGH and self._is_cut():
                    break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()
