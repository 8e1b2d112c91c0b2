"""A source is asked with the patience, and within the bounds, that the settings give it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlt_sources.remote_file import now
from dlt_sources.tlc import GREEN
from lakehouse.bronze.connection import connect
from lakehouse.bronze.sources import SOURCES
from lakehouse.exceptions import CorruptFile, SourceUnavailable
from lakehouse.partition import Month
from lakehouse.settings import load_settings
from tests import green_files
from tests.http_source import SourceServer
from tests.raw_source import RawSource, answer, endlessly, saying

MONTH = Month(2024, 1)
(SOURCE,) = (source for source in SOURCES if source.dataset == GREEN)


def test_what_the_settings_bound_is_bounded(tmp_path: Path) -> None:
    with RawSource() as server:
        settings = load_settings(
            _env_file=None,
            home=tmp_path / "home",
            addresses={"tlc": server.url},
            http_attempts=1,
            http_timeout=0.3,
            http_total=0.2,
            largest_file="1KB",
        )
        connection = connect(settings, SOURCE)
        server.answers(saying(answer(b"", length=1001)))
        with pytest.raises(CorruptFile, match="has 1,001 bytes, more than the 1,000 bytes"):
            connection.fetch(MONTH, tmp_path / "into", None, now)
        server.answers(endlessly(b"x", b"HTTP/1.1 200 OK\r\n\r\n", every=0.02))
        with pytest.raises(SourceUnavailable, match=r"is not done after 0\.2 s"):
            connection.fetch(MONTH, tmp_path / "into", None, now)
        server.answers(endlessly(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n", every=0.02))
        with pytest.raises(SourceUnavailable, match=r"is not done after 0\.2 s"):
            connection.probe(MONTH, None)


def test_all_attempts_to_ask_share_the_time_of_one(tmp_path: Path) -> None:
    redirect = answer(b"", "302 Found", {"Location": "/again"})
    with RawSource() as server:
        settings = load_settings(
            _env_file=None, home=tmp_path / "home", addresses={"tlc": server.url}, http_attempts=2, http_total=0.5
        )
        server.answers(saying(b"", redirect, every=0.1))
        with pytest.raises(SourceUnavailable, match=r"is not done after 0\.5 s \(gave up after 2 attempts\)"):
            connect(settings, SOURCE).probe(MONTH, None)
        assert 3 <= len(server.requests) <= 6


def test_a_month_is_asked_about_however_large_it_is(tmp_path: Path) -> None:
    with RawSource() as server:
        settings = load_settings(
            _env_file=None, home=tmp_path / "home", addresses={"tlc": server.url}, largest_file="1KB"
        )
        server.answers(saying(answer(b"", length=1001)))
        version = connect(settings, SOURCE).probe(MONTH, None)
    assert version is not None
    assert version.bytes == 1001


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_an_answer_is_dated_by_when_it_begins_to_come(tmp_path: Path, scheme: str) -> None:
    source, into = tmp_path / "source", tmp_path / "into"
    green_files.write(source / green_files.source_path(MONTH), green_files.trips(MONTH, 3))
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    there = []

    def answered() -> datetime:
        there.append(sum(file.stat().st_size for file in into.iterdir()))
        return noon

    with SourceServer(source) as server:
        urls = {"http": server.url, "file": source.as_uri()}
        settings = load_settings(_env_file=None, home=tmp_path / "home", addresses={"tlc": urls[scheme]})
        download = connect(settings, SOURCE).fetch(MONTH, into, None, answered)
    assert download is not None
    assert (download.answered_at, there) == (noon, [0])
