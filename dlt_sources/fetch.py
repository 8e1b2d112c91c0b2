"""One fetch: what a source serves, verified before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from dlt_sources import http_file
from dlt_sources.remote_file import Clock, HttpPolicy, RemoteFile, Validators, now

SAMPLE_MARK = "sample"
"""What generated data says of itself: a parquet file as a key of its metadata, zones and users in their names."""


@dataclass(frozen=True)
class Content:
    """What a verified file holds; ``is_sample`` says that it is generated and marked as such."""

    rows: int
    is_sample: bool = False


Verify = Callable[[Path, RemoteFile], Content]
"""Looks at what was fetched; raises :class:`lakehouse.exceptions.CorruptFile` if it is not what it should be."""


@dataclass(frozen=True)
class Download:
    """What one fetch brought: on local disk, byte for byte as served, and verified to be what it should be.

    ``answered_at`` is when the answer began to come, by the clock that the fetch was given.
    """

    path: Path
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str
    answered_at: datetime
    is_sample: bool = False


def fetch(
    remote: RemoteFile,
    into: Path,
    known: Validators | None,
    policy: HttpPolicy,
    verify: Verify,
    clock: Clock = now,
) -> Download | None:
    """Fetch a file into the folder `into` and verify it; None when it is unchanged since `known`.

    Nothing is left in `into` unless the file is whole and verified.

    Raises:
        NotPublished: the source has no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, or broke off, after bounded retries.
        CorruptFile: what it served is not what it should be.
        DiskFull: there is no room for a file of the size that the source says it has.
        OSError: `into` cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    partial = into / f".{remote.name}.{uuid4().hex}.part"
    try:
        arrived = http_file.download(remote, partial, known, policy, clock)
        if arrived is None:
            return None
        content = verify(partial, remote)
        target = partial.replace(into / remote.name)
    finally:
        partial.unlink(missing_ok=True)
    return Download(
        path=target,
        url=remote.address,
        etag=arrived.etag,
        last_modified=arrived.last_modified,
        bytes=arrived.bytes,
        rows=content.rows,
        sha256=arrived.sha256,
        answered_at=arrived.answered_at,
        is_sample=content.is_sample,
    )
