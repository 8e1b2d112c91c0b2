"""A source is asked what it has of a file without the file being fetched, and refuses as it refuses a fetch."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from dlt_sources.remote_file import HttpPolicy, RemoteVersion, Validators
from dlt_sources.tlc import GREEN
from lakehouse.exceptions import ConfigurationError, LakehouseError, NotPublished, SourceUnavailable, Throttled
from lakehouse.partition import Month
from tests import green_files
from tests.asking import fetch_month, probe_month, probe_zones
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, S3_ACCESS_DENIED, Fault, SourceServer
from tests.raw_source import Connection, RawSource, answer
from tests.reference_files import ZONES_PATH, zones_csv

MONTH = Month(2024, 1)
PATH = f"/{green_files.source_path(MONTH)}"
PATH_BEFORE = f"/{green_files.source_path(MONTH.previous())}"
QUICK = HttpPolicy(attempts=2, timeout_seconds=2.0, backoff_seconds=0.001, max_backoff_seconds=0.01)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder the source serves: a month of green, and the zones."""
    folder = tmp_path / "published"
    green_files.write(folder / PATH.strip("/"), green_files.trips(MONTH, 3))
    (folder / ZONES_PATH).parent.mkdir()
    (folder / ZONES_PATH).write_text(zones_csv())
    return folder


def probe(base_url: str, known: Validators | None = None) -> RemoteVersion | None:
    return probe_month(base_url, GREEN, MONTH, known, QUICK)


def refusal(error: type[LakehouseError], base_url: str) -> str:
    """The one line of the error that asking ends in."""
    with pytest.raises(error) as caught:
        probe(base_url)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert "green 2024-01" in message
    return message


def requests_of(server: SourceServer) -> list[tuple[str, int]]:
    return [(each.method, each.status) for each in server.requests]


def test_a_source_tells_the_version_of_a_month_without_sending_it(server: SourceServer, published: Path) -> None:
    said = probe(server.url)
    content = (published / PATH.strip("/")).read_bytes()
    assert said is not None
    assert said.etag == f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    assert said.last_modified is not None
    assert said.bytes == len(content)
    assert requests_of(server) == [("HEAD", 200)]
    assert server.requests[0].headers["Accept-Encoding"] == "identity"  # else it may tell of an encoding of the file


def test_it_tells_of_the_zones_too(server: SourceServer, published: Path) -> None:
    said = probe_zones(server.url, None, QUICK)
    assert said is not None
    assert said.bytes == (published / ZONES_PATH).stat().st_size
    assert [each.path for each in server.requests] == [f"/{ZONES_PATH}"]


def test_what_it_tells_is_what_a_fetch_records(server: SourceServer, tmp_path: Path) -> None:
    said, download = probe(server.url), fetch_month(server.url, GREEN, MONTH, tmp_path / "into", None, QUICK)
    assert download is not None
    assert said == RemoteVersion(download.etag, download.last_modified, download.bytes)


def test_a_month_that_is_unchanged_is_none(server: SourceServer) -> None:
    said = probe(server.url)
    assert said is not None
    assert probe(server.url, Validators(said.etag)) is None
    assert requests_of(server) == [("HEAD", 200), ("HEAD", 304)]


def test_a_month_that_changed_is_told_anew(server: SourceServer, published: Path) -> None:
    said = probe(server.url)
    assert said is not None
    green_files.write(published / PATH.strip("/"), green_files.trips(MONTH, 4))
    restated = probe(server.url, Validators(said.etag))
    assert restated is not None
    assert restated.etag != said.etag


def test_a_source_without_etags_tells_date_and_size(published: Path) -> None:
    with SourceServer(published, etags=False) as server:
        said = probe(server.url, Validators(None))
    assert said is not None
    assert (said.etag, said.bytes) == (None, (published / PATH.strip("/")).stat().st_size)
    assert said.last_modified is not None


def test_a_source_that_does_not_answer_head_is_asked_with_get_and_its_file_not_read(server: SourceServer) -> None:
    server.fail(PATH, Fault(status=405), times=1)
    said = probe(server.url)
    assert said is not None
    assert requests_of(server) == [("HEAD", 405), ("GET", 200)]


@pytest.mark.parametrize("refusal", [405, 501])
def test_a_source_that_does_not_know_head_is_asked_for_a_byte(server: SourceServer, refusal: int) -> None:
    part = {"Content-Range": "bytes 0-0/1234", "ETag": '"1"', "Last-Modified": "then"}
    server.fail_in_turn(PATH, [Fault(status=refusal), Fault(status=206, body=b"P", headers=part)])
    assert probe(server.url) == RemoteVersion('"1"', "then", 1234)
    assert requests_of(server) == [("HEAD", refusal), ("GET", 206)]
    assert [each.headers.get("Range") for each in server.requests] == [None, "bytes=0-0"]


@pytest.mark.parametrize("told", ["bytes 0-0/*", "bytes 0-0/-5", "soon", ""])
def test_a_part_of_what_has_no_size_tells_none(server: SourceServer, told: str) -> None:
    server.fail_in_turn(PATH, [Fault(status=405), Fault(status=206, body=b"P", headers={"Content-Range": told})])
    assert probe(server.url) == RemoteVersion(None, None, None)


def test_a_part_that_was_not_asked_for_is_refused(server: SourceServer) -> None:
    server.fail(PATH, Fault(status=206, body=b"P", headers={"Content-Range": "bytes 0-0/1234"}))
    assert "answered 206; asking again will not help" in refusal(SourceUnavailable, server.url)


def test_a_source_without_head_may_say_that_nothing_changed(server: SourceServer) -> None:
    said = probe(server.url)
    assert said is not None
    server.fail(PATH, Fault(status=405), times=1)
    assert probe(server.url, Validators(said.etag)) is None
    assert requests_of(server) == [("HEAD", 200), ("HEAD", 405), ("GET", 304)]


def test_a_month_that_has_moved_is_followed(server: SourceServer, published: Path) -> None:
    moved = published / "moved.parquet"
    (published / PATH.strip("/")).rename(moved)
    server.fail(PATH, Fault(status=302, headers={"Location": f"{server.url}/moved.parquet"}))
    said = probe(server.url)
    assert said is not None
    assert said.bytes == moved.stat().st_size
    assert requests_of(server) == [("HEAD", 302), ("HEAD", 200)]


@pytest.mark.parametrize("status", [404, 403])
def test_a_month_that_is_not_published_is_told_by_the_answer_to_get(
    server: SourceServer, published: Path, status: int
) -> None:
    if status == 404:
        server.fail(PATH, Fault(status=404))
    (published / PATH.strip("/")).unlink()
    assert "not published (yet)" in refusal(NotPublished, server.url)
    assert requests_of(server) == [("HEAD", status), ("GET", status)]


def test_a_page_that_says_request_blocked_is_throttling(server: SourceServer) -> None:
    server.fail(PATH, Fault(status=403, body=CLOUDFRONT_REQUEST_BLOCKED))
    assert "throttling" in refusal(Throttled, server.url)
    assert requests_of(server) == [("HEAD", 403), ("GET", 403)] * QUICK.attempts


def test_too_many_requests_is_throttling(server: SourceServer) -> None:
    server.fail(PATH, Fault(status=429, headers={"Retry-After": "0"}))
    assert "answered 429" in refusal(Throttled, server.url)


def test_an_unexplained_403_is_a_missing_month_if_its_neighbour_is_there(server: SourceServer, published: Path) -> None:
    server.fail(PATH, Fault(status=403, body=b"Forbidden"))
    assert "2023-12 answers 403" in refusal(Throttled, server.url)
    green_files.write(published / PATH_BEFORE.strip("/"), green_files.trips(MONTH.previous(), 1))
    assert "2023-12 answers 200" in refusal(NotPublished, server.url)


def test_a_fault_that_passes_is_asked_through(server: SourceServer) -> None:
    server.fail(PATH, Fault(dropped=True), times=1)
    assert probe(server.url) is not None
    assert requests_of(server) == [("HEAD", 0), ("HEAD", 200)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=503), "answered 503 (gave up after 2 attempts)"),
        (Fault(dropped=True), "gave up after 2 attempts"),
        (Fault(status=400, body=S3_ACCESS_DENIED), "answered 400; asking again will not help"),
        (Fault(status=304), "answered 304; asking again will not help"),
    ],
)
def test_a_source_that_cannot_be_asked_is_named_with_the_reason(
    server: SourceServer, fault: Fault, reason: str
) -> None:
    server.fail(PATH, fault)
    assert reason in refusal(SourceUnavailable, server.url)


def test_a_source_that_is_silent_is_waited_for_only_so_long(server: SourceServer) -> None:
    server.fail(PATH, Fault(delay_seconds=30))
    policy = HttpPolicy(attempts=1, timeout_seconds=0.2)
    with pytest.raises(SourceUnavailable, match=r"ReadTimeout|timed out"):
        probe_month(server.url, GREEN, MONTH, None, policy)


def test_a_folder_tells_size_and_time_of_its_files(published: Path) -> None:
    url = f"file://{published}"
    said = probe(url)
    assert said is not None
    assert said.bytes == (published / PATH.strip("/")).stat().st_size
    assert probe(url, Validators(said.etag)) is None
    os.utime(published / PATH.strip("/"), (0, 0))
    touched = probe(url, Validators(said.etag))
    assert touched is not None
    assert touched.etag != said.etag
    assert touched.last_modified == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_what_a_folder_tells_is_what_a_copy_records(published: Path, tmp_path: Path) -> None:
    url = f"file://{published}"
    said, download = probe(url), fetch_month(url, GREEN, MONTH, tmp_path / "into", None, QUICK)
    assert download is not None
    assert said == RemoteVersion(download.etag, download.last_modified, download.bytes)


def test_a_file_that_is_not_in_the_folder_is_not_published(published: Path) -> None:
    (published / PATH.strip("/")).unlink()
    assert "does not exist" in refusal(NotPublished, f"file://{published}")


def test_a_folder_that_does_not_exist_is_a_wrong_setting(tmp_path: Path) -> None:
    assert "LAKEHOUSE_TLC_URL" in refusal(ConfigurationError, f"file://{tmp_path / 'elsewhere'}")


def test_a_month_that_is_missing_where_head_is_not_known_is_told_from_a_source_that_refuses() -> None:
    """As its neighbour is there: asked for a byte of it, too, that is."""

    def given(connection: Connection) -> None:
        if connection.method == "HEAD":
            connection.send(answer(b"", "405 Method Not Allowed"))
        elif str(MONTH).encode() in connection.request:
            connection.send(answer(b"", "403 Forbidden"))
        else:
            connection.send(answer(b"P", "206 Partial Content", {"Content-Range": "bytes 0-0/1234"}))

    with RawSource() as server:
        server.answers(given)
        message = refusal(NotPublished, server.url)
    assert "its neighbour 2023-12 answers 200, so the file is what is missing" in message


def test_all_addresses_of_a_host_have_the_time_of_one_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six that drop whatever comes, as a full queue of connections does."""
    addresses = [f"127.0.0.{number}" for number in range(51, 57)]
    resolved: list[str] = []
    with ExitStack() as held:
        port = 0
        for address in addresses:
            listening = held.enter_context(socket.create_server((address, port), backlog=0))
            port = listening.getsockname()[1]
            for _ in range(3):
                waiting = held.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        real = socket.getaddrinfo

        def found(host: str, *asked: Any, **options: Any) -> Any:
            resolved.append(host)
            if host != "many.invalid":
                return real(host, *asked, **options)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", found)
        policy = HttpPolicy(attempts=2, timeout_seconds=0.5, backoff_seconds=0.001, total_seconds=1.0)
        began = perf_counter()
        with pytest.raises(SourceUnavailable, match=r"is not done after 1 s|timed out"):
            probe_month(f"http://many.invalid:{port}", GREEN, MONTH, None, policy)
        assert perf_counter() - began < 2.0
    assert set(addresses[:2]) <= set(resolved)
