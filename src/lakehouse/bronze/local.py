"""Landed files on this machine's disk.

``<home>/bronze/<dataset>/year=YYYY/month=MM/<sha256 prefix>.parquet`` holds what the source served, byte for
byte (``<dataset>/all/`` of a dataset that comes whole);
``<home>/bronze/_landings/<dataset>/<month or all>/`` holds the landing records, beside them what models refuse
(``<sha256 prefix>.<model>.refused``) or were made of (``….taken``), and when the source was observed last
(``.observed``).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.bronze.footer import SourceColumn, read_footer
from lakehouse.bronze.marks import Marked
from lakehouse.bronze.observations import next_observation
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
from lakehouse.files import file_uri, hash_file, make_folder, move_durably
from lakehouse.home import ensure_local_home
from lakehouse.partition import Month, Partition
from lakehouse.private_folders import PrivateFolders

_RECORDS = f"*{RECORD_SUFFIX}"

_LANDING = "landing"
"""Kind of the private folders that files are landed in."""


class LocalBronzeStore(Marked):
    """Implements :class:`lakehouse.bronze.store.BronzeStore` under the folder of a home.

    ``readers`` are the models that there are: what others refused counts no more. None stands for any.
    """

    def __init__(self, home: Path, *, of_samples: bool, readers: Collection[str] | None = None) -> None:
        self.root = home / "bronze"
        self._home = home
        self._of_samples = of_samples
        self._records = self.root / "_landings"
        super().__init__(_MarksOnDisk(self._records), readers)
        self._work = PrivateFolders(home / "staging")

    @property
    def is_new(self) -> bool:
        return not self.root.exists()

    def at_once(self) -> LocalBronzeStore:
        return self

    def prepare(self) -> None:
        ensure_local_home(self._home, of_samples=self._of_samples)
        make_folder(self.root)

    def file(self, landing: Landing) -> Path:
        """Where a landed file is, or will be."""
        return self.root / _folder(landing.dataset, landing.partition) / file_name(landing)

    def uri(self, landing: Landing) -> str:
        return file_uri(self.file(landing))

    def size(self, landing: Landing) -> int | None:
        if not landing.has_file:
            return 0
        file = self.file(landing)
        return file.stat().st_size if file.exists() else None

    def is_intact(self, landing: Landing) -> bool:
        if not landing.has_file:
            return True
        return self.size(landing) == landing.bytes and hash_file(self.file(landing)) == landing.sha256

    def footer(self, landing: Landing) -> tuple[SourceColumn, ...]:
        return read_footer(self.file(landing)) if landing.has_file else ()

    def record_folder(self, dataset: str, partition: Partition) -> Path:
        """Folder of the landing records of a dataset, or of a month of it."""
        return self._records / dataset / str(partition)

    def current(self, dataset: str, partition: Partition) -> Landing | None:
        return next(self.history(dataset, partition), None)

    def history(self, dataset: str, partition: Partition) -> Iterator[Landing]:
        return map(_read, sorted(self.record_folder(dataset, partition).glob(_RECORDS), reverse=True))

    def landings(self) -> Iterator[tuple[Landing, bool]]:
        for folder in sorted(self._records.glob("*/*/")):
            records = sorted(folder.glob(_RECORDS))
            yield from ((_read(record), record == records[-1]) for record in records)

    def adopt(self, landing: Landing, landed: Path) -> None:
        require_whole(landing, landed, hash_file(landed))
        move_durably(landed, self.file(landing))

    def observe(self, dataset: str, partition: Partition) -> datetime:
        folder = self.record_folder(dataset, partition)
        newest = self.current(dataset, partition)
        return next_observation(folder / ".observed", None if newest is None else newest.place)

    def record(self, landing: Landing) -> None:
        folder = self.record_folder(landing.dataset, landing.partition)
        make_folder(folder)
        _write(folder / record_name(landing), landing.model_dump_json(indent=2))

    def sweep(self, dataset: str, partition: Partition) -> int:
        there = list((self.root / _folder(dataset, partition)).glob("*"))
        if not there or self._work.are_at_work(_LANDING):  # whoever lands may be about to record what it adopted
            return 0
        # Only now: who was at work when files were listed has recorded them since.
        named = {recorded(path.name) for path in self.record_folder(dataset, partition).glob(_RECORDS)}
        left = [path for path in there if path.stem not in named]
        for path in left:
            path.unlink(missing_ok=True)  # another run may sweep it at the same time
        return len(left)

    def alone(self, dataset: str) -> AbstractContextManager[None]:
        return one_at_a_time(self._work.root, dataset)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """On the same disk, so that a file is adopted by giving it another name."""
        with self._work.folder(_LANDING) as folder:
            yield folder


@dataclass(frozen=True)
class _MarksOnDisk:
    """Implements :class:`lakehouse.bronze.marks.MarkPlace` below a folder."""

    root: Path

    def where(self, name: str) -> str:
        return str(self.root / name)

    def is_there(self, name: str) -> bool:
        return (self.root / name).exists()

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        _write(self.root / name, text)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def under(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        folder, _, name = prefix.rpartition("/")
        for mark in (self.root / folder).glob(f"{name}*"):
            try:
                at = mark.stat().st_mtime
            except FileNotFoundError:  # another run takes the mark off
                continue
            yield f"{folder}/{mark.name}", datetime.fromtimestamp(at, UTC)


def _write(place: Path, text: str) -> None:
    """Whole or not at all."""
    partial = place.with_name(f".{uuid.uuid4().hex}")
    partial.write_text(text)
    move_durably(partial, place)


def _folder(dataset: str, partition: Partition) -> str:
    if isinstance(partition, Month):
        return f"{dataset}/year={partition.year:04d}/month={partition.month:02d}"
    return f"{dataset}/{partition}"


def _read(path: Path) -> Landing:
    return read_record(path.read_bytes(), str(path))
