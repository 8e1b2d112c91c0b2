"""Whether there is room for a file is asked before it is fetched; how much is free is the one thing made up here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from dlt_sources.fetch import Content, fetch
from dlt_sources.remote_file import HttpPolicy, RemoteFile
from dlt_sources.room import COPIES, RESERVE_BYTES
from lakehouse.exceptions import CorruptFile, DiskFull
from tests.http_source import Fault, SourceServer

SIZE = 5_000_000
POLICY = HttpPolicy(attempts=2, timeout_seconds=5)


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "rows.bin").write_bytes(bytes(SIZE))
    return folder


@pytest.fixture
def server(source: Path) -> Iterator[SourceServer]:
    with SourceServer(source) as serving:
        yield serving


def remote(scheme: str, source: Path, server: SourceServer) -> RemoteFile:
    base = server.url if scheme == "http" else f"file://{source}"
    return RemoteFile("rows", f"{base}/rows.bin", "LAKEHOUSE_ROWS_URL")


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1 << 40, (1 << 40) - free, free))


def fetched(wanted: RemoteFile, into: Path) -> bool:
    return fetch(wanted, into, None, POLICY, lambda *_: Content(1)) is not None


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_file_that_there_is_no_room_for_is_not_fetched(
    source: Path, server: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    wanted, into = remote(scheme, source, server), tmp_path / "home" / "staging" / "landing"
    needed = COPIES * SIZE + RESERVE_BYTES
    leave(monkeypatch, needed - 1)
    with pytest.raises(DiskFull) as error:
        fetched(wanted, into)
    assert str(error.value) == (
        f"rows: {wanted.address} has 5,000,000 bytes, and to land it takes 43.6 MB: {into.parent} has 43.6 MB free: "
        "make room there, or use another LAKEHOUSE_HOME, and run it again"
    )
    assert list(into.iterdir()) == []
    assert len(server.requests) == (1 if scheme == "http" else 0)  # it is not asked again
    leave(monkeypatch, needed)
    assert fetched(wanted, into)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_file_that_is_larger_than_any_may_be_is_not_fetched(
    source: Path, server: SourceServer, tmp_path: Path, scheme: str
) -> None:
    wanted, into = remote(scheme, source, server), tmp_path / "into"
    with pytest.raises(CorruptFile) as error:
        fetch(wanted, into, None, replace(POLICY, largest_bytes=SIZE - 1), lambda *_: Content(1))
    assert str(error.value) == (
        f"rows: {wanted.address} has 5,000,000 bytes, more than the 4,999,999 bytes that it may have; "
        "nothing was kept: raise LAKEHOUSE_LARGEST_FILE if it is right"
    )
    assert list(into.iterdir()) == []
    assert len(server.requests) == (1 if scheme == "http" else 0)
    assert fetch(wanted, into, None, replace(POLICY, largest_bytes=SIZE), lambda *_: Content(1))


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_file_that_is_never_so_large_has_a_bound_of_its_own(
    source: Path, server: SourceServer, tmp_path: Path, scheme: str
) -> None:
    wanted = replace(remote(scheme, source, server), largest_bytes=SIZE - 1)
    with pytest.raises(CorruptFile, match=r"more than the 4,999,999 bytes that it may have; nothing was kept$"):
        fetched(wanted, tmp_path / "into")
    assert fetched(replace(wanted, largest_bytes=SIZE), tmp_path / "into")


def test_a_source_that_does_not_say_the_size_is_fetched(
    source: Path, server: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 0)
    server.fail("/rows.bin", Fault(without_length=True))
    assert fetched(remote("http", source, server), tmp_path / "into")
