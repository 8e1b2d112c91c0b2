"""A month of TLC trips is fetched whole and verified, or not at all, and every refusal says what it is."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_sources import remote_file
from dlt_sources.dataset import MonthlyDataset, landed_as
from dlt_sources.fetch import Download
from dlt_sources.remote_file import HttpPolicy, Validators
from dlt_sources.tlc import GREEN, trips_source
from lakehouse.exceptions import (
    ConfigurationError,
    CorruptFile,
    LakehouseError,
    NotPublished,
    SourceUnavailable,
    Throttled,
)
from lakehouse.partition import Month
from tests.asking import fetch_month, month_url
from tests.commands import free_port
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, S3_ACCESS_DENIED, Fault, SourceServer
from tests.odd_columns import ODD_COLUMNS, with_odd_columns

PROJECT = Path(__file__).parents[2]
JANUARY = Month(2024, 1)
PATH = "/trip-data/green_tripdata_2024-01.parquet"
PATH_BEFORE = "/trip-data/green_tripdata_2023-12.parquet"
QUICK = HttpPolicy(attempts=3, timeout_seconds=2.0, backoff_seconds=0.001, max_backoff_seconds=0.01)
TABLE = pa.table(
    {
        "VendorID": pa.array([1, 2, 2], pa.int32()),
        "lpep_pickup_datetime": pa.array([datetime(2024, 1, day) for day in (1, 2, 3)], pa.timestamp("us")),
        "store_and_fwd_flag": pa.array(["N", None, "Y"], pa.large_string()),
        "ehail_fee": pa.nulls(3),
    }
)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder the source serves, with one month in it."""
    folder = tmp_path / "published"
    (folder / "trip-data").mkdir(parents=True)
    pq.write_table(TABLE, folder / PATH.strip("/"), compression="GZIP")
    return folder


def fetch(base_url: str, into: Path, known: Validators | None = None) -> Download | None:
    return fetch_month(base_url, GREEN, JANUARY, into, known, QUICK)


def fetched(base_url: str, into: Path) -> Download:
    download = fetch(base_url, into)
    assert download is not None
    return download


def refusal(error: type[LakehouseError], base_url: str, into: Path, month: Month = JANUARY) -> str:
    """The message of the error that a fetch ends in: one line, complete, and nothing left behind."""
    with pytest.raises(error) as caught:
        fetch_month(base_url, GREEN, month, into, None, QUICK)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.splitlines() == [message]
    assert f"green {month}" in message
    assert not into.exists() or not list(into.iterdir())
    return message


# Fetching


def test_the_address_of_a_month_is_built_from_base_dataset_and_month() -> None:
    url = "https://cdn.example/tlc/trip-data/green_tripdata_2024-01.parquet"
    assert month_url("https://cdn.example/tlc", GREEN, JANUARY) == url
    assert month_url("https://cdn.example/tlc/", GREEN, JANUARY) == url


def test_a_signature_in_the_base_address_stays_at_the_end() -> None:
    url = "https://cdn.example/trip-data/green_tripdata_2024-01.parquet?sig=a%2Fb"
    assert month_url("https://cdn.example?sig=a%2Fb", GREEN, JANUARY) == url


def test_a_new_dataset_is_one_line(server: SourceServer, published: Path, into: Path) -> None:
    fhv = MonthlyDataset(name="fhv", description="For-hire trips.", first=Month(2015, 1))
    pq.write_table(TABLE, published / "trip-data/fhv_tripdata_2024-01.parquet")
    download = fetch_month(server.url, fhv, JANUARY, into, None, QUICK)
    assert download is not None
    assert download.path.name == "fhv_tripdata_2024-01.parquet"


def test_a_month_arrives_byte_for_byte_with_its_facts(server: SourceServer, published: Path, into: Path) -> None:
    served = (published / PATH.strip("/")).read_bytes()
    download = fetched(server.url, into)
    assert download.path == into / "green_tripdata_2024-01.parquet"
    assert download.path.read_bytes() == served
    assert list(into.iterdir()) == [download.path]
    assert download.url == server.url + PATH
    assert (download.bytes, download.rows) == (len(served), 3)
    assert download.sha256 == hashlib.sha256(served).hexdigest()
    assert download.etag == f'"{hashlib.md5(served, usedforsecurity=False).hexdigest()}"'
    assert download.last_modified is not None
    assert download.last_modified.endswith("GMT")


def test_the_file_is_asked_for_as_it_is_not_in_an_encoding(server: SourceServer, into: Path) -> None:
    fetched(server.url, into)
    assert [each.headers["Accept-Encoding"] for each in server.requests] == ["identity"]


def test_a_body_encoded_though_that_was_not_asked_for_is_the_file_as_published(
    server: SourceServer, published: Path, into: Path
) -> None:
    file = (published / PATH.strip("/")).read_bytes()
    server.fail(PATH, Fault(status=200, body=gzip.compress(file), headers={"Content-Encoding": "gzip"}))
    download = fetched(server.url, into)
    assert download.path.read_bytes() == file
    assert (download.bytes, download.sha256) == (len(file), hashlib.sha256(file).hexdigest())


def test_a_body_that_is_not_encoded_as_it_says_is_refused(server: SourceServer, published: Path, into: Path) -> None:
    body = (published / PATH.strip("/")).read_bytes()
    server.fail(PATH, Fault(status=200, body=body, headers={"Content-Encoding": "gzip"}))
    assert "did not deliver (error: Error -3 while decompressing" in refusal(SourceUnavailable, server.url, into)


def test_a_month_fetched_again_replaces_the_local_copy(server: SourceServer, into: Path) -> None:
    into.mkdir()
    (into / "green_tripdata_2024-01.parquet").write_bytes(b"old")
    assert fetched(server.url, into).path.read_bytes().startswith(b"PAR1")


def test_an_unchanged_month_is_not_sent_again(server: SourceServer, into: Path) -> None:
    first = fetched(server.url, into / "first")
    assert fetch(server.url, into / "second", Validators(first.etag)) is None
    assert server.statuses() == [200, 304]
    assert not list((into / "second").iterdir())


def test_no_date_is_asked_about_as_it_would_hide_an_older_file_put_back(
    server: SourceServer, published: Path, into: Path
) -> None:
    first = fetched(server.url, into)
    file = published / PATH.strip("/")
    pq.write_table(TABLE.slice(1), file)
    os.utime(file, (0, 0))
    for known in (Validators(first.etag), Validators(None)):
        second = fetch(server.url, into, known)
        assert second is not None
        assert second.rows == 2
    assert not any("If-Modified-Since" in request.headers for request in server.requests)


def test_a_restated_month_is_sent_again(server: SourceServer, published: Path, into: Path) -> None:
    first = fetched(server.url, into)
    pq.write_table(TABLE.slice(1), published / PATH.strip("/"))
    second = fetch(server.url, into, Validators(first.etag))
    assert second is not None
    assert (second.rows, second.etag != first.etag) == (2, True)


def test_validators_that_say_nothing_make_no_conditional_request(server: SourceServer, into: Path) -> None:
    assert fetch(server.url, into, Validators(None)) is not None
    assert not any(name.startswith("If-") for name in server.requests[0].headers)


def test_a_304_nobody_asked_for_is_not_taken_for_unchanged(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=304))
    assert "answered 304" in refusal(SourceUnavailable, server.url, into)


def test_a_proxy_is_asked_for_other_machines_and_not_for_this_one(
    server: SourceServer, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    fetched("http://tlc.invalid", into)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    fetched(server.url, into)
    asked = [(each.headers["Host"], each.path) for each in server.requests]
    assert asked == [("tlc.invalid", PATH), (server.url.removeprefix("http://"), PATH)]


def test_secrets_of_the_address_are_used_but_never_shown(server: SourceServer, into: Path) -> None:
    base_url = server.url.replace("//", "//someone:pa55word@") + "?sig=t0ken"
    download = fetched(base_url, into / "fetched")
    assert server.requests[0].query == "sig=t0ken"
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert download.url == server.url + PATH

    for fault, error in [
        (Fault(status=418), SourceUnavailable),
        (Fault(dropped=True), SourceUnavailable),
        (Fault(status=200, body=b"<html>"), CorruptFile),
    ]:
        server.fail(PATH, fault)
        message = refusal(error, base_url, into / "refused")
        assert server.url + PATH in message
        assert not {"someone", "pa55word", "t0ken"} & set(message.replace(":", "@").replace("=", "@").split("@"))


# file://


def test_a_month_is_read_from_a_folder_too(published: Path, into: Path) -> None:
    download = fetched(published.as_uri(), into)
    assert download.path.read_bytes() == (published / PATH.strip("/")).read_bytes()
    assert download.url == published.as_uri() + PATH
    assert download.rows == 3


def test_a_folder_with_a_space_in_its_name_is_found(published: Path, into: Path) -> None:
    spaced = published.rename(published.with_name("as published"))
    assert fetched(spaced.as_uri(), into).rows == 3


def test_an_unchanged_local_file_is_not_copied_again(published: Path, into: Path) -> None:
    first = fetched(published.as_uri(), into / "first")
    assert fetch(published.as_uri(), into / "second", Validators(first.etag)) is None
    assert not list((into / "second").iterdir())


def test_a_touched_local_file_is_copied_again(published: Path, into: Path) -> None:
    first = fetched(published.as_uri(), into)
    os.utime(published / PATH.strip("/"), ns=(1, 1))
    second = fetch(published.as_uri(), into, Validators(first.etag))
    assert second is not None
    assert (second.sha256, second.etag != first.etag) == (first.sha256, True)


def test_a_local_file_that_changes_while_it_is_read_is_not_kept(
    published: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = published / PATH.strip("/")

    def save_slowly(*arguments: Any) -> tuple[int, str]:
        result = remote_file.save(*arguments)
        with file.open("ab") as still_writing:
            still_writing.write(b"more")
        return result

    monkeypatch.setattr("dlt_sources.file_url.save", save_slowly)
    assert "changed while it was read" in refusal(SourceUnavailable, published.as_uri(), into)


def test_a_local_file_that_cannot_be_opened_is_unavailable(published: Path, into: Path) -> None:
    (published / PATH.strip("/")).unlink()
    (published / PATH.strip("/")).mkdir()
    assert "is no file; make it a readable file" in refusal(SourceUnavailable, published.as_uri(), into)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(published: Path, into: Path) -> None:
    (published / PATH.strip("/")).unlink()
    os.mkfifo(published / PATH.strip("/"))
    assert "is no file" in refusal(SourceUnavailable, published.as_uri(), into)


def test_a_file_missing_from_an_existing_folder_is_not_published(published: Path, into: Path) -> None:
    message = refusal(NotPublished, published.as_uri(), into, Month(2024, 2))
    assert "trip-data/green_tripdata_2024-02.parquet" in message


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://host/tlc",
        "/data/tlc",
        "s3://bucket",
        "",
        "file:data",
        "file://data/tlc",
        "http://",
        "http://[::1",
    ],
)
def test_an_address_of_no_use_is_a_configuration_error(base_url: str, into: Path) -> None:
    assert "LAKEHOUSE_TLC_URL" in refusal(ConfigurationError, base_url, into)


@pytest.mark.parametrize("base_url", ["ftp://me:s3cret@host/", "http://me:s3cret/x@host", "http://me:s3cret?@h"])
def test_a_useless_address_does_not_give_away_its_password(base_url: str, into: Path) -> None:
    assert "s3cret" not in refusal(ConfigurationError, base_url, into)


def test_a_folder_that_does_not_exist_is_a_configuration_error(tmp_path: Path, into: Path) -> None:
    message = refusal(ConfigurationError, (tmp_path / "nowhere").as_uri(), into)
    assert "LAKEHOUSE_TLC_URL" in message
    assert (tmp_path / "nowhere").as_uri() in message


# Refusals


def test_a_404_is_not_published(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=404))
    assert "404" in refusal(NotPublished, server.url, into)
    assert server.statuses() == [404]


def test_s3s_access_denied_is_not_published(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=403, body=S3_ACCESS_DENIED))
    assert "AccessDenied" in refusal(NotPublished, server.url, into)
    assert server.statuses() == [403]
    assert server.statuses("HEAD") == []


def test_cloudfronts_request_blocked_is_throttling_after_bounded_retries(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=403, body=CLOUDFRONT_REQUEST_BLOCKED))
    message = refusal(Throttled, server.url, into)
    assert "Request blocked" in message
    assert "3 attempts" in message
    assert server.statuses() == [403, 403, 403]


def test_a_throttled_month_is_fetched_once_the_source_relents(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=403, body=CLOUDFRONT_REQUEST_BLOCKED), times=2)
    assert fetched(server.url, into).rows == 3
    assert server.statuses() == [403, 403, 200]


def test_another_403_is_not_published_when_the_month_before_is_there(
    server: SourceServer, published: Path, into: Path
) -> None:
    pq.write_table(TABLE, published / PATH_BEFORE.strip("/"))
    server.fail(PATH, Fault(status=403, body=b"Forbidden"))
    message = refusal(NotPublished, server.url, into)
    assert "its neighbour 2023-12 answers 200" in message
    assert [(each.method, each.path) for each in server.requests] == [("GET", PATH), ("HEAD", PATH_BEFORE)]


def test_another_403_is_throttling_when_the_month_before_is_refused_too(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=403, body=b"Forbidden"))
    assert "its neighbour 2023-12 answers 403" in refusal(Throttled, server.url, into)


def test_another_403_is_throttling_when_the_month_before_does_not_answer(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=403))
    server.fail(PATH_BEFORE, Fault(dropped=True))
    assert "its neighbour 2023-12 does not answer (RemoteDisconnected" in refusal(Throttled, server.url, into)


def test_the_first_months_neighbour_is_the_month_after(server: SourceServer, into: Path) -> None:
    server.fail("/trip-data/green_tripdata_2013-08.parquet", Fault(status=403))
    assert "its neighbour 2013-09" in refusal(Throttled, server.url, into, GREEN.began)


@pytest.mark.parametrize("status", [400, 401, 410, 418, 451])
def test_other_refusals_fail_at_once(server: SourceServer, into: Path, status: int) -> None:
    server.fail(PATH, Fault(status=status))
    assert f"answered {status}" in refusal(SourceUnavailable, server.url, into)
    assert server.statuses() == [status]


# Retries


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, Throttled), (500, SourceUnavailable), (502, SourceUnavailable), (503, SourceUnavailable)],
)
def test_a_passing_trouble_is_retried_with_bounds(
    server: SourceServer, into: Path, status: int, error: type[LakehouseError]
) -> None:
    server.fail(PATH, Fault(status=status, body=b"busy"))
    message = refusal(error, server.url, into)
    assert f"answered {status} (gave up after 3 attempts)" in message
    assert server.statuses() == [status] * 3


@pytest.mark.parametrize(
    "fault",
    [Fault(status=503), Fault(status=429), Fault(dropped=True), Fault(cut_bytes=100)],
    ids=["unavailable", "too many requests", "dropped connection", "cut body"],
)
def test_a_month_is_fetched_whole_after_a_passing_trouble(
    server: SourceServer, published: Path, into: Path, fault: Fault
) -> None:
    server.fail(PATH, fault, times=2)
    assert fetched(server.url, into).path.read_bytes() == (published / PATH.strip("/")).read_bytes()
    assert len(server.requests) == 3
    assert len(list(into.iterdir())) == 1


def test_a_body_shorter_than_promised_is_unavailable_not_corrupt(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(cut_bytes=100))
    assert "IncompleteRead" in refusal(SourceUnavailable, server.url, into)
    assert server.statuses() == [200, 200, 200]


def test_a_dropped_connection_is_unavailable(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(dropped=True))
    assert "RemoteDisconnected" in refusal(SourceUnavailable, server.url, into)
    assert len(server.requests) == 3


def test_a_server_that_is_not_there_is_unavailable(into: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert "refused" in refusal(SourceUnavailable, base_url, into)


def test_a_server_that_does_not_answer_in_time_is_unavailable(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(delay_seconds=5.0))
    with pytest.raises(SourceUnavailable, match="Read timed out"):
        fetch_month(server.url, GREEN, JANUARY, into, None, HttpPolicy(2, 0.05, 0.001, 0.01))
    assert len(server.requests) == 2


def test_the_number_of_attempts_is_the_policys(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=500))
    with pytest.raises(SourceUnavailable, match="1 attempt"):
        fetch_month(server.url, GREEN, JANUARY, into, None, HttpPolicy(1, 30.0))
    assert server.statuses() == [500]


def test_every_retry_is_announced(server: SourceServer, into: Path, caplog: pytest.LogCaptureFixture) -> None:
    server.fail(PATH, Fault(status=503))
    refusal(SourceUnavailable, server.url, into)
    said = [f"attempt {attempt} of 3, the next in 0.0 s" for attempt in (1, 2)]
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == said


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(server: SourceServer, into: Path, form: str) -> None:
    in_two_seconds = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    asked = {"seconds": "1", "date": in_two_seconds}[form]
    server.fail(PATH, Fault(status=429, headers={"Retry-After": asked}), times=1)
    began = perf_counter()
    assert fetch_month(server.url, GREEN, JANUARY, into, None, HttpPolicy(2, 2.0, 0.001, 5.0))
    assert 0.9 < perf_counter() - began < 4.0


@pytest.mark.parametrize("asked", ["5", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "-5", ""])
def test_retry_after_is_capped_and_nonsense_in_it_ignored(server: SourceServer, into: Path, asked: str) -> None:
    server.fail(PATH, Fault(status=503, headers={"Retry-After": asked}), times=1)
    began = perf_counter()
    assert fetched(server.url, into).rows == 3
    assert perf_counter() - began < 1.0


# Verification


def test_an_html_page_with_status_200_is_a_corrupt_file(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=200, body=CLOUDFRONT_REQUEST_BLOCKED))
    message = refusal(CorruptFile, server.url, into)
    assert "HTML or XML page" in message
    assert server.url + PATH in message
    assert server.statuses() == [200]


def test_an_xml_document_with_status_200_is_a_corrupt_file(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=200, body=b"\xef\xbb\xbf\n" + S3_ACCESS_DENIED))
    assert "HTML or XML page" in refusal(CorruptFile, server.url, into)


@pytest.mark.parametrize("body", [b"", b"VendorID\n1\n", b"PAR1 without an end", b"without a begin PAR1"])
def test_a_file_without_parquets_magic_at_both_ends_is_corrupt(server: SourceServer, into: Path, body: bytes) -> None:
    server.fail(PATH, Fault(status=200, body=body))
    assert "not with PAR1" in refusal(CorruptFile, server.url, into)
    assert server.statuses() == [200]


@pytest.mark.parametrize("body", [b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1"])
def test_a_file_of_nothing_but_magic_is_corrupt(server: SourceServer, into: Path, body: bytes) -> None:
    server.fail(PATH, Fault(status=200, body=body))
    assert "footer cannot be read" in refusal(CorruptFile, server.url, into)


def test_a_footer_that_cannot_be_read_is_corrupt(server: SourceServer, published: Path, into: Path) -> None:
    served = bytearray((published / PATH.strip("/")).read_bytes())
    footer_bytes = int.from_bytes(served[-8:-4], "little")
    served[-8 - footer_bytes : -8] = b"\xff" * footer_bytes
    server.fail(PATH, Fault(status=200, body=bytes(served)))
    assert "footer cannot be read" in refusal(CorruptFile, server.url, into)
    assert server.statuses() == [200]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_file_without_rows_is_corrupt(server: SourceServer, published: Path, into: Path, scheme: str) -> None:
    pq.write_table(TABLE.slice(0, 0), published / PATH.strip("/"))
    base_url = {"http": server.url, "file": published.as_uri()}[scheme]
    assert "no rows" in refusal(CorruptFile, base_url, into)


def test_nothing_is_left_behind_when_the_local_disk_fails(
    server: SourceServer, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fetch(server.url, into)
    assert not list(into.iterdir())


# dlt


def land(download: Download, folder: Path) -> list[Path]:
    """Run the source into dlt's filesystem destination; returns the landed files."""
    destination = dlt.destinations.filesystem(
        bucket_url=(folder / "bucket").as_uri(),
        layout="{table_name}/month={month}/{sha256}.{ext}",
        extra_placeholders={"month": "01", "sha256": download.sha256[:16], **landed_as(GREEN)},
        warn_unsafe_layout_separators=False,
    )
    pipeline = dlt.pipeline(
        "tlc", destination=destination, dataset_name="bronze", pipelines_dir=str(folder / "pipelines")
    )
    pipeline.run(trips_source(GREEN, download))
    return sorted((folder / "bucket").rglob("*.parquet"))


def test_the_skeleton_source_has_one_resource_named_as_its_dataset() -> None:
    source = trips_source(GREEN, None)
    assert list(source.resources) == ["green"]
    assert source.green.write_disposition == "append"
    assert source.max_table_nesting == 0
    assert source.schema.naming.name() == "direct"


def test_the_skeleton_source_yields_nothing() -> None:
    assert list(trips_source(GREEN, None)) == []


def test_the_resource_describes_its_dataset_as_dagster_reads_it() -> None:
    assert trips_source(GREEN, None).green._pipe.gen.__doc__ == GREEN.description


def test_every_source_has_a_schema_of_its_own() -> None:
    assert trips_source(GREEN, None).schema is not trips_source(GREEN, None).schema


def test_columns_are_described_from_the_files_own_footer(server: SourceServer, into: Path) -> None:
    months: Any = trips_source(GREEN, fetched(server.url, into)).green._pipe.gen
    (item,) = months()
    columns = item.meta.hints["columns"]
    assert {name: column["data_type"] for name, column in columns.items()} == {
        "VendorID": "bigint",
        "lpep_pickup_datetime": "timestamp",
        "store_and_fwd_flag": "text",
    }
    assert columns["lpep_pickup_datetime"]["timezone"] is False  # dlt would take local time for UTC
    assert item.meta.metrics.items_count == 3


@pytest.mark.usefixtures("quiet_dlt")
def test_dlt_lands_a_file_with_a_null_typed_column_byte_for_byte(
    server: SourceServer, into: Path, tmp_path: Path
) -> None:
    download = fetched(server.url, into)
    (landed,) = land(download, tmp_path)
    assert landed.relative_to(tmp_path / "bucket").as_posix() == (
        f"bronze/green/month=01/{download.sha256[:16]}.parquet"
    )
    assert landed.read_bytes() == download.path.read_bytes()


@pytest.mark.usefixtures("quiet_dlt")
def test_a_file_with_columns_of_types_that_dlt_cannot_describe_is_verified_and_lands_byte_for_byte(
    server: SourceServer, published: Path, into: Path, tmp_path: Path
) -> None:
    pq.write_table(with_odd_columns(TABLE), published / PATH.strip("/"))
    download = fetched(server.url, into)
    months: Any = trips_source(GREEN, download).green._pipe.gen
    (item,) = months()
    described = item.meta.hints["columns"]
    assert TABLE.column_names + list(ODD_COLUMNS) == pq.read_schema(download.path).names
    assert set(ODD_COLUMNS) - described.keys() == {"duration", "uuid", "json", "bool8", "opaque", "tensor"}
    assert [described[name]["data_type"] for name in ("string_view", "binary_view")] == ["text", "binary"]
    (landed,) = land(download, tmp_path)
    assert landed.read_bytes() == download.path.read_bytes()


@pytest.mark.usefixtures("quiet_dlt")
@pytest.mark.parametrize("month", [Month(2023, 1), Month(2023, 2)], ids=str)
def test_dlt_lands_a_real_month_byte_for_byte(month: Month, into: Path, tmp_path: Path, real_data: Path) -> None:
    """2023-01 is GZIP with a null-typed column, 2023-02 is ZSTD with large strings."""
    published = real_data / "tlc"
    download = fetch_month(published.as_uri(), GREEN, month, into, None, QUICK)
    assert download is not None
    assert download.rows == {Month(2023, 1): 68_211, Month(2023, 2): 64_809}[month]
    (landed,) = land(download, tmp_path)
    original = published / "trip-data" / f"green_tripdata_{month}.parquet"
    assert hashlib.sha256(original.read_bytes()).hexdigest() == download.sha256
    assert landed.read_bytes() == original.read_bytes()


# The module


def test_importing_the_module_loads_no_heavy_library() -> None:
    heavy = {"dlt", "pyarrow", "requests", "tenacity", "dagster"}
    program = f"import sys, dlt_sources.tlc; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])},
    )
    assert result.stdout.strip() == "[]"
