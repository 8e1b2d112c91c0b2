"""The sample source over real HTTP."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from dlt_sources import tlc
from dlt_sources.remote_file import Validators
from lakehouse.exceptions import ConfigurationError, NotPublished
from lakehouse.partition import Month
from lakehouse.sample.server import HEADER, SampleServer, already_serving, serve
from lakehouse.sample.source import FIRST_VERSION, prepare, publish
from tests.asking import fetch_month, fetch_users, fetch_zones
from tests.http_source import PATIENT, SourceServer
from tests.sample.scaled import scaled

MONTH, LATER = Month(2023, 1), Month(2023, 2)
SCALE = 0.001
YELLOW = "trip-data/yellow_tripdata_2023-01.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with one month, which no test may change."""
    folder = tmp_path_factory.mktemp("outside") / "source"
    prepare(folder, [MONTH], scaled(SCALE))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[SampleServer]:
    with SampleServer(folder, 0) as server:
        yield server


def get(server: SampleServer, path: str, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, f"{server.url}/{path}", headers=named, timeout=10)


def raw_get(server: SampleServer, path: str) -> tuple[int, bytes]:
    """A path sent as it is: requests would clean it first."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


# Answers


def test_a_file_is_served_byte_for_byte_with_what_is_needed_to_ask_again(server: SampleServer, folder: Path) -> None:
    file = folder / YELLOW
    answer = get(server, YELLOW)
    assert answer.status_code == 200
    assert answer.content == file.read_bytes()
    assert answer.headers["Content-Length"] == str(file.stat().st_size)
    assert answer.headers["Last-Modified"] == formatdate(file.stat().st_mtime, usegmt=True)
    assert answer.headers["ETag"].startswith('"')


def test_what_is_known_is_not_sent_again(server: SampleServer) -> None:
    etag = get(server, YELLOW).headers["ETag"]
    unchanged = get(server, YELLOW, If_None_Match=etag)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    assert get(server, YELLOW, If_None_Match='"another"').status_code == 200


def test_head_answers_as_get_does_without_the_body(server: SampleServer) -> None:
    whole, head = get(server, YELLOW), get(server, YELLOW, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    names = ("ETag", "Last-Modified", "Content-Length", HEADER)
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]
    assert get(server, "trip-data/nothing.parquet", "HEAD").status_code == 403


def test_a_range_is_answered_with_that_part(server: SampleServer, folder: Path) -> None:
    content = (folder / YELLOW).read_bytes()
    part = get(server, YELLOW, Range="bytes=4-9")
    assert (part.status_code, part.content) == (206, content[4:10])
    assert part.headers["Content-Range"] == f"bytes 4-9/{len(content)}"
    assert get(server, YELLOW, Range="bytes=-4").content == b"PAR1"
    assert get(server, YELLOW, Range=f"bytes={len(content)}-").status_code == 416


def test_users_are_served_as_the_api_serves_them(server: SampleServer, folder: Path) -> None:
    users = get(server, "users")
    assert users.content == (folder / "users.json").read_bytes()
    assert users.headers["Content-Type"] == "application/json"
    assert get(server, "users", If_None_Match=users.headers["ETag"]).status_code == 304
    assert get(server, "users", "HEAD").headers["ETag"] == users.headers["ETag"]


@pytest.mark.parametrize(
    "path", ["trip-data/yellow_tripdata_2030-01.parquet", "misc", "trip-data/", "users/", "nothing", "x" * 300, "a%00b"]
)
def test_what_is_not_published_is_denied_as_s3_does(server: SampleServer, path: str, real_data: Path) -> None:
    denied = get(server, path)
    assert denied.status_code == 403
    assert denied.headers["Content-Type"] == "application/xml"
    real = (real_data / "errors" / "s3_access_denied_243.xml").read_text()
    shown = denied.text.partition("<RequestId>")
    assert shown[0] == real.partition("<RequestId>")[0]
    assert shown[1]


def test_our_own_fetch_understands_every_answer(server: SampleServer, tmp_path: Path) -> None:
    trips = fetch_month(server.url, tlc.YELLOW, MONTH, tmp_path, None, PATIENT)
    zones = fetch_zones(server.url, tmp_path, None, PATIENT)
    users = fetch_users(f"{server.url}/users", tmp_path, None, PATIENT)
    assert trips is not None
    assert zones is not None
    assert users is not None
    assert [(each.rows, each.is_sample) for each in (trips, zones, users)] == [(300, True), (265, True), (40, True)]
    assert fetch_month(server.url, tlc.YELLOW, MONTH, tmp_path, Validators(trips.etag), PATIENT) is None
    assert fetch_users(f"{server.url}/users", tmp_path, Validators(users.etag), PATIENT) is None
    with pytest.raises(NotPublished, match=r"yellow 2023-02: .* answered 403 with S3's AccessDenied"):
        fetch_month(server.url, tlc.YELLOW, LATER, tmp_path, None, PATIENT)


def test_nothing_can_be_written(server: SampleServer, folder: Path) -> None:
    before = (folder / YELLOW).read_bytes()
    for method in ("PUT", "POST", "DELETE"):
        assert get(server, YELLOW, method).status_code == 405
    assert (folder / YELLOW).read_bytes() == before


# Restatements


def test_a_month_can_be_published_and_restated_while_it_is_served(tmp_path: Path) -> None:
    with SampleServer(tmp_path / "source", 0) as server:
        assert get(server, YELLOW).status_code == 403
        publish(server.folder, MONTH, scaled(SCALE), FIRST_VERSION)
        first = get(server, YELLOW)
        publish(server.folder, MONTH, scaled(SCALE), 2)
        second = get(server, YELLOW, If_None_Match=first.headers["ETag"])
        publish(server.folder, MONTH, scaled(SCALE), FIRST_VERSION)
        third = get(server, YELLOW)
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 200]
    assert second.headers["ETag"] != first.headers["ETag"] == third.headers["ETag"]
    assert second.content != first.content == third.content


def test_the_etag_tells_contents_apart_that_have_one_size_and_one_time_of_change(tmp_path: Path) -> None:
    file = tmp_path / "trip-data" / "month.parquet"
    file.parent.mkdir()
    etags = set()
    with SampleServer(tmp_path, 0) as server:
        for content in (b"one", b"two"):
            file.write_bytes(content)
            os.utime(file, ns=(10**18, 10**18))
            etags.add(get(server, "trip-data/month.parquet").headers["ETag"])
    assert len(etags) == 2


# What is not served


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/trip-data/../../secret.txt",
        "/trip-data/%2e%2e/%2e%2e/secret.txt",
        "/link.txt",
        "/..%5csecret.txt",
        "//{outside}/secret.txt",
        "/%2f{outside}/secret.txt",
    ],
)
def test_nothing_outside_the_folder_is_served(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "source" / "trip-data").mkdir(parents=True)
    (tmp_path / "source" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with SampleServer(tmp_path / "source", 0) as server:
        status, body = raw_get(server, path.replace("{outside}", str(tmp_path)))
    assert status == 403
    assert b"secret" not in body


def test_a_file_is_not_served_before_it_is_whole(tmp_path: Path) -> None:
    partial = tmp_path / "trip-data" / ".yellow_tripdata_2023-01.parquet.1.part"
    partial.parent.mkdir()
    partial.write_text("half")
    with SampleServer(tmp_path, 0) as server:
        assert get(server, f"trip-data/{partial.name}").status_code == 403
        assert partial.name not in get(server, "").text


# The page, and telling servers apart


def test_the_page_says_that_it_is_sample_data_and_links_all_there_is(server: SampleServer, folder: Path) -> None:
    page = get(server, "")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.text.count("Sample data: generated, no real trips") == 2
    links = [part.partition('"')[0] for part in page.text.split('href="')[1:]]
    files = {f"/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file()}
    assert set(links) == files | {"/users"}
    assert {get(server, link[1:], "HEAD").status_code for link in links} == {200}


def test_the_page_shows_names_as_names(tmp_path: Path) -> None:
    (tmp_path / '<b>"&.parquet').touch()
    with SampleServer(tmp_path, 0) as server:
        page = get(server, "").text
    assert '<a href="/%3Cb%3E%22%26.parquet">&lt;b&gt;&quot;&amp;.parquet</a>' in page


@pytest.mark.parametrize("path", ["", "users", YELLOW, "nothing"])
def test_every_answer_names_the_folder(server: SampleServer, folder: Path, path: str) -> None:
    assert get(server, path).headers["X-Lakehouse-Sample"] == str(folder)


def test_not_modified_names_the_folder_too(server: SampleServer, folder: Path) -> None:
    unchanged = get(server, YELLOW, If_None_Match="*")
    assert (unchanged.status_code, unchanged.headers[HEADER]) == (304, str(folder))


def test_a_server_of_this_very_folder_is_recognised(server: SampleServer, folder: Path) -> None:
    assert already_serving(folder, server.port)
    assert already_serving(folder / ".." / folder.name, server.port)
    assert not already_serving(folder.parent, server.port)


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / "Proben für später, 100 %"
    with SampleServer(folder, 0) as server:
        assert already_serving(folder, server.port)
        assert get(server, "").headers[HEADER] == quote(str(folder))


def test_another_server_is_not_taken_for_ours(tmp_path: Path) -> None:
    with SourceServer(tmp_path) as other:
        assert not already_serving(tmp_path, int(other.url.rpartition(":")[2]))


def test_what_does_not_speak_http_is_not_taken_for_ours(tmp_path: Path) -> None:
    def babble(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.recv(1000)
            client.sendall(b"220 mail.example.com\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=babble, args=(listening,))
        thread.start()
        assert not already_serving(tmp_path, listening.getsockname()[1])
        thread.join()
        port = listening.getsockname()[1]
    assert not already_serving(tmp_path, port)


# Starting and stopping


def test_a_port_that_something_else_has_is_said_to_be_taken(tmp_path: Path) -> None:
    with SourceServer(tmp_path) as other:
        port = int(other.url.rpartition(":")[2])
        said = (
            f"LAKEHOUSE_SAMPLE_PORT={port}: 127.0.0.1 cannot be listened on there (Address already in use); "
            "end what uses it, or set another port"
        )
        for start in (lambda: SampleServer(tmp_path, port).__enter__(), lambda: serve(tmp_path, port)):
            with pytest.raises(ConfigurationError) as raised:
                start()
            assert str(raised.value) == said


def test_it_listens_on_this_machine_alone(server: SampleServer) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}"
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", server.port), timeout=2):
        pass


def serving() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("sample source")}


def test_it_stops_at_once_and_keeps_neither_threads_nor_descriptors(folder: Path) -> None:
    with SampleServer(folder, 0) as server:  # what is opened once for all
        get(server, YELLOW)
    threads, descriptors = set(threading.enumerate()), open_descriptors()
    with requests.Session() as session:
        with SampleServer(folder, 0) as server:
            for path in (YELLOW, "users", "", "nothing"):
                session.get(f"{server.url}/{path}", timeout=10)
            assert f"sample source {server.port}" in serving()
            stopping = time.perf_counter()
        assert time.perf_counter() - stopping < 15
    assert f"sample source {server.port}" not in serving()
    for ending in set(threading.enumerate()) - threads:
        ending.join(10)  # told to end, which a busy machine may keep waiting
    assert set(threading.enumerate()) <= threads
    assert open_descriptors() == descriptors
    with pytest.raises(requests.ConnectionError):
        get(server, YELLOW)


def test_a_port_can_be_served_again_at_once(folder: Path) -> None:
    port = 0
    for _ in range(3):
        with SampleServer(folder, port) as server:
            port = server.port
            assert get(server, "users").status_code == 200


def test_a_client_that_does_not_read_its_answer_cannot_keep_it_from_stopping(tmp_path: Path) -> None:
    (tmp_path / "large.parquet").write_bytes(bytes(50_000_000))
    with socket.socket() as client:
        with SampleServer(tmp_path, 0) as server:
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"GET /large.parquet HTTP/1.1\r\nHost: sample\r\n\r\n")
            assert client.recv(4) == b"HTTP"
            stopping = time.perf_counter()
        assert time.perf_counter() - stopping < 15


def test_in_the_foreground_it_serves_until_interrupted_and_says_nothing(folder: Path) -> None:
    with SampleServer(folder, 0) as server:
        port = server.port
    code = f"from pathlib import Path; from lakehouse.sample.server import serve; serve(Path({str(folder)!r}), {port})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 30
        while not already_serving(folder, port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert requests.get(f"http://127.0.0.1:{port}/{YELLOW}", timeout=10).status_code == 200
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, output) == (0, b"")


def open_descriptors() -> int:
    """How many this process has."""
    return len(list(Path("/dev/fd").iterdir()))
