"""The zone lookup is fetched whole and verified, or not at all, and lands byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dlt
import pytest

from dlt_sources.dataset import landed_as
from dlt_sources.fetch import Download
from dlt_sources.remote_file import HttpPolicy, Validators
from dlt_sources.tlc import ZONES, zones_source
from lakehouse.exceptions import (
    ConfigurationError,
    CorruptFile,
    LakehouseError,
    NotPublished,
    SourceUnavailable,
    Throttled,
)
from tests.asking import fetch_zones, zones_url
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, S3_ACCESS_DENIED, Fault, SourceServer
from tests.reference_files import ZONES_PATH, zones_csv

PATH = f"/{ZONES_PATH}"
NEIGHBOUR = "/trip-data/yellow_tripdata_2009-01.parquet"
QUICK = HttpPolicy(attempts=3, timeout_seconds=2.0, backoff_seconds=0.001, max_backoff_seconds=0.01)
HEADER = b"LocationID,Borough,Zone,service_zone\n"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder the source serves, with the lookup in it."""
    folder = tmp_path / "published"
    (folder / "trip-data").mkdir(parents=True)
    (folder / ZONES_PATH).parent.mkdir(parents=True)
    (folder / ZONES_PATH).write_bytes(zones_csv().encode())
    return folder


def fetched(base_url: str, into: Path) -> Download:
    download = fetch_zones(base_url, into, None, QUICK)
    assert download is not None
    return download


def refusal(error: type[LakehouseError], base_url: str, into: Path) -> str:
    """The message of the error that a fetch ends in: one line, complete, and nothing left behind."""
    with pytest.raises(error) as caught:
        fetch_zones(base_url, into, None, QUICK)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.splitlines() == [message]
    assert message.startswith("zones: ")
    assert not into.exists() or not list(into.iterdir())
    return message


def corrupt(server: SourceServer, into: Path, body: bytes) -> str:
    server.fail(PATH, Fault(status=200, body=body))
    message = refusal(CorruptFile, server.url, into)
    assert message.startswith(f"zones: {server.url}{PATH} is not the zone lookup: ")
    assert server.statuses() == [200]
    return message


# Fetching


def test_the_address_of_the_lookup_lies_below_the_base() -> None:
    assert zones_url("https://cdn.example/tlc/") == "https://cdn.example/tlc/misc/taxi_zone_lookup.csv"
    assert zones_url("https://cdn.example?sig=a") == "https://cdn.example/misc/taxi_zone_lookup.csv?sig=a"


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_lookup_arrives_byte_for_byte_with_its_facts(
    server: SourceServer, published: Path, into: Path, scheme: str
) -> None:
    base_url = {"http": server.url, "file": published.as_uri()}[scheme]
    served = (published / ZONES_PATH).read_bytes()
    download = fetched(base_url, into)
    assert download.path.read_bytes() == served
    assert list(into.iterdir()) == [download.path]
    assert (download.url, download.bytes, download.rows) == (base_url + PATH, len(served), 265)
    assert download.sha256 == hashlib.sha256(served).hexdigest()
    assert download.etag


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_an_unchanged_lookup_is_not_sent_again(server: SourceServer, published: Path, into: Path, scheme: str) -> None:
    base_url = {"http": server.url, "file": published.as_uri()}[scheme]
    known = Validators(fetched(base_url, into / "first").etag)
    assert fetch_zones(base_url, into / "second", known, QUICK) is None
    assert not list((into / "second").iterdir())
    assert server.statuses() == ([200, 304] if scheme == "http" else [])

    (published / ZONES_PATH).write_bytes(HEADER + b"1,EWR,Newark,EWR\n")
    changed = fetch_zones(base_url, into / "third", known, QUICK)
    assert changed is not None
    assert changed.rows == 1


def test_a_byte_order_mark_and_other_columns_are_no_fault(server: SourceServer, into: Path) -> None:
    body = b'\xef\xbb\xbf"locationid","BOROUGH","Zone","service_zone","area"\r\n1,EWR,"Newark, Airport",EWR,9.5\r\n'
    server.fail(PATH, Fault(status=200, body=body))
    download = fetched(server.url, into)
    assert (download.rows, download.path.read_bytes()) == (1, body)


def test_a_line_break_inside_quotes_does_not_make_a_row(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=200, body=HEADER + b'1,EWR,"Newark\nAirport",EWR\n'))
    assert fetched(server.url, into).rows == 1


def test_the_real_lookup_is_understood(real_data: Path, into: Path) -> None:
    assert fetched((real_data / "tlc").as_uri(), into).rows == 265


# Refusals


@pytest.mark.parametrize("body", [CLOUDFRONT_REQUEST_BLOCKED, b"\xef\xbb\xbf\r\n " + S3_ACCESS_DENIED])
def test_a_page_with_status_200_is_not_the_lookup(server: SourceServer, into: Path, body: bytes) -> None:
    assert f"it is an HTML or XML page of {len(body)} bytes" in corrupt(server, into, body)


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        (b"LocationID,Borough,Zone\n", "service_zone"),
        (b"OBJECTID,Borough,service_zone\n", "LocationID, Zone"),
        (b"\xef\xbb\xbfLocationID;Borough;Zone;service_zone\n", "LocationID, Borough, Zone, service_zone"),
        (b"", "LocationID, Borough, Zone, service_zone"),
    ],
)
def test_a_lookup_that_lacks_columns_names_them(server: SourceServer, into: Path, header: bytes, missing: str) -> None:
    assert f"its header lacks {missing};" in corrupt(server, into, header)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (b"1,EWR,Newark,EWR\n2,Queens,Jamaica Bay\n", "line 3 has 3 values for 4 columns"),
        (b"1,EWR,Newark, Airport,EWR\n", "line 2 has 5 values for 4 columns"),
        (b"1,EWR,Newark,EWR\n\n", "line 3 has 0 values for 4 columns"),
        (b"1,EWR,Newark,EWR\n2,Que", "line 3 has 2 values for 4 columns"),
        (b"", "it has no rows"),
        (b'1,EWR,"Newark,EWR\n', "it is not CSV in UTF-8"),
        (b"1,EWR,Newark\xe9,EWR\n", "it is not CSV in UTF-8"),
        (b"PK\x03\x04\xff\xfe", "it is not CSV in UTF-8"),
    ],
)
def test_a_lookup_that_is_not_whole_is_refused_naming_the_line(
    server: SourceServer, into: Path, lines: bytes, problem: str
) -> None:
    assert problem in corrupt(server, into, HEADER + lines)


def test_a_lookup_cut_short_on_its_way_is_unavailable(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(cut_bytes=100))
    assert "IncompleteRead" in refusal(SourceUnavailable, server.url, into)
    assert server.statuses() == [200, 200, 200]


@pytest.mark.parametrize(("status", "error"), [(429, Throttled), (500, SourceUnavailable), (503, SourceUnavailable)])
def test_a_passing_trouble_is_retried_with_bounds(
    server: SourceServer, into: Path, status: int, error: type[LakehouseError]
) -> None:
    server.fail(PATH, Fault(status=status))
    assert f"answered {status} (gave up after 3 attempts)" in refusal(error, server.url, into)
    assert server.statuses() == [status] * 3


def test_a_lookup_is_fetched_once_the_trouble_has_passed(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=503), times=2)
    assert fetched(server.url, into).rows == 265
    assert server.statuses() == [503, 503, 200]


def test_a_404_and_s3s_access_denied_are_not_published(server: SourceServer, published: Path, into: Path) -> None:
    (published / ZONES_PATH).unlink()
    assert "S3's AccessDenied" in refusal(NotPublished, server.url, into)
    server.fail(PATH, Fault(status=404))
    assert "answered 404" in refusal(NotPublished, server.url, into)


def test_another_403_is_judged_by_whether_the_oldest_trips_are_there(
    server: SourceServer, published: Path, into: Path
) -> None:
    server.fail(PATH, Fault(status=403, body=b"Forbidden"))
    assert "its neighbour yellow 2009-01 answers 403" in refusal(Throttled, server.url, into)
    (published / NEIGHBOUR.strip("/")).touch()
    assert "its neighbour yellow 2009-01 answers 200" in refusal(NotPublished, server.url, into)
    assert [each.path for each in server.requests if each.method == "HEAD"] == [NEIGHBOUR, NEIGHBOUR]


@pytest.mark.parametrize("base_url", ["ftp://me:s3cret@host/", "s3://bucket", "", "file://data"])
def test_an_address_of_no_use_is_a_configuration_error_without_its_password(base_url: str, into: Path) -> None:
    message = refusal(ConfigurationError, base_url, into)
    assert "LAKEHOUSE_TLC_URL" in message
    assert "s3cret" not in message


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
        for secret in ("someone", "pa55word", "t0ken"):
            assert secret not in message


# dlt


def test_the_skeleton_source_yields_nothing() -> None:
    source = zones_source(None)
    assert list(source.resources) == ["zones"]
    assert list(source) == []


def test_every_column_is_text_to_dlt(server: SourceServer, into: Path) -> None:
    files: Any = zones_source(fetched(server.url, into)).zones._pipe.gen
    (item,) = files()
    columns = item.meta.hints["columns"]
    assert {name: column["data_type"] for name, column in columns.items()} == {
        "LocationID": "text",
        "Borough": "text",
        "Zone": "text",
        "service_zone": "text",
    }


def test_dlt_lands_the_lookup_byte_for_byte(server: SourceServer, into: Path, tmp_path: Path) -> None:
    body = '\ufeffLocationID,Borough,Zone,service_zone\r\n"1",EWR,"N/A ""x""",NA\r\n'.encode()
    server.fail(PATH, Fault(status=200, body=body))
    destination = dlt.destinations.filesystem(
        bucket_url=(tmp_path / "bucket").as_uri(),
        layout="{table_name}/{file_id}.{ext}",
        extra_placeholders=dict(landed_as(ZONES)),
        warn_unsafe_layout_separators=False,
    )
    pipeline = dlt.pipeline(
        "zones", destination=destination, dataset_name="bronze", pipelines_dir=str(tmp_path / "pipelines")
    )
    pipeline.run(zones_source(fetched(server.url, into)))
    (landed,) = (tmp_path / "bucket" / "bronze" / "zones").iterdir()
    assert (landed.suffix, landed.read_bytes()) == (".csv", body)
