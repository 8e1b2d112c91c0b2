"""More than a hundred ways in which a server misbehaves, and the error that a fetch from it ends in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import perf_counter

import pyarrow as pa

from dlt_sources.remote_file import HttpPolicy
from lakehouse.exceptions import (
    CorruptFile,
    LakehouseError,
    NotPublished,
    SourceUnavailable,
    Throttled,
)
from lakehouse.partition import Month
from tests import green_files
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, S3_ACCESS_DENIED
from tests.parquet_files import bytes_of, encrypted, values_of
from tests.raw_source import Answer, Connection, answer, endlessly, saying
from tests.reference_files import user, zones_csv

JANUARY = Month(2024, 1)
LARGEST = 3_000_000
PATIENT = HttpPolicy(2, 20.0, 0.001, 0.01, largest_bytes=LARGEST)
"""So that nothing but the fault ends an attempt, however busy the machine."""
HASTY = replace(PATIENT, attempts=1, timeout_seconds=0.5, total_seconds=1.0)
"""For those that do not end by themselves."""

TRIPS = green_files.table(green_files.trips(JANUARY, 40))
GOOD: dict[str, bytes] = {
    "trips": bytes_of(TRIPS, write_page_checksum=True),
    "zones": zones_csv().encode(),
    "users": json.dumps([user(1), user(2)]).encode(),
}
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WITHOUT_LENGTH = HEAD + b"\r\n"


def spoilt(content: bytes, begin: int, end: int, by: bytes = b"\xff") -> bytes:
    return content[:begin] + by * (end - begin) + content[end:]


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Way:
    """How a server misbehaves, the error that it ends in and words of that; ``asked`` is how often it is."""

    answer: Answer
    error: type[LakehouseError]
    words: str
    of: str = "trips"
    asked: int = 1
    policy: HttpPolicy = PATIENT


AGAIN = PATIENT.attempts
"""What may pass is asked for so often."""


def passing(given: Answer, words: str, error: type[LakehouseError] = SourceUnavailable, of: str = "trips") -> Way:
    return Way(given, error, words, of, AGAIN)


def lasting(given: Answer, words: str, error: type[LakehouseError] = SourceUnavailable, of: str = "trips") -> Way:
    return Way(given, error, words, of)


def tiring(given: Answer, words: str) -> Way:
    return Way(given, SourceUnavailable, words, policy=HASTY)


def status(line: str, body: bytes = b"", **headers: str) -> Answer:
    return saying(answer(body, line, {name.replace("_", "-"): value for name, value in headers.items()}))


def corrupt(body: bytes, words: str, of: str = "trips", **headers: str) -> Way:
    """Another body than the good one, all else as it should be."""
    return lasting(status("200 OK", body, **headers), words, CorruptFile, of)


def redirect(location: str) -> Answer:
    return saying(answer(b"", "302 Found", {"Location": location}))


CONNECTION = {
    "reset before the headers": passing(Connection.reset, "did not deliver (ConnectionResetError"),
    "closed before the headers": passing(saying(), "did not deliver (RemoteDisconnected"),
    "reset in the headers": passing(
        lambda connection: (connection.send(HEAD[:20]), connection.wait(0.05), connection.reset()),
        "did not deliver (",
    ),
    "closed in the headers": passing(saying(HEAD[:30]), "did not deliver (it broke off in its headers)"),
    "reset after the headers": passing(
        lambda connection: (connection.send(answer(b"", length=99)), connection.wait(0.05), connection.reset()),
        "did not deliver (ConnectionResetError",
    ),
    "reset in the body": passing(
        lambda connection: (
            connection.send(answer(GOOD["trips"][:500], length=len(GOOD["trips"]))),
            connection.wait(0.05),
            connection.reset(),
        ),
        "did not deliver (ConnectionResetError",
    ),
    "speaks no HTTP": passing(saying(b"220 ftp ready\r\n"), "did not deliver (BadStatusLine"),
    "speaks another HTTP": passing(saying(b"HTTP/3.0 200 OK\r\n\r\n"), "did not deliver (UnknownProtocol"),
    "steers a terminal": passing(saying(b"\x1b[2J\x1b]0;owned\x07\r\n"), "did not deliver (BadStatusLine"),
    "says nothing": tiring(lambda connection: connection.wait(1), "Read timed out"),
}

LENGTH = {
    "short against Content-Length": passing(
        saying(answer(GOOD["trips"][:-9], length=len(GOOD["trips"]))), "did not deliver (IncompleteRead"
    ),
    "cut without a length": lasting(
        saying(WITHOUT_LENGTH + GOOD["trips"][:-9]), "is not a trip file: its", CorruptFile
    ),
    "cut between chunks": passing(saying(CHUNKED + b"5\r\nPAR1x\r\n"), "did not deliver ("),
    "cut in a chunk": passing(saying(CHUNKED + b"500\r\nPAR1x"), "did not deliver ("),
    "a chunk of no length": passing(saying(CHUNKED + b"xyz\r\nPAR1\r\n0\r\n\r\n"), "did not deliver ("),
    "a line of chunk without end": passing(endlessly(b"0" * 8192, CHUNKED), "did not deliver ("),
    "trailers without end": passing(endlessly(b"X: y\r\n" * 500, CHUNKED + b"0\r\n"), "sends without end"),
    "a length beyond the bound": lasting(
        saying(answer(b"", length=LARGEST + 1)),
        f"has {LARGEST + 1:,} bytes, more than the {LARGEST:,} bytes that it may have; nothing was kept: raise LAKE",
        CorruptFile,
    ),
    "a length of a thousand digits": passing(
        saying(answer(b"PAR1", headers={"Content-Length": "9" * 1000})), "did not deliver (IncompleteRead"
    ),
    "two lengths": passing(
        saying(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nPAR1"), "sends more than one Content-Length"
    ),
    "endless": lasting(endlessly(b"x" * 65536, WITHOUT_LENGTH), "sends more than the 3,000,000 bytes", CorruptFile),
    "endless zones": lasting(
        endlessly(b"1,EWR,Newark,EWR\n" * 4096, WITHOUT_LENGTH), "sends more than the 3,000,000", CorruptFile, "zones"
    ),
    "endless chunks of users": lasting(
        endlessly(b"2000\r\n" + b"[" * 0x2000 + b"\r\n", CHUNKED), "sends more than the 3,000,000", CorruptFile, "users"
    ),
    "zero bytes": corrupt(b"", "not with PAR1"),
    "a byte each moment": tiring(endlessly(b"x", WITHOUT_LENGTH, every=0.05), "sends too slowly ("),
    "a byte of the headers each moment": tiring(
        saying(*(bytes([each]) for each in HEAD * 9), every=0.05), "sends too slowly ("
    ),
    "just not too slow, without end": tiring(
        endlessly(b"x" * 200, WITHOUT_LENGTH, every=0.05), "is not done after 1 s"
    ),
}

HEADERS = {
    "headers without end": passing(endlessly(b"X-More: of it\r\n", HEAD), "did not deliver (HTTPException"),
    "a header without end": passing(endlessly(b"x" * 8192, HEAD + b"X: "), "did not deliver (LineTooLong"),
    "an ETag of 100 kB": passing(status("200 OK", GOOD["trips"], ETag="x" * 100_000), "did not deliver (LineTooLong"),
    "a status line without end": passing(endlessly(b"x" * 8192, b"HTTP/1.1 200 "), "did not deliver (LineTooLong"),
    "100 Continue without end": passing(endlessly(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "sends headers without end"),
    "a line that is no header": passing(
        saying(HEAD + b"no header\r\nContent-Length: 4\r\n\r\nPAR1"), "sends headers that cannot be read"
    ),
}

STATUS = {
    "204": lasting(status("204 No Content"), "answered 204; asking again will not help: check LAKEHOUSE_TLC_URL"),
    "206 unasked": lasting(status("206 Partial Content", b"PAR1", Content_Range="bytes 0-3/99"), "answered 206; "),
    "300": lasting(status("300 Multiple Choices"), "answered 300; "),
    "304 to an unconditional request": lasting(status("304 Not Modified"), "answered 304; "),
    "401": lasting(status("401 Unauthorized", WWW_Authenticate='Basic realm="x"'), "answered 401; "),
    "403 as S3": lasting(status("403 Forbidden", S3_ACCESS_DENIED), "S3's AccessDenied", NotPublished),
    "403 as CloudFront": passing(status("403 Forbidden", CLOUDFRONT_REQUEST_BLOCKED), "is throttling", Throttled),
    "403 of users": lasting(status("403 Forbidden", S3_ACCESS_DENIED), "answered 403; asking again", of="users"),
    "403 without end, also to its neighbour": Way(
        endlessly(b"x" * 4096, b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        Throttled,
        "its neighbour 2023-12 answers 403",
        asked=2,
    ),
    "404": lasting(status("404 Not Found"), "it is not published (yet)", NotPublished),
    "404 of users": lasting(status("404 Not Found"), "answered 404; asking again will not help", of="users"),
    "407": lasting(status("407 Proxy Authentication Required"), "check HTTP_PROXY and HTTPS_PROXY"),
    "408": passing(status("408 Request Timeout"), "answered 408 (gave up after 2 attempts)"),
    "410": lasting(status("410 Gone"), "answered 410; "),
    "416": lasting(status("416 Range Not Satisfiable", Content_Range="bytes */9"), "answered 416; "),
    "429": passing(status("429 Too Many Requests"), "answered 429", Throttled),
    "500": passing(status("500 Internal Server Error"), "answered 500"),
    "502": passing(status("502 Bad Gateway", b"<html>"), "answered 502"),
    "504": passing(status("504 Gateway Timeout"), "answered 504"),
    **{
        f"503, Retry-After {asked[:9]}": passing(status("503 Unavailable", Retry_After=asked), "answered 503")
        for asked in (
            "3600",
            "-5",
            "31536000",
            "9" * 400,
            "soon",
            format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
            "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        )
    },
    "200 with S3's 403": corrupt(S3_ACCESS_DENIED, "it is an HTML or XML page"),
    "200 with CloudFront's 403": corrupt(CLOUDFRONT_REQUEST_BLOCKED, "it is an HTML or XML page", "zones"),
}

REDIRECTS = {
    "in a circle": Way(redirect("/again"), SourceUnavailable, "redirects more than 10 times; ", asked=11),
    "to a file": lasting(redirect("file:///etc/hostname"), "redirects to an address of file://, which is not followed"),
    "to a broken IPv6 address": lasting(redirect("http://[::1/x"), "redirects to an address that cannot be used; "),
    "to raw bytes": lasting(redirect("http://\xff\xfe/\xe9"), "redirects to an address that cannot be used; "),
    "to a name of too long a part": lasting(redirect(f"http://{'a' * 64}.org/"), "an address that cannot be used; "),
    "to an empty name": lasting(redirect("http://:80/x"), "redirects to an address that cannot be used; "),
    "to a port that is none": lasting(redirect("http://h:99999/x"), "redirects to an address that cannot be used; "),
    "to a server that is not there": passing(redirect("http://127.0.0.1:1/t0ken"), "did not deliver ("),
    "with a body without end": Way(
        endlessly(b"x" * 8192, b"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n"),
        SourceUnavailable,
        "more than 10",
        asked=11,
    ),
    "to nowhere": lasting(status("301 Moved Permanently"), "answered 301; "),
}

DIFFERING = "under the ETag"
ENCODED = gzip.compress(GOOD["trips"])
VALIDATORS = {
    "a Content-MD5 of other bytes": passing(
        status("200 OK", GOOD["trips"], Content_MD5=base64.b64encode(bytes(16)).decode()),
        "sends bytes that are not those of its Content-MD5",
        CorruptFile,
    ),
    "an ETag that is the MD5 of other bytes, and other bytes each time": Way(
        lambda connection: connection.send(
            answer(GOOD["trips"] + str(perf_counter()).encode(), headers={"ETag": f'"{md5(GOOD["trips"])}"'})
        ),
        CorruptFile,
        DIFFERING,
        asked=AGAIN + 1,
    ),
}

_PAGES = values_of(GOOD["trips"], column="trip_distance")
BODY = {
    "no magic": corrupt(b"VendorID\n1\n", "not with PAR1"),
    "a broken footer": corrupt(
        spoilt(GOOD["trips"], len(GOOD["trips"]) - 90, len(GOOD["trips"]) - 8), "parquet footer"
    ),
    "a corrupt page under a good footer": corrupt(spoilt(GOOD["trips"], *_PAGES), "its values cannot be read ("),
    "one flipped bit": corrupt(
        spoilt(GOOD["trips"], _PAGES[1] - 1, _PAGES[1], bytes([GOOD["trips"][_PAGES[1] - 1] ^ 1])),
        "its values cannot be read (could not verify page integrity",
    ),
    "no rows": corrupt(bytes_of(TRIPS.slice(0, 0)), "it has no rows"),
    "no row groups": corrupt(bytes_of(pa.table({"a": pa.array([], pa.int8())}), row_group_size=1), "it has no rows"),
    "encrypted": corrupt(encrypted(TRIPS, hidden_footer=True), "it is encrypted"),
    "encrypted columns": corrupt(encrypted(TRIPS, hidden_footer=False), "its values cannot be read ("),
    "JSON for parquet": corrupt(b'{"message": "moved"}', "not with PAR1"),
    "a pointer of Git LFS": corrupt(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not with PAR1"),
    "parquet in gzip without saying so": corrupt(ENCODED, "not with PAR1"),
    "gzip that is none": passing(status("200 OK", GOOD["trips"], Content_Encoding="gzip"), "while decompressing"),
    "gzip cut short": passing(
        status("200 OK", ENCODED[:-20], Content_Encoding="gzip"), "did not deliver (its encoding is cut short)"
    ),
    "gzip with something behind it": passing(
        status("200 OK", ENCODED + b"garbage", Content_Encoding="gzip"), "while decompressing"
    ),
    "a gzip bomb": corrupt(
        gzip.compress(bytes(50_000_000)), "sends more than the 3,000,000 bytes that it may", Content_Encoding="gzip"
    ),
    "a deflate bomb of users": corrupt(
        zlib.compress(bytes(50_000_000)), "sends more than the 3,000,000", "users", Content_Encoding="deflate"
    ),
    "an encoding nobody knows": lasting(
        status("200 OK", GOOD["trips"], Content_Encoding="rot13"),
        "sends it in the encoding 'rot13', which cannot be decoded here; check LAKEHOUSE_TLC_URL",
    ),
    "encodings in one another": lasting(
        status("200 OK", GOOD["trips"], Content_Encoding="gzip, gzip"), "in the encoding 'gzip, gzip', which"
    ),
    "zones cut in a line": corrupt(GOOD["zones"] + b"300,Bro", "line 267 has 2 values for 4 columns", "zones"),
    "zones in one line": corrupt(GOOD["zones"] + b"," * 200_000, "a row has 131,072 characters or more", "zones"),
    "zones in one quote": corrupt(GOOD["zones"] + b'"a\n",' * 50_000, "a row has 131,072 characters or more", "zones"),
    "zones in Latin-1": corrupt(GOOD["zones"] + b"300,Bronx,Caf\xe9,x\n", "it is not CSV in UTF-8", "zones"),
}


def users(text: str | bytes, words: str) -> Way:
    return corrupt(text.encode() if isinstance(text, str) else text, f"is not a list of users: {words}", "users")


def nested(levels: int) -> Way:
    text = '{"a": ' * (levels - 1) + "{}" + "}" * (levels - 1)
    return users(f"[{text}]", "it is not JSON that can be kept (it is more than 50 levels deep)")


USERS = {
    "cut JSON": users(GOOD["users"][:-9], "it is not JSON that can be kept ("),
    "JSON cut after an entry": users(b'[{"id": 1}', "it is not JSON that can be kept (it is cut short)"),
    "NaN": users('[{"id": 1, "score": NaN}]', "it is not JSON that can be kept (NaN is not JSON)"),
    "Infinity": users('[{"id": 1, "score": -Infinity}]', "it is not JSON that can be kept (-Infinity is not JSON)"),
    "a number too large for any": users('[{"id": 1, "score": 1e999}]', "it is not JSON that can be kept ("),
    "half a character": users('[{"id": 1, "name": "\\ud83d"}]', "it is not JSON that can be kept ("),
    "none": users("[]", "it is empty"),
    "an object": users('{"users": []}', "it is dict, not a list"),
    "an error as JSON": users('{"error": "rate limit"}', "it is dict, not a list"),
    "300 levels deep": users(
        f'[{{"a": {"[" * 300}{"]" * 300}}}]', "it is not JSON that can be kept (it is more than 50"
    ),
    "51 levels deep": users(f'[{{"a": {"[" * 50}{"]" * 50}}}]', "it is not JSON that can be kept (it is more than 50"),
    "100,000 levels deep": users("[" * 100_000, "it is not JSON that can be kept ("),
    "not UTF-8": users(b'[{"id": 1, "name": "\xe9"}]', "it is not JSON that can be kept ("),
    "UTF-16": users('[{"id": 1}]'.encode("utf-16"), "it is not JSON that can be kept ("),
    "an entry of two million characters": users(f'[{{"a": "{"x" * 2_000_000}"}}]', "it is not JSON that can be kept ("),
    "two thousand fields": users(
        json.dumps([{f"field {number}": 1} for number in range(2000)]), "it has more than 1,000 fields"
    ),
    "a number of five thousand digits": users(f'[{{"id": {"9" * 5000}}}]', "it is not JSON that can be kept ("),
    "two lists": users("[{}] [{}]", "it is not JSON that can be kept (something follows the list)"),
    "no comma": users("[{} {}]", "it is not JSON that can be kept (there is no comma after an entry)"),
    "an HTML page": users("<html>", "it is not JSON that can be kept ("),
}

WAYS = {
    f"{kind}: {name}": way
    for kind, ways in {
        "connection": CONNECTION,
        "length": LENGTH,
        "headers": HEADERS,
        "status": STATUS,
        "redirect": REDIRECTS,
        "validators": VALIDATORS,
        "body": BODY,
        "users": USERS,
    }.items()
    for name, way in ways.items()
}
