"""The sample source as a command needs it: served for as long as the command runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import Settings, load_settings

_TRY_AGAIN_SECONDS = 0.3


def folder_of(settings: Settings) -> Path:
    """Where the sample source keeps what it has published."""
    return settings.home / "source"


@contextmanager
def sources_served(settings: Settings) -> Iterator[Settings]:
    """Serve the sample source while this is entered, if these are settings of samples; the settings to go on with.

    Another process that serves the same folder is left to do so, and stood in for when it ends. A port that something
    else has is not waited for: another one will do, as a month's address is no part of what it is.
    """
    if not settings.sample:
        yield settings
        return
    from lakehouse.sample.server import SampleServer, already_serving
    from lakehouse.sample.source import ROWS, prepare

    folder = folder_of(settings)
    prepare(folder, (), ROWS)
    if already_serving(folder, settings.sample_port):
        with _standing_by(folder, settings.sample_port):
            yield settings
        return
    with ExitStack() as stack:
        try:
            server = stack.enter_context(SampleServer(folder, settings.sample_port))
        except ConfigurationError:
            server = stack.enter_context(SampleServer(folder, 0))
        yield load_settings(**{**settings.model_dump(), "sample_port": server.port})


@contextmanager
def _standing_by(folder: Path, port: int) -> Iterator[None]:
    """Serve the folder at the port as soon as the process that does so now has ended."""
    over = threading.Event()
    thread = threading.Thread(target=_serve_when_free, args=(folder, port, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _serve_when_free(folder: Path, port: int, over: threading.Event) -> None:
    from lakehouse.sample.server import SampleServer

    while not over.wait(_TRY_AGAIN_SECONDS):
        try:
            with SampleServer(folder, port):
                over.wait()
        except ConfigurationError:
            continue
