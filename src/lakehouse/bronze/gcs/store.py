"""Landed files in a bucket of Cloud Storage.

``gs://<bucket>/<prefix>/bronze/<dataset>/<YYYY-MM>/<sha256 prefix>.parquet`` holds what the source served, byte for
byte (``<dataset>/all/`` of a dataset that comes whole): no folder is called ``name=value``, of which whoever reads
parquet would make a column. ``…/bronze/_landings/<dataset>/<YYYY-MM or all>/`` holds the landing records, each one line
of JSON that BigQuery can read where it lies, beside them the models' marks and when the source was observed last, as on
a disk. ``…/bronze/_kind`` says whether all that is real data or samples.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lakehouse.bronze.footer import SourceColumn, footer_of
from lakehouse.bronze.gcs.columns import read_columns, write_columns
from lakehouse.bronze.gcs.kind import RECORDS, ensure_kind, is_new
from lakehouse.bronze.gcs.listed import ListedObjects
from lakehouse.bronze.gcs.marks import MarksInBucket
from lakehouse.bronze.gcs.objects import NEW, Kept, Objects
from lakehouse.bronze.gcs.observations import next_observation
from lakehouse.bronze.marks import Marked
from lakehouse.bronze.observations import write_observation
from lakehouse.bronze.records import (
    RECORD_SUFFIX,
    file_name,
    read_record,
    record_name,
    recorded,
    require_whole,
)
from lakehouse.bronze.store import Landing
from lakehouse.bronze.turns import one_at_a_time
from lakehouse.exceptions import CommitConflict, CorruptFile
from lakehouse.partition import Partition
from lakehouse.private_folders import PrivateFolders

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

_OBSERVED, _SWEPT = ".observed", ".swept"

_SHA256, _MD5, _RECORDED_AT, _COLUMNS = "sha256", "md5", "recorded_at", "columns"
"""What is noted of landed files."""

_SWEPT_AFTER = timedelta(days=1)
"""How old a file without a record is before it is removed.

A run changes a file right before it records it, by noting so: between the two are the moments of one request, of which
Google's client repeats what fails for a minute. A machine that sleeps between them for less than a day is safe, too.
"""

_HASHED_BYTES = 1024 * 1024

_LANDING = "landing"
"""Kind of the private folders that files are landed in."""


class GcsBronzeStore(Marked):
    """Implements :class:`lakehouse.bronze.store.BronzeStore` in a bucket, under ``prefix`` if there is one.

    Files are downloaded below ``home``, a folder of this machine, and nothing else is kept there. ``readers`` are the
    models that there are: what others refused counts no more. None stands for any.
    """

    def __init__(
        self,
        bucket: Bucket,
        home: Path,
        *,
        of_samples: bool,
        prefix: str = "",
        readers: Collection[str] | None = None,
    ) -> None:
        folder = prefix.strip("/")
        self._objects = Objects(bucket, f"{folder}/bronze/" if folder else "bronze/")
        self._reading: Objects | ListedObjects = self._objects
        self.root = self._objects.uri("").rstrip("/")
        self._of_samples = of_samples
        super().__init__(MarksInBucket(self._objects), readers)
        self._work = PrivateFolders(home / "staging")

    @property
    def is_new(self) -> bool:
        return is_new(self._objects)

    def prepare(self) -> None:
        ensure_kind(self._objects, of_samples=self._of_samples)

    def uri(self, landing: Landing) -> str:
        return self._objects.uri(_file(landing))

    def size(self, landing: Landing) -> int | None:
        if not landing.has_file:
            return 0
        kept = self._reading.kept(_file(landing))
        return None if kept is None else kept.bytes

    def is_intact(self, landing: Landing) -> bool:
        """See the protocol; what Cloud Storage says of the object is believed, and none of it is downloaded.

        It is when it has the landing's size, whoever wrote it noted the landing's hash and its MD5, and Cloud Storage
        computed that MD5 of what it keeps. So an object that was cut, overwritten or put there by hand is noticed,
        also with bytes of the same number; one of which it has no MD5 is taken for damaged. Not noticed is who forges
        the notes with the bytes, nor what Cloud Storage itself would not notice of its own disks.
        """
        if not landing.has_file:
            return True
        kept = self._reading.kept(_file(landing))
        return kept is not None and _is_whole(kept, landing)

    def at_once(self) -> GcsBronzeStore:
        looked_at = copy(self)
        looked_at._reading = ListedObjects(self._objects)
        return looked_at

    def footer(self, landing: Landing) -> tuple[SourceColumn, ...]:
        """See the protocol; as it was noted when the file was adopted, else from the file itself."""
        if not landing.has_file:
            return ()
        kept = self._reading.kept(_file(landing))
        noted = None if kept is None or not _is_whole(kept, landing) else read_columns(kept.notes.get(_COLUMNS))
        if noted is not None:
            return noted
        with self._reading.opened(_file(landing)) as file:
            return footer_of(file, landing.suffix, self.uri(landing))

    def current(self, dataset: str, partition: Partition) -> Landing | None:
        return next(self.history(dataset, partition), None)

    def history(self, dataset: str, partition: Partition) -> Iterator[Landing]:
        for name in reversed(self._records(_folder(dataset, partition))):
            if (landing := self._read(name, self._reading.read(name))) is not None:
                yield landing

    def landings(self) -> Iterator[tuple[Landing, bool]]:
        names = self._records("")
        contents = dict(zip(names, self._reading.read_all(names), strict=True))
        for _, group in groupby(names, lambda name: name.rpartition("/")[0]):
            records = [*group]
            for name in records:
                if (landing := self._read(name, contents[name])) is not None:
                    yield landing, name == records[-1]

    def _records(self, folder: str) -> list[str]:
        """Names of the landing records below a folder, the newest of each last."""
        names = [kept.name for kept in self._reading.under(f"{RECORDS}/{folder}")]
        return sorted((name for name in names if name.endswith(RECORD_SUFFIX)), key=lambda name: name.split("/"))

    def _read(self, name: str, content: bytes | None) -> Landing | None:
        """The landing of a record; None of one that was removed since it was listed."""
        return None if content is None else read_record(content, self._reading.uri(name))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        with self._work.folder(_LANDING) as folder:
            yield folder

    def adopt(self, landing: Landing, landed: Path) -> None:
        """See the protocol; what is there whole is not sent again."""
        sha256, md5 = _hashes(landed)
        require_whole(landing, landed, sha256)
        kept = self._objects.kept(_file(landing))
        if kept is None or kept.md5 != md5 or not _is_whole(kept, landing):
            notes = {_SHA256: landing.sha256, _MD5: md5, **_noted_columns(landing, landed)}
            self._objects.upload(_file(landing), landed, md5=md5, notes=notes)

    def observe(self, dataset: str, partition: Partition) -> datetime:
        """See the protocol.

        Raises:
            CorruptFile: the current record cannot be read.
            CommitConflict: others kept observing the same.
        """
        name = f"{RECORDS}/{_folder(dataset, partition)}{_OBSERVED}"
        newest = self.current(dataset, partition)
        return next_observation(self._objects, name, None if newest is None else newest.place)

    def record(self, landing: Landing) -> None:
        """See the protocol; the file is noted as recorded first, so that nobody sweeps it any more.

        Raises:
            CorruptFile: the file is gone.
            CommitConflict: another run recorded something else at the same place.
        """
        if landing.has_file and not self._touched(landing):
            raise CorruptFile(f"{landing}: {self.uri(landing)} is missing, and was not recorded: land it again")
        name = f"{RECORDS}/{_folder(landing.dataset, landing.partition)}{record_name(landing)}"
        content = landing.model_dump_json()
        # A repeated request finds what the first one wrote.
        is_there = self._objects.write(name, content, instead_of=NEW) is None
        if is_there and self._objects.read(name) != content.encode():
            raise CommitConflict(f"{self._objects.uri(name)}: another run recorded something else there; run it again")

    def _touched(self, landing: Landing) -> bool:
        """Note of a file that it is recorded; False if it is gone."""
        kept = self._objects.kept(_file(landing))
        return kept is not None and self._objects.touch(kept, {_RECORDED_AT: write_observation(datetime.now(UTC))})

    def alone(self, dataset: str) -> AbstractContextManager[None]:
        """See the protocol. Of two machines each records what it read, in the order of the source's clock.

        Nothing is lost by that: each window begins where one that was recorded ended, and a record is never replaced.
        """
        return one_at_a_time(self._work.root, dataset)

    def sweep(self, dataset: str, partition: Partition) -> int:
        """See the protocol: which runs are at work elsewhere is not known, so files are left for a day."""
        there = self._objects.under(_folder(dataset, partition))
        if not there:
            return 0
        # Only now: who was at work when files were listed may have recorded them since.
        named = {recorded(name) for name in self._records(_folder(dataset, partition))}
        left = [kept for kept in there if PurePosixPath(kept.name).stem not in named]
        if not left:
            return 0
        # By the clock that says how old they are: ours may be wrong.
        looked = self._objects.write(f"{RECORDS}/{_folder(dataset, partition)}{_SWEPT}", "")
        old = [kept for kept in left if looked is not None and looked.changed_at - kept.changed_at >= _SWEPT_AFTER]
        return sum(map(self._objects.remove_unchanged, old))


def _noted_columns(landing: Landing, landed: Path) -> dict[str, str]:
    """What a file says of its columns, to be noted; nothing of one that says nothing that can be read."""
    try:
        with landed.open("rb") as file:
            text = write_columns(footer_of(file, landing.suffix, str(landed)))
    except CorruptFile:  # whoever reads it says so
        return {}
    return {} if text is None else {_COLUMNS: text}


def _folder(dataset: str, partition: Partition) -> str:
    return f"{dataset}/{partition}/"


def _file(landing: Landing) -> str:
    return f"{_folder(landing.dataset, landing.partition)}{file_name(landing)}"


def _is_whole(kept: Kept, landing: Landing) -> bool:
    noted = kept.notes.get(_MD5)
    return kept.bytes == landing.bytes and kept.notes.get(_SHA256) == landing.sha256 and noted == kept.md5 is not None


def _hashes(file: Path) -> tuple[str, str]:
    """SHA-256, hexadecimal, and MD5 as Cloud Storage writes it: the latter detects damage, and proves nothing."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        while part := content.read(_HASHED_BYTES):
            sha256.update(part)
            md5.update(part)
    return sha256.hexdigest(), base64.b64encode(md5.digest()).decode()
