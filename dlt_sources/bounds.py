"""How large what a source sends may be: as it is sent, and as it is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlt_sources.remote_file import HttpPolicy, RemoteFile
from lakehouse.exceptions import CorruptFile

LOOKUP_BYTES = 64_000_000
"""Of a table of codes, a thousand times what any is."""

ANSWER_BYTES = 64_000_000
"""Of what an API answers at once."""


def largest(remote: RemoteFile, policy: HttpPolicy) -> int:
    """How many bytes of a remote file are taken."""
    return min(policy.largest_bytes, remote.largest_bytes or policy.largest_bytes)


def require_size(remote: RemoteFile, size: int | None, policy: HttpPolicy) -> None:
    """Refuse a file whose source says that it is too large; ``size`` is what it says, if it does.

    Raises:
        CorruptFile: it is larger than may be.
    """
    if size is not None and size > largest(remote, policy):
        raise _too_large(remote, f"has {size:,} bytes, more", policy)


def bounded(pieces: Iterable[bytes], remote: RemoteFile, policy: HttpPolicy) -> Iterator[bytes]:
    """The same pieces, up to as many as may be.

    Raises:
        CorruptFile: there are more.
    """
    left = largest(remote, policy)
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise _too_large(remote, "sends more", policy)
        yield piece


def _too_large(remote: RemoteFile, sent: str, policy: HttpPolicy) -> CorruptFile:
    bound = largest(remote, policy)
    kept = "nothing was kept"
    advice = f"{kept}: raise LAKEHOUSE_LARGEST_FILE if it is right" if bound == policy.largest_bytes else kept
    return CorruptFile(remote.message(f"{sent} than the {bound:,} bytes that it may have", advice))
