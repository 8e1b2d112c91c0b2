"""The sample source on this machine: a folder served over HTTP as TLC's distribution and the users API answer."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from lakehouse.exceptions import ConfigurationError
from lakehouse.sample.page import index_page
from lakehouse.sample.source import USERS_FILE

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.staticfiles import PathLike
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn import Server

HOST = "127.0.0.1"
HEADER = "X-Lakehouse-Sample"
"""On every answer: the folder that is served, percent-encoded where a header needs it."""

ACCESS_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message>"
    "<RequestId>SAMPLE</RequestId><HostId>SAMPLE</HostId></Error>"
)
"""As S3 answers, with status 403, for what does not exist."""

_ASK_SECONDS = 2.0
_DRAIN_SECONDS = 1


class SampleServer:
    """Serves a folder on 127.0.0.1 for as long as it is entered; port 0 stands for any that is free.

    Raises:
        ConfigurationError: when entered, if the port cannot be had.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    @property
    def url(self) -> str:
        """The base address, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        listening = _listen(self.port)
        self.port = listening.getsockname()[1]
        self._server = _server(self.folder)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name=f"sample source {self.port}", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        if not self._server.started:
            listening.close()
            raise RuntimeError(f"the sample source did not start at {self.url}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


def serve(folder: Path, port: int) -> None:
    """Serve a folder on 127.0.0.1 until interrupted.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    with _listen(port) as listening:
        try:
            _server(folder).run([listening])
        except KeyboardInterrupt:
            return


def already_serving(folder: Path, port: int) -> bool:
    """Whether a sample source answers at the port that serves this very folder."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_ASK_SECONDS)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().headers.get(HEADER) == _label(folder)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _label(folder: Path) -> str:
    return quote(str(folder.resolve()))


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as problem:
        raise ConfigurationError(
            f"LAKEHOUSE_SAMPLE_PORT={port}: {HOST} cannot be listened on there ({os.strerror(problem.errno or 0)}); "
            "end what uses it, or set another port"
        ) from None


def _server(folder: Path) -> Server:
    import uvicorn

    class Stoppable(uvicorn.Server):
        """Waits for answers under way, but hangs up on who does not read them.

        uvicorn's own limit cancels what answers, and leaves its connection and file to the garbage collector.
        """

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            hanging_up = asyncio.get_running_loop().call_later(_DRAIN_SECONDS, self._hang_up)
            await super().shutdown(sockets)
            hanging_up.cancel()

        def _hang_up(self) -> None:
            for connection in self.server_state.connections:
                connection.transport.abort()

    folder.mkdir(parents=True, exist_ok=True)
    configuration = uvicorn.Config(
        _labelled(_application(folder), _label(folder)),
        # What comes with uvicorn itself: nothing else changes how it behaves.
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    return Stoppable(configuration)


def _labelled(application: ASGIApp, label: str) -> ASGIApp:
    """The application with the label in the headers of whatever it answers."""

    async def labelled(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER.lower().encode(), label.encode())]
            await send(message)

        await application(scope, receive, send_labelled)

    return labelled


def _application(folder: Path) -> Starlette:
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.responses import FileResponse, HTMLResponse, Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import NotModifiedResponse, StaticFiles

    class HashedFiles(StaticFiles):
        """The files of the folder, each with the hash of its content as ETag.

        Starlette makes it of size and time of change, which two versions of a month written in quick succession may
        share.
        """

        def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
            if any(part.startswith(".") for part in Path(path).parts):  # what is not published yet
                return "", None
            return super().lookup_path(path)

        def file_response(
            self,
            full_path: PathLike,
            stat_result: os.stat_result,  # noqa: ARG002 - another file may have taken its place by now
            scope: Scope,
            status_code: int = 200,
        ) -> Response:
            with Path(full_path).open("rb") as file:
                status = os.fstat(file.fileno())
                headers = {"ETag": f'"{hashlib.file_digest(file, "sha256").hexdigest()}"'}
            response = FileResponse(full_path, status_code=status_code, headers=headers, stat_result=status)
            if self.is_not_modified(response.headers, Headers(scope=scope)):
                return NotModifiedResponse(response.headers)
            return response

    files = HashedFiles(directory=folder, check_dir=False)

    async def index(_: Request) -> Response:
        return HTMLResponse(index_page(folder))

    async def users(request: Request) -> Response:
        return await files.get_response(USERS_FILE, request.scope)

    async def access_denied(_: Request, __: Exception) -> Response:
        return Response(ACCESS_DENIED, status_code=403, media_type="application/xml")

    return Starlette(
        routes=[Route("/", index), Route("/users", users), Mount("/", files)],
        exception_handlers={401: access_denied, 404: access_denied},
    )
