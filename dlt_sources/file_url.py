"""One file of a file:// folder: copied byte for byte, or only looked at; size and time of change are its ETag."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dlt_sources.bounds import bounded, require_size
from dlt_sources.remote_file import Clock, HttpPolicy, RemoteFile, RemoteVersion, Transfer, TryAgain, Validators, save
from dlt_sources.room import require_room
from lakehouse.exceptions import NotPublished, SourceUnavailable

_CHUNK_BYTES = 1 << 20


def copy(
    remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy, clock: Clock
) -> Transfer | None:
    """One attempt to copy the file to `target`; None when it is unchanged since `known`.

    Raises:
        NotPublished: there is no such file yet.
        SourceUnavailable: it cannot be opened, or should be there and is not.
        CorruptFile: it is larger than it may be.
        DiskFull: there is no room for it.
        TryAgain: it cannot be read, or changed while it was.
    """
    with _open(remote) as source:
        before = os.fstat(source.fileno())
        if known and known.etag == _etag(before):
            return None
        answered_at = clock()
        require_size(remote, before.st_size, policy)
        require_room(remote, before.st_size, target.parent)

        def chunks() -> Iterator[bytes]:
            try:
                while chunk := source.read(_CHUNK_BYTES):
                    yield chunk
            except OSError as problem:
                raise TryAgain(SourceUnavailable, f"cannot be read ({problem.strerror})") from problem

        size, sha256 = save(bounded(chunks(), remote, policy), target)
        if _etag(os.fstat(source.fileno())) != _etag(before):
            raise TryAgain(SourceUnavailable, "changed while it was read")
    return Transfer(_etag(before), formatdate(before.st_mtime, usegmt=True), size, sha256, answered_at)


def look_at(remote: RemoteFile, known: Validators | None) -> RemoteVersion | None:
    """What there is of the file; None when it is unchanged since `known`.

    Raises:
        NotPublished: there is no such file yet.
        SourceUnavailable: it cannot be opened, or should be there and is not.
    """
    with _open(remote) as file:
        status = os.fstat(file.fileno())
    etag = _etag(status)
    unchanged = known is not None and known.etag == etag
    return None if unchanged else RemoteVersion(etag, formatdate(status.st_mtime, usegmt=True), status.st_size)


def _open(remote: RemoteFile) -> BinaryIO:
    path = Path(url2pathname(urlsplit(remote.url).path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for who writes into it
            raise SourceUnavailable(remote.message("is no file", "make it a readable file"))
        return path.open("rb")
    except FileNotFoundError:
        if remote.neighbour is None:
            raise SourceUnavailable(
                remote.message("does not exist", f"put the file there, or check {remote.setting}")
            ) from None
        raise NotPublished(remote.message("does not exist", "put the file there, or ask again later")) from None
    except OSError as problem:
        raise SourceUnavailable(
            remote.message(f"cannot be opened ({problem.strerror})", "make it a readable file")
        ) from problem


def _etag(status: os.stat_result) -> str:
    return f'"{status.st_size:x}-{status.st_mtime_ns:x}"'
