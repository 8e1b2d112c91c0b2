"""Keys as Google gives them to service accounts, and a server that gives tokens for them and answers as its APIs do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NO_SERVER = "http://127.0.0.1:1/token"
"""Where nobody gives tokens."""

TOKEN = "a-token-of-the-server"  # noqa: S105  nobody's


@cache
def private_key() -> str:
    """One for a process: to make it takes a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_of(token_uri: str | None = NO_SERVER, **changes: object) -> dict[str, object]:
    """What a service account's key file says, changed; None takes something out."""
    key = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": "lakehouse@my-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
        **changes,
    }
    return {name: value for name, value in key.items() if value is not None}


def write_key(folder: Path, token_uri: str | None = NO_SERVER, **changes: object) -> Path:
    file = folder / "key.json"
    file.write_text(json.dumps(key_of(token_uri, **changes)))
    return file


@dataclass(frozen=True)
class Asked:
    """``headers`` by their names in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Google:
    """What answers in Google's place, on loopback: a token to whoever asks for one, else nothing in particular."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def token_uri(self) -> str:
        return f"{self.url}/token"

    def requests(self, beginning: str) -> list[Asked]:
        return [each for each in self.asked if each.path.startswith(beginning)]


@contextmanager
def google() -> Iterator[Google]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, answer: dict[str, Any]) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.asked.append(Asked(self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Google(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
