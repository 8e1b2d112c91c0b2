"""What is encoded though that was not asked for is kept as published, however it comes in pieces."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_sources import http_file
from dlt_sources.remote_file import HttpPolicy, RemoteFile
from lakehouse.exceptions import SourceUnavailable
from tests.raw_source import RawSource, answer, saying

FILE = os.urandom(1000) + bytes(3_000_000) + os.urandom(1000)
POLICY = HttpPolicy(1, 2.0)


def raw_deflate(content: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(content) + encoder.flush()


def two_members(content: bytes) -> bytes:
    return gzip.compress(content[:500]) + gzip.compress(content[500:])


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip in capitals": (" GZip ", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "gzip in two members": ("gzip", two_members),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "identity": ("identity", bytes),
}


def downloaded(encoding: str, encoded: bytes, target: Path, *, in_bytes: bool = False) -> bytes:
    pieces = answer(encoded, headers={"Content-Encoding": encoding})
    begin = len(pieces) - len(encoded)
    with RawSource() as server:
        single = [pieces[at : at + 1] for at in range(begin, len(pieces))] if in_bytes else [pieces[begin:]]
        server.answers(saying(pieces[:begin], *single))
        http_file.download(RemoteFile("file", server.url, "LAKEHOUSE_FILE_URL"), target, None, POLICY)
    return target.read_bytes()


@pytest.mark.parametrize("how", ENCODERS)
def test_an_encoded_file_is_kept_as_published(how: str, tmp_path: Path) -> None:
    encoding, encode = ENCODERS[how]
    assert downloaded(encoding, encode(FILE), tmp_path / "file") == FILE


@pytest.mark.parametrize("how", ENCODERS)
def test_it_may_end_anywhere_in_a_piece(how: str, tmp_path: Path) -> None:
    """What a decoder still holds when all has come is not lost."""
    encoding, encode = ENCODERS[how]
    for more in range(1, 300, 13):
        file = bytes((1 << 18) + more)
        assert downloaded(encoding, encode(file), tmp_path / "file") == file


@pytest.mark.parametrize("how", ENCODERS)
def test_it_may_come_a_byte_at_a_time(how: str, tmp_path: Path) -> None:
    encoding, encode = ENCODERS[how]
    assert downloaded(encoding, encode(FILE[:700]), tmp_path / "file", in_bytes=True) == FILE[:700]


@pytest.mark.parametrize("how", [how for how in ENCODERS if how != "identity"])
def test_one_that_is_cut_short_is_not_taken_for_the_whole(how: str, tmp_path: Path) -> None:
    encoding, encode = ENCODERS[how]
    for missing in (1, 5, 700):
        with pytest.raises(SourceUnavailable, match="its encoding is cut short"):
            downloaded(encoding, encode(FILE)[:-missing], tmp_path / "file")


def test_nothing_is_nothing_in_any_encoding(tmp_path: Path) -> None:
    assert downloaded("gzip", b"", tmp_path / "file") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "gzip,identity"])
def test_an_encoding_that_cannot_be_decoded_here_is_named(encoding: str, tmp_path: Path) -> None:
    from urllib3.response import HTTPResponse

    if encoding in HTTPResponse.CONTENT_DECODERS:
        pytest.skip(f"here {encoding} can be decoded")
    with pytest.raises(SourceUnavailable, match=f"sends it in the encoding '{encoding}', which cannot be decoded here"):
        downloaded(encoding, FILE, tmp_path / "file")
