"""What a server encodes though it was asked not to is decoded, a bounded piece at a time: the file as published."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dlt_sources.remote_file import RemoteFile, TryAgain
from lakehouse.exceptions import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response

_PIECE_BYTES = 1 << 18
_GZIP = zlib.MAX_WBITS | 16
_RAW_DEFLATE = -zlib.MAX_WBITS


def decoded(response: Response, remote: RemoteFile, sent: Callable[[bytes], object]) -> Iterator[bytes]:
    """The body of an answer as it was before it was encoded; ``sent`` is told the bytes as they come.

    Raises:
        SourceUnavailable: it is in an encoding that cannot be decoded here.
        TryAgain: it is not encoded as it says, or cut short.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return _sent(response, sent)
    if encoding in {"gzip", "x-gzip"}:
        return _inflated(_sent(response, sent), lambda _: _GZIP)
    if encoding == "deflate":
        return _inflated(_sent(response, sent), _format_of_deflate)
    fault = f"sends it in the encoding '{encoding[:40]}', which cannot be decoded here"
    raise SourceUnavailable(remote.message(fault, f"check {remote.setting}"))


def _sent(response: Response, sent: Callable[[bytes], object]) -> Iterator[bytes]:
    # read1 gives what there is: read would wait until it has a whole piece. urllib3 2 counts the bytes: a body shorter
    # than its Content-Length raises IncompleteRead.
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=False):
        sent(piece)
        yield piece


def _inflated(pieces: Iterator[bytes], format_of: Callable[[bytes], int]) -> Iterator[bytes]:
    decoder = None
    begin = b""
    for piece in pieces:
        begin += piece
        if decoder is None and len(begin) < 2:
            continue
        rest, begin = begin, b""
        while rest:
            decoder = decoder or zlib.decompressobj(format_of(rest))
            try:
                yield decoder.decompress(rest, _PIECE_BYTES)
            except zlib.error as problem:
                raise TryAgain(SourceUnavailable, f"did not deliver (error: {problem})") from problem
            rest = decoder.unused_data or decoder.unconsumed_tail
            if decoder.unused_data:  # gzip may be several, one after the other
                decoder = None
                if len(rest) < 2:
                    begin, rest = rest, b""
    while decoder is not None and (more := decoder.decompress(b"", _PIECE_BYTES)):  # which it held back
        yield more
    if begin or (decoder is not None and not decoder.eof):
        raise TryAgain(SourceUnavailable, "did not deliver (its encoding is cut short)")


def _format_of_deflate(begin: bytes) -> int:
    """Deflate is with a header of zlib's, by RFC 9110, or, from some servers, without."""
    has_header = begin[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begin[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if has_header else _RAW_DEFLATE
