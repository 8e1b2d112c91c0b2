"""Whether what came is what its source says it is: by a Content-MD5, or by an ETag that is one, as S3's are."""

from __future__ import annotations

import binascii
import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from dlt_sources.remote_file import RemoteFile, Transfer, TryAgain, Validators
from lakehouse.exceptions import CorruptFile

_log = logging.getLogger(__name__)
_LIKE_MD5 = re.compile(r'"?([0-9a-fA-F]{32})"?')
"""Strong, and without the dash that S3 puts into the ETag of what was uploaded in parts."""

_Get = Callable[[Validators | None], tuple[Transfer, str | None] | None]


class Sums:
    """The MD5 of one body, where its headers say what that should be: as it was sent, and as it is kept."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._declared = _content_md5(headers.get("Content-MD5", ""))
        self._etag = headers.get("ETag", "")
        looks_like_md5 = _LIKE_MD5.fullmatch(self._etag.strip())
        self._perhaps = looks_like_md5[1].lower() if looks_like_md5 else None
        is_needed = self._declared is not None or self._perhaps is not None
        self._kept = hashlib.md5(usedforsecurity=False) if is_needed else None
        self._sent = hashlib.md5(usedforsecurity=False) if is_needed and "Content-Encoding" in headers else None

    def sent(self, piece: bytes) -> None:
        """Take note of a piece as it was sent."""
        if self._sent is not None:
            self._sent.update(piece)

    def of_kept(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces, taken note of."""
        for piece in pieces:
            if self._kept is not None:
                self._kept.update(piece)
            yield piece

    def doubt(self) -> str | None:
        """Why the bytes are perhaps not the file's.

        Raises:
            TryAgain: they are not those of its Content-MD5.
        """
        if self._kept is None:
            return None
        found = {each.hexdigest() for each in (self._sent, self._kept) if each is not None}
        if self._declared is not None:
            if self._declared not in found:
                raise TryAgain(CorruptFile, f"sends bytes that are not those of its Content-MD5 ({self._declared})")
            return None
        if self._perhaps in found:
            return None
        return f"sends bytes whose MD5 is {self._kept.hexdigest()} under the ETag {self._etag}"


class Doubts:
    """What becomes of doubtful bytes of one file: an ETag may look like an MD5 and be none, so they are compared."""

    def __init__(self, remote: RemoteFile) -> None:
        self._remote = remote
        self._seen: set[str] = set()

    def settled(self, get: _Get, known: Validators | None) -> Transfer | None:
        """What one attempt brings; if the first is doubtful, it gets the file twice.

        Raises:
            TryAgain: what came is doubtful, and not what came before.
        """
        came = get(known)
        if came is not None and came[1] is not None and not self._seen:
            self._seen.add(came[0].sha256)
            came = get(None)
        if came is None:
            return None
        transfer, doubt = came
        if doubt is None:
            return transfer
        if transfer.sha256 not in self._seen:
            self._seen.add(transfer.sha256)
            raise TryAgain(CorruptFile, f"{doubt}, and others before")
        _log.warning("%s", self._remote.message(doubt, "they came twice, so they are kept"))
        return transfer


def _content_md5(header: str) -> str | None:
    """The MD5 that a header declares, None if it is none."""
    try:
        digest = binascii.a2b_base64(header.strip(), strict_mode=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == 16 else None
