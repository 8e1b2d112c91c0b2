"""Redirects are followed as far as they lead somewhere, with credentials within one server alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlt_sources import http_file
from dlt_sources.remote_file import HttpPolicy, RemoteFile, Transfer, Validators
from tests.http_source import Fault, SourceServer

POLICY = HttpPolicy(1, 2.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SourceServer]:
    (tmp_path / "a b.txt").write_bytes(b"moved")
    with SourceServer(tmp_path) as running:
        yield running


def downloaded(url: str, folder: Path, known: Validators | None = None) -> Transfer | None:
    return http_file.download(RemoteFile("file", url, "LAKEHOUSE_FILE_URL"), folder / "target", known, POLICY)


def moved(server: SourceServer, path: str, location: str, status: int = 302) -> None:
    server.fail(path, Fault(status=status, headers={"Location": location}))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/a%20b.txt", "/a b.txt", "a%20b.txt", "a b.txt#there", "//{host}/a%20b.txt"])
def test_they_are_followed_however_they_are_written(
    server: SourceServer, tmp_path: Path, location: str, status: int
) -> None:
    moved(server, "/old", location.format(server.url, host=server.url.removeprefix("http://")), status)
    assert downloaded(f"{server.url}/old", tmp_path) is not None
    assert (tmp_path / "target").read_bytes() == b"moved"
    assert [each.path for each in server.requests] == ["/old", "/a%20b.txt"]


def test_ten_are_followed(server: SourceServer, tmp_path: Path) -> None:
    for number in range(9):
        moved(server, f"/{number}", f"/{number + 1}")
    moved(server, "/9", "/a%20b.txt")
    assert downloaded(f"{server.url}/0", tmp_path) is not None
    assert len(server.requests) == 11


def test_credentials_stay_with_their_server(server: SourceServer, tmp_path: Path) -> None:
    own = server.url.replace("//", "//someone:pa55word@")
    moved(server, "/old", "/a%20b.txt")
    downloaded(f"{own}/old", tmp_path)
    moved(server, "/old", server.url.replace("127.0.0.1", "localhost") + "/a%20b.txt")
    downloaded(f"{own}/old", tmp_path)
    with SourceServer(tmp_path) as other:
        moved(server, "/old", f"{other.url}/a%20b.txt")
        downloaded(f"{own}/old?sig=t0ken", tmp_path)
        assert [each.query for each in other.requests] == [""]
        assert [each.headers.get("Authorization") for each in other.requests] == [None]
    sent = [each.headers.get("Authorization") is not None for each in server.requests]
    assert sent == [True, True, True, False, True]


def test_the_condition_is_asked_where_the_file_is(server: SourceServer, tmp_path: Path) -> None:
    moved(server, "/old", "/a%20b.txt")
    first = downloaded(f"{server.url}/old", tmp_path)
    assert first is not None
    assert downloaded(f"{server.url}/old", tmp_path, Validators(first.etag)) is None
    assert server.statuses() == [302, 200, 302, 304]
