"""What becomes of what a source serves: asked for only if it changed, landed once, recorded last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dlt_sources.fetch import Download
from dlt_sources.remote_file import Validators, without_secrets
from lakehouse.bronze.connection import Connection
from lakehouse.bronze.lies import Lies
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.exceptions import ConfigurationError, CorruptFile, NotPublished
from lakehouse.files import hash_file
from lakehouse.partition import Partition

Load = Callable[[Download, Path], Path]
"""Lands a download in a folder of its own, as the source's loader does; the landed file."""


@dataclass(frozen=True)
class Landed:
    """What is current now; ``is_unchanged`` says that the source serves what was current, and whole, before."""

    landing: Landing
    is_unchanged: bool


class Lander:
    """Lands a dataset, or months of it, in a store.

    ``asks_anew`` has the source send what it has, whatever it says of its version, and that noted, whatever it is.
    """

    def __init__(
        self, store: BronzeStore, connection: Connection, *, of_samples: bool, asks_anew: bool = False
    ) -> None:
        self._store = store
        self._connection = connection
        self._of_samples = of_samples
        self._asks_anew = asks_anew

    def land(self, partition: Partition, load: Load, warn: Callable[[str], None]) -> Landed:
        """Make what the source serves current; nothing is kept of what cannot be.

        A file that was damaged since it was landed is asked for unconditionally, and landed again; ``warn`` is told
        before the source is asked. So is one that a model refuses: its source may have served it under the ETag of
        another.

        Raises:
            NotPublished: the source has no file of it.
            Throttled: the source refuses to answer for now.
            SourceUnavailable: it could not be reached, or broke off, after bounded retries.
            CorruptFile: what it serves is not the file it should be, or a damaged file cannot be had again.
            ConfigurationError: it serves samples among real data, or the other way round.
            StorageUnavailable: where files are landed could not be reached.
            CommitConflict: other runs kept landing the same.
            OSError: the file cannot be written.
        """
        landed = self._land(partition, load, warn)
        current = self._store.current(self._connection.dataset.name, partition)
        if current is None or current == landed.landing:
            return landed
        is_same = current.served_sha256 == landed.landing.served_sha256
        return Landed(current, is_unchanged=is_same and landed.is_unchanged)  # another run was answered later

    def _land(self, partition: Partition, load: Load, warn: Callable[[str], None]) -> Landed:
        """What this answer of the source is landed as, whatever came of others."""
        self._store.prepare()
        self._store.sweep(self._connection.dataset.name, partition)
        recorded = self._store.current(self._connection.dataset.name, partition)
        was_damaged = recorded is not None and not self._store.is_intact(recorded)
        current = None if was_damaged else recorded
        if was_damaged:
            warn(f"{recorded}: the landed file is gone or damaged; landing it again")
        with self._store.workspace() as folder:
            clock = partial(self._store.observe, self._connection.dataset.name, partition)
            try:
                download = self._connection.fetch(partition, folder, self._validators(partition, current), clock)
            except NotPublished as gone:
                if was_damaged:
                    raise CorruptFile(f"{recorded}: the landed file is gone or damaged, and {gone}") from None
                raise
            if download is not None:
                latest = self._store.current(self._connection.dataset.name, partition)
                if latest != recorded:  # another run has landed something meanwhile
                    current = latest
                return self._adopted(partition, download, current, folder, load)
        if current is None:
            what = partition.of(self._connection.dataset.name)
            raise CorruptFile(f"{what}: the source answered 'unchanged' to an unconditional request")
        return Landed(current, is_unchanged=True)

    def _validators(self, partition: Partition, current: Landing | None) -> Validators | None:
        """Those of the current landing, where they vouch for it: another source's say nothing of this one's."""
        if current is None or self._asks_anew or self._store.refused_at(current) is not None:
            return None
        is_of_this_source = current.url == without_secrets(self._connection.url(partition))
        return Validators(current.etag) if is_of_this_source else None

    def _adopted(
        self, partition: Partition, download: Download, current: Landing | None, folder: Path, load: Load
    ) -> Landed:
        """The landing of a download, its file in place and, if it says anything new, its record written."""
        self._require_kind(partition, download)
        landing = self._known(partition, download, current)
        if landing is None or not self._store.is_intact(landing):
            landed = load(download, folder)
            size = landed.stat().st_size
            landing = landing or self._landing(partition, download, hash_file(landed), size)
            self._store.adopt(landing, landed)
        is_unchanged = current is not None and landing.served_sha256 == current.served_sha256
        if current is not None and is_unchanged and not self._says_anything_new(landing, current):
            return Landed(current, is_unchanged=True)
        self._store.record(landing)
        return Landed(landing, is_unchanged)

    def _says_anything_new(self, landing: Landing, current: Landing) -> bool:
        """Whether there is to be a record of bytes that are current already.

        A new ETag or date is recorded, for the next request to ask with. Of a source that gives another one with each
        answer there would be no end of records.
        """
        lies = Lies.of(self._store.history(landing.dataset, landing.partition))
        return self._asks_anew or not lies.are_alike(landing, current)

    def _known(self, partition: Partition, download: Download, current: Landing | None) -> Landing | None:
        """The landing that a download will be, None if only its loader can tell what will be landed."""
        if not self._connection.source.normalizes:
            return self._landing(partition, download, download.sha256, download.bytes)
        if current is not None and current.served_sha256 == download.sha256:
            return self._landing(partition, download, current.sha256, current.bytes)
        return None

    def _landing(self, partition: Partition, download: Download, sha256: str, size: int) -> Landing:
        place = download.answered_at
        observed_at = min(place, datetime.now(UTC))
        return Landing(
            dataset=self._connection.dataset.name,
            month=partition.key,
            url=download.url,
            etag=download.etag,
            last_modified=download.last_modified,
            bytes=size,
            rows=download.rows,
            sha256=sha256,
            observed_at=observed_at,
            ordered_at=place if place > observed_at else None,
            suffix=self._connection.dataset.suffix,
            answer_sha256=download.sha256 if self._connection.source.normalizes else None,
        )

    def _require_kind(self, partition: Partition, download: Download) -> None:
        """A home holds real records or samples, never both."""
        what = partition.of(self._connection.dataset.name)
        if download.is_sample and not self._of_samples:
            raise ConfigurationError(
                f"{what}: {download.url} serves generated sample data, and this home is for real data; nothing was "
                "kept: set the source's address to the real one, or LAKEHOUSE_SAMPLE=true for a home of samples"
            )
        if self._of_samples and not download.is_sample:
            raise ConfigurationError(
                f"{what}: {download.url} does not serve sample data, and LAKEHOUSE_SAMPLE=true; nothing was kept: "
                "unset it to load real data, or end what else listens there"
            )
