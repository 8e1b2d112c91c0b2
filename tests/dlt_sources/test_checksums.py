"""Bytes are compared with what their source says of them; an ETag that is no MD5 costs one more download, no more."""

from __future__ import annotations

import base64
import gzip
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlt_sources import http_file
from dlt_sources.remote_file import HttpPolicy, RemoteFile, Transfer, Validators
from lakehouse.exceptions import CorruptFile, SourceUnavailable
from tests.http_source import Fault, SourceServer
from tests.raw_source import RawSource, answer, saying

POLICY = HttpPolicy(2, 2.0, 0.001, 0.01)
BODY, OTHER = b"the file", b"the fiel"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def content_md5(content: bytes) -> str:
    return base64.b64encode(bytes.fromhex(md5(content))).decode()


class Served:
    """A server of one file, and what a download of it brings."""

    def __init__(self, server: SourceServer, target: Path) -> None:
        self.server = server
        self._target = target

    def say(self, body: bytes, times: int | None = None, status: int = 200, **headers: str) -> None:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self.server.fail("/file", Fault(status=status, body=body, headers=said), times)

    def download(self, known: Validators | None = None) -> Transfer | None:
        remote = RemoteFile("file", f"{self.server.url}/file", "LAKEHOUSE_FILE_URL")
        return http_file.download(remote, self._target, known, POLICY)

    def kept(self, known: Validators | None = None) -> bytes:
        transfer = self.download(known)
        assert transfer is not None
        assert transfer.sha256 == hashlib.sha256(self._target.read_bytes()).hexdigest()
        return self._target.read_bytes()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with SourceServer(tmp_path / "published") as server:
        yield Served(server, tmp_path / "target")


@pytest.mark.parametrize("quoted", ['"{}"', "{}"])
def test_an_etag_that_is_the_md5_is_trusted(served: Served, quoted: str) -> None:
    served.say(BODY, ETag=quoted.format(md5(BODY).upper()))
    assert served.kept() == BODY
    assert served.server.statuses() == [200]


@pytest.mark.parametrize("etag", [f'W/"{md5(OTHER)}"', f'"{md5(OTHER)}-2"', '"1"', f'"{md5(OTHER)[:31]}"', ""])
def test_an_etag_that_does_not_look_like_an_md5_says_nothing(served: Served, etag: str) -> None:
    served.say(BODY, ETag=etag)
    assert served.kept() == BODY
    assert served.server.statuses() == [200]


def test_an_etag_that_looks_like_another_md5_makes_one_more_download_and_a_note(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.say(BODY, ETag=f'"{md5(OTHER)}"')
    assert served.kept() == BODY
    assert served.server.statuses() == [200, 200]
    (note,) = caplog.records
    assert note.levelno == logging.WARNING
    assert note.getMessage() == (
        f'file: {served.server.url}/file sends bytes whose MD5 is {md5(BODY)} under the ETag "{md5(OTHER)}"; '
        "they came twice, so they are kept"
    )


def test_the_later_bytes_are_kept_if_they_are_those_of_the_etag(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.say(OTHER, times=1, ETag=f'"{md5(BODY)}"')
    (served.server.folder).mkdir()
    (served.server.folder / "file").write_bytes(BODY)
    assert served.kept() == BODY
    assert served.server.statuses() == [200, 200]
    assert not caplog.records


def test_bytes_that_differ_each_time_are_refused_after_the_attempts_and_one_more(served: Served) -> None:
    bodies = (str(number).encode() for number in range(9))
    faults = (Fault(status=200, body=body, headers={"ETag": f'"{md5(BODY)}"'}) for body in bodies)
    served.server.fail_in_turn("/file", faults)
    with pytest.raises(CorruptFile, match=r"under the ETag .*, and others before \(gave up after 2 attempts\)"):
        served.download()
    assert served.server.statuses() == [200] * (POLICY.attempts + 1)


def test_both_downloads_are_one_attempt_with_the_time_of_one(tmp_path: Path) -> None:
    slowly = answer(BODY, headers={"ETag": f'"{md5(OTHER)}"'})
    with RawSource() as server:
        server.answers(saying(slowly[:-1], slowly[-1:], every=0.3))
        remote = RemoteFile("file", server.url, "LAKEHOUSE_FILE_URL")
        with pytest.raises(SourceUnavailable, match=r"is not done after 0\.5 s"):
            http_file.download(remote, tmp_path / "file", None, HttpPolicy(1, 2.0, total_seconds=0.5))
        assert len(server.requests) == 2


def test_the_second_download_is_unconditional(served: Served) -> None:
    served.say(BODY, ETag=f'"{md5(OTHER)}"')
    served.kept(Validators('"old"'))
    assert ["If-None-Match" in each.headers for each in served.server.requests] == [True, False]


def test_what_failed_between_two_downloads_does_not_make_a_third(served: Served) -> None:
    doubtful = Fault(status=200, body=BODY, headers={"ETag": f'"{md5(OTHER)}"'})
    served.server.fail_in_turn("/file", [doubtful, Fault(status=503), doubtful])
    assert served.kept() == BODY
    assert served.server.statuses() == [200, 503, 200]


def test_a_content_md5_that_fits_vouches_whatever_the_etag_looks_like(served: Served) -> None:
    served.say(BODY, ETag=f'"{md5(OTHER)}"', Content_MD5=content_md5(BODY))
    assert served.kept() == BODY
    assert served.server.statuses() == [200]


def test_a_content_md5_of_other_bytes_is_refused_after_the_attempts(served: Served) -> None:
    served.say(BODY, Content_MD5=content_md5(OTHER))
    with pytest.raises(CorruptFile, match=rf"not those of its Content-MD5 \({md5(OTHER)}\) \(gave up after 2 attempts"):
        served.download()
    assert served.server.statuses() == [200, 200]


def test_a_content_md5_may_be_of_the_encoded_bytes_or_of_the_file(served: Served) -> None:
    encoded = gzip.compress(BODY)
    for vouched in (encoded, BODY):
        served.say(encoded, Content_Encoding="gzip", Content_MD5=content_md5(vouched))
        assert served.kept() == BODY
    served.say(encoded, Content_Encoding="gzip", Content_MD5=content_md5(OTHER))
    with pytest.raises(CorruptFile):
        served.download()


@pytest.mark.parametrize("header", ["", "soon", md5(OTHER), "AAAA", "\xe9"])
def test_a_content_md5_that_is_none_says_nothing(served: Served, header: str) -> None:
    served.say(BODY, Content_MD5=header)
    assert served.kept() == BODY


@pytest.mark.parametrize("etag", ["x" * 1001, '"a\tb"'])
def test_an_etag_that_could_not_be_sent_back_is_forgotten(served: Served, etag: str) -> None:
    served.say(BODY, ETag=etag)
    transfer = served.download()
    assert transfer is not None
    assert transfer.etag is None
    assert served.download(Validators(etag)) is not None
    assert not any("If-None-Match" in each.headers for each in served.server.requests)


def test_an_etag_of_any_letters_is_sent_back_as_it_came(served: Served) -> None:
    served.say(BODY, ETag="W/\"caf\xe9, '1'\"")
    transfer = served.download()
    assert transfer is not None
    assert transfer.etag == "W/\"caf\xe9, '1'\""
    assert served.download(Validators(transfer.etag)) is not None
    assert served.server.requests[-1].headers["If-None-Match"] == transfer.etag
