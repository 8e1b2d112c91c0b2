"""A server on loopback between Google's client and the emulator of Cloud Storage, which counts, and replays faults.

    with Between(emulator) as between:
        between.answer("GET", FORBIDDEN)
        ... ask by way of between.address ...
        assert between.statuses("GET") == [403]

The faults are answers as Cloud Storage's documentation gives them ("HTTP status and error codes for JSON"): they were
not seen on Google's own service.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """An answer in place of the emulator's; ``is_late`` if the emulator has done what was asked for, nevertheless."""

    status: int
    reason: str
    message: str
    is_late: bool = False

    @property
    def body(self) -> bytes:
        details = [{"domain": "global", "reason": self.reason, "message": self.message}]
        return json.dumps({"error": {"code": self.status, "message": self.message, "errors": details}}).encode()


UNAUTHORIZED = Fault(401, "authError", "Invalid Credentials")
FORBIDDEN = Fault(
    403,
    "forbidden",
    "loader@p.iam.gserviceaccount.com does not have storage.objects.list access to the Google Cloud Storage bucket. "
    "Permission 'storage.objects.list' denied on resource (or it may not exist).",
)
NO_BUCKET = Fault(404, "notFound", "The specified bucket does not exist.")
NOT_HELD = Fault(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
TOO_MANY = Fault(
    429,
    "rateLimitExceeded",
    "The object exceeded the rate limit for object mutation operations (create, update, and delete). "
    "Please reduce your request rate.",
)
UNAVAILABLE = Fault(503, "backendError", "We encountered an internal error. Please try again.")
LOST_ANSWER = Fault(503, "backendError", "We encountered an internal error. Please try again.", is_late=True)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Passed:
    """A request that came by, and how it was answered."""

    method: str
    path: str
    status: int
    sent_bytes: int


class Between:
    """Passes requests on for as long as it is entered; where it ``garbles`` what objects hold is another on its way.

    ``sent`` may change what is sent.
    """

    def __init__(self, emulator: str) -> None:
        self._emulator = urlsplit(emulator).netloc
        self._faults: dict[str, list[Fault]] = {}
        self._before: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self.passed: list[Passed] = []
        self.garbles = False
        self.sent: Callable[[bytes], bytes] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method: str, fault: Fault, times: int = 1000) -> None:
        """Answer the next requests of a method so."""
        self._faults[method] = [fault] * times

    def before(self, method: str, happens: Callable[[], None]) -> None:
        """Have something happen before the next request of a method is passed on."""
        self._before[method] = happens

    def statuses(self, *methods: str) -> list[int]:
        """How requests were answered, in their order."""
        return [each.status for each in self.passed if each.method in methods]

    def sent_bytes(self) -> int:
        """Bytes of all answers."""
        return sum(each.sent_bytes for each in self.passed)

    def answered(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to a request."""
        with self._lock:
            faults = self._faults.get(method)
            fault = faults.pop(0) if faults else None
            happens = self._before.pop(method, None)
        if happens is not None:
            happens()
        if fault is None or fault.is_late:
            answer = self._forwarded(method, path, headers, body if self.sent is None else self.sent(body))
            if self.garbles and "alt=media" in path:
                answer = replace(answer, body=bytes([answer.body[0] ^ 1]) + answer.body[1:])
        if fault is not None:
            answer = Answer(fault.status, {"Content-Type": "application/json"}, fault.body)
        with self._lock:
            self.passed.append(Passed(method, path, answer.status, len(answer.body)))
        return answer

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = HTTPConnection(self._emulator, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
            if "json" in answer.getheader("Content-Type", ""):  # where to read an object, as it was given when written
                body = body.replace(f"//{self._emulator}/".encode(), f"//{urlsplit(self.address).netloc}/".encode())
            return Answer(answer.status, dict(answer.getheaders()), body)
        finally:
            connection.close()


def _handler_for(between: Between) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Speaks HTTP/1.0, so that every answer ends with its connection."""

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = between.answered(self.command, self.path, dict(self.headers.items()), body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "server", "date"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of tests quiet."""

    return Handler
