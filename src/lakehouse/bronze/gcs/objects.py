"""The objects of a bucket of Cloud Storage under a prefix: described, read, and written under conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lakehouse.bronze.gcs.answers import told_as_ours
from lakehouse.exceptions import CorruptFile

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Blob, Bucket

PATIENCE_SECONDS = 60.0
"""How long Google's client asks again for what was refused for now; a part of a file each time anew."""

NEW = 0
"""Generation of an object that is not there."""

_READ_BYTES = 256 * 1024
_UPLOAD_BYTES = 16 * 1024 * 1024
"""Of a file that is sent in parts: what is sent again when a part fails."""

_AT_ONCE = 8


@dataclass(frozen=True)
class Kept:
    """An object as Cloud Storage keeps it.

    ``md5`` is what Cloud Storage computed of its content, base64, None where that was composed of others; ``notes``
    is what its writer noted; ``changed_at`` is when content or notes were written last, by Cloud Storage's clock.
    """

    name: str
    bytes: int
    md5: str | None
    notes: Mapping[str, str] = field(hash=False)
    generation: int
    metageneration: int
    changed_at: datetime


class Objects:
    """Those whose names begin with ``prefix``, which is left out of names here. Errors: see :func:`told_as_ours`."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def uri(self, name: str) -> str:
        """Where an object is, or will be."""
        return f"gs://{self._bucket.name}/{self._prefix}{name}"

    def under(self, prefix: str) -> list[Kept]:
        """Every object whose name begins so, by name."""
        with told_as_ours(self.uri(prefix)):
            return [self._kept(blob) for blob in self._bucket.list_blobs(prefix=self._prefix + prefix, retry=patient())]

    def kept(self, name: str) -> Kept | None:
        """What is known of an object without reading it, None if there is none."""
        with told_as_ours(self.uri(name)):
            blob = self._bucket.get_blob(self._prefix + name, retry=patient())
            return None if blob is None else self._kept(blob)

    def read(self, name: str) -> bytes | None:
        """A small object's content, None if there is none."""
        from google.api_core.exceptions import NotFound

        with told_as_ours(self.uri(name)):
            try:
                return cast("bytes", self._blob(name).download_as_bytes(retry=patient()))
            except NotFound:
                return None

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Small objects' contents, several at once: each takes as long as an answer's way."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self.read, names))

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """An object to be read piece by piece: no more comes here than is asked for, and a little.

        Raises:
            CorruptFile: there is none.
        """
        from google.api_core.exceptions import NotFound

        with told_as_ours(self.uri(name)):
            missing = CorruptFile(f"{self.uri(name)}: is missing; materialize its bronze again")
            blob = self._bucket.get_blob(self._prefix + name, retry=patient())
            if blob is None:
                raise missing
            try:
                with blob.open("rb", chunk_size=_READ_BYTES, retry=patient()) as file:
                    yield file
            except NotFound:
                raise missing from None

    def write(
        self, name: str, content: str, *, notes: Mapping[str, str] | None = None, instead_of: int | None = None
    ) -> Kept | None:
        """Write a small object, whole or not at all.

        What became of it; None, and nothing is written, if it is not the generation ``instead_of`` any more.
        """
        from google.api_core.exceptions import PreconditionFailed

        with told_as_ours(self.uri(name)):
            blob = self._blob(name)
            blob.metadata = dict(notes or {})
            try:
                blob.upload_from_string(
                    content, content_type="application/json", if_generation_match=instead_of, retry=patient()
                )
            except PreconditionFailed:
                if instead_of is None:
                    raise
                return None
            return self._kept(blob)

    def upload(self, name: str, file: Path, *, md5: str, notes: Mapping[str, str]) -> None:
        """Make an object of a file, whole or not at all: Cloud Storage compares what comes with its MD5.

        The client computes none: it would be of what it sends, where the one that is given is of what was meant.

        Raises:
            CorruptFile: something else came.
        """
        with told_as_ours(self.uri(name)):
            blob = self._bucket.blob(self._prefix + name, chunk_size=_UPLOAD_BYTES)
            blob.metadata = dict(notes)
            blob.md5_hash = md5
            kind = "application/octet-stream"
            blob.upload_from_filename(str(file), content_type=kind, checksum=None, retry=patient())

    def touch(self, kept: Kept, notes: Mapping[str, str]) -> bool:
        """Have an object be changed now, by noting something besides; False if it is gone."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with told_as_ours(self.uri(kept.name)):
            blob = self._blob(kept.name)
            blob.metadata = {**kept.notes, **notes}
            try:
                blob.patch(if_generation_match=kept.generation, retry=patient())
            except NotFound:
                return False
            except PreconditionFailed:  # it was written anew, and so has changed
                return True
            return True

    def remove(self, name: str) -> None:
        """Remove an object if there is one."""
        from google.api_core.exceptions import NotFound

        with told_as_ours(self.uri(name)):
            try:
                self._bucket.delete_blob(self._prefix + name, retry=patient())
            except NotFound:
                return

    def remove_unchanged(self, kept: Kept) -> bool:
        """Remove an object if nothing of it changed since it was looked at; whether it was."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with told_as_ours(self.uri(kept.name)):
            try:
                self._bucket.delete_blob(
                    self._prefix + kept.name,
                    if_generation_match=kept.generation,
                    if_metageneration_match=kept.metageneration,
                    retry=patient(),
                )
            except (NotFound, PreconditionFailed):
                return False
            return True

    def _blob(self, name: str) -> Blob:
        return self._bucket.blob(self._prefix + name)

    def _kept(self, blob: Blob) -> Kept:
        return Kept(
            name=blob.name.removeprefix(self._prefix),
            bytes=blob.size,
            md5=blob.md5_hash,
            notes=dict(blob.metadata or {}),
            generation=blob.generation,
            metageneration=blob.metageneration,
            changed_at=max(blob.time_created, blob.updated),
        )


def patient() -> Retry:
    """How Google's client asks again."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    retry: Retry = DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)
    return retry
