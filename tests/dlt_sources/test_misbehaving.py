"""Whatever a server does, a fetch ends in bounded time with one line of what it is of, keeps nothing, and works again.

Each row is one way in which a server on loopback misbehaves; that it did is asserted of the server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest

from dlt_sources.fetch import Download
from dlt_sources.remote_file import HttpPolicy
from dlt_sources.tlc import GREEN
from lakehouse.exceptions import (
    ConfigurationError,
    SourceUnavailable,
)
from tests.asking import fetch_month, fetch_users, fetch_zones
from tests.commands import free_port
from tests.misbehaving import AGAIN, GOOD, HEAD, JANUARY, PATIENT, WAYS, Way, passing, status
from tests.raw_source import RawSource, answer, endlessly, saying

SECRETS = ("someone", "pa55word", "t0ken")
FETCH: dict[str, Callable[[str, Path, HttpPolicy], Download | None]] = {
    "trips": lambda url, into, policy: fetch_month(url, GREEN, JANUARY, into, None, policy),
    "zones": lambda url, into, policy: fetch_zones(url, into, None, policy),
    "users": lambda url, into, policy: fetch_users(url, into, None, policy),
}
NAMES = {"trips": "green 2024-01", "zones": "zones", "users": "users"}
SILENT = {"connection: reset before the headers", "connection: closed before the headers", "connection: says nothing"}
LONGEST_SECONDS = 10.0


def refused(way: Way, url: str, into: Path) -> str:
    """The one line of the error that a fetch ends in, in bounded time and with nothing kept."""
    began = perf_counter()
    with pytest.raises(way.error) as caught:
        FETCH[way.of](url, into, way.policy)
    assert perf_counter() - began < LONGEST_SECONDS
    line = str(caught.value)
    assert type(caught.value) is way.error
    assert line.isprintable()  # so it is one line, too
    assert line.startswith(f"{NAMES[way.of]}: http")
    assert not any(secret in line for secret in SECRETS)
    assert list(into.iterdir()) == []
    return line


@pytest.mark.parametrize("what", WAYS)
def test_a_server_that_misbehaves_is_refused_in_one_line_and_fetched_from_once_it_behaves(
    what: str, tmp_path: Path
) -> None:
    way = WAYS[what]
    with RawSource() as server:
        server.answers(way.answer)
        url = f"{server.url.replace('//', '//someone:pa55word@')}?sig=t0ken"
        assert way.words in refused(way, url, tmp_path)
        assert len(server.requests) == way.asked
        assert all(b" HTTP/1.1\r\nHost: 127.0.0.1:" in request for request in server.requests)
        assert all((sent == 0) == (what in SILENT) for sent in server.sent())
        server.answers(saying(answer(GOOD[way.of], headers={"ETag": '"1"'})))
        healed = FETCH[way.of](url, tmp_path, PATIENT)
    assert healed is not None
    assert healed.path.read_bytes() == GOOD[way.of]


def test_the_ways_are_many() -> None:
    assert len(WAYS) > 100


# Ways that take another server, or none


def unreachable(url: str, into: Path, of: str = "users") -> str:
    return refused(Way(saying(), SourceUnavailable, "", of), url, into)


def test_a_port_that_nobody_listens_on(tmp_path: Path) -> None:
    assert "Connection refused" in unreachable(f"http://127.0.0.1:{free_port()}", tmp_path)


def test_a_name_that_there_is_not(tmp_path: Path) -> None:
    assert "did not deliver (" in unreachable("http://no-such-host.invalid/?sig=t0ken", tmp_path)


def test_tls_to_a_port_that_speaks_none(tmp_path: Path) -> None:
    with RawSource() as server:
        server.answers(saying(answer(GOOD["users"])))
        assert "did not deliver (SSLError" in unreachable(server.url.replace("http:", "https:"), tmp_path)
        assert all(each.startswith(b"\x16\x03") for each in server.requests)  # a client's hello
        assert len(server.requests) == AGAIN


def test_an_ipv6_address_is_as_good_as_another(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with RawSource("::1") as server:
        server.answers(status("500 Internal Server Error"))
        assert "answered 500" in refused(passing(saying(), ""), server.url, tmp_path)
        server.answers(saying(answer(GOOD["trips"])))
        assert FETCH["trips"](server.url, tmp_path, PATIENT) is not None


def test_a_proxy_that_wants_to_know_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with RawSource() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        proxy.answers(status("407 Proxy Authentication Required"))
        assert "a proxy wants to know who asks" in unreachable("http://users.invalid/", tmp_path)
        assert "Tunnel connection failed: 407" in unreachable("https://users.invalid/", tmp_path)
        proxy.answers(endlessly(b"X-More: of it\r\n" * 100, HEAD))
        assert "sends headers without end" in unreachable("https://users.invalid/", tmp_path)
        assert [each.split()[0] for each in proxy.requests] == [b"CONNECT"] * AGAIN


def test_http_1_0_and_connections_closed_early_are_no_fault(tmp_path: Path) -> None:
    with RawSource() as server:
        server.answers(saying(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD["trips"]))
        assert FETCH["trips"](server.url, tmp_path, PATIENT) is not None
        # Said to be kept alive, and closed: the second attempt finds it out and connects anew.
        good = answer(GOOD["users"]).replace(b"Connection: close", b"Connection: keep-alive")
        answers = [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", good]
        server.answers(lambda connection: connection.send(answers.pop(0)))
        assert FETCH["users"](server.url, tmp_path, PATIENT) is not None
        assert len(server.requests) == AGAIN


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "h:99999"])
def test_an_address_whose_name_cannot_be_one(tmp_path: Path, host: str) -> None:
    for fetch in FETCH.values():
        with pytest.raises(ConfigurationError, match=r"LAKEHOUSE_(TLC|USERS)_URL is not an address with a valid host"):
            fetch(f"http://{host}", tmp_path, PATIENT)
    assert list(tmp_path.iterdir()) == []
