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
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lakehouse.bronze.footer import SourceColumn, read_footer
from lakehouse.bronze.observations import next_observation
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import CorruptFile
from lakehouse.files import file_uri, hash_file, make_folder, move_durably
from lakehouse.home import ensure_home_kind
from lakehouse.partition import Month, Partition
from lakehouse.private_folders import PrivateFolders

SHA_PREFIX = 32
"""Hexadecimal digits of a landed file's hash in its name."""

_LANDING = "landing"
"""Kind of the private folders that files are landed in."""


_REFUSED, _TAKEN = "refused", "taken"
_NOT_NOTED = "why was not noted"


class _Refusal(BaseModel):
    """What is in the mark of a landing that a model refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held_back: str | None


class LocalBronzeStore:
    """Implements :class:`lakehouse.bronze.store.BronzeStore` under the folder of a home.

    ``readers`` are the models that there are: what others refused counts no more. None stands for any.
    """

    def __init__(self, home: Path, *, of_samples: bool, readers: Collection[str] | None = None) -> None:
        self.root = home / "bronze"
        self._home = home
        self._of_samples = of_samples
        self._readers = readers
        self._records = self.root / "_landings"
        self._work = PrivateFolders(home / "staging")

    @property
    def is_new(self) -> bool:
        return not self.root.exists()

    def prepare(self) -> None:
        ensure_home_kind(self._home, of_samples=self._of_samples)
        make_folder(self.root)

    def file(self, landing: Landing) -> Path:
        """Where a landed file is, or will be."""
        return self.root / _folder(landing.dataset, landing.partition) / f"{_name(landing)}.{landing.suffix}"

    def uri(self, landing: Landing) -> str:
        return file_uri(self.file(landing))

    def size(self, landing: Landing) -> int | None:
        file = self.file(landing)
        return file.stat().st_size if file.exists() else None

    def is_intact(self, landing: Landing) -> bool:
        return self.size(landing) == landing.bytes and hash_file(self.file(landing)) == landing.sha256

    def footer(self, landing: Landing) -> tuple[SourceColumn, ...]:
        return read_footer(self.file(landing))

    def record_folder(self, dataset: str, partition: Partition) -> Path:
        """Folder of the landing records of a dataset, or of a month of it."""
        return self._records / dataset / str(partition)

    def current(self, dataset: str, partition: Partition) -> Landing | None:
        return next(self.history(dataset, partition), None)

    def history(self, dataset: str, partition: Partition) -> Iterator[Landing]:
        return map(_read, sorted(self.record_folder(dataset, partition).glob("*.json"), reverse=True))

    def landings(self) -> Iterator[tuple[Landing, bool]]:
        for folder in sorted(self._records.glob("*/*/")):
            records = sorted(folder.glob("*.json"))
            yield from ((_read(record), record == records[-1]) for record in records)

    def adopt(self, landing: Landing, landed: Path) -> None:
        if hash_file(landed) != landing.sha256:
            raise CorruptFile(f"{landing}: {landed} was not written whole, is the disk full? Run it again")
        move_durably(landed, self.file(landing))

    def observe(self, dataset: str, partition: Partition) -> datetime:
        folder = self.record_folder(dataset, partition)
        newest = self.current(dataset, partition)
        return next_observation(folder / ".observed", None if newest is None else newest.place)

    def record(self, landing: Landing) -> None:
        folder = self.record_folder(landing.dataset, landing.partition)
        make_folder(folder)
        stamp = landing.place.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        _write(folder / f"{stamp}-{_name(landing)}.json", landing.model_dump_json(indent=2))

    def refuse(self, landing: Landing, reader: str, held_back: str | None) -> None:
        mark = self._mark(landing, reader)
        try:
            words = self.held_back(landing, reader) if held_back is None else held_back
        except CorruptFile:
            words = _NOT_NOTED
        _write(mark, _Refusal(held_back=words).model_dump_json())
        self._mark(landing, reader, _TAKEN).unlink(missing_ok=True)

    def is_refused(self, landing: Landing, reader: str) -> bool:
        return self._mark(landing, reader).exists()

    def is_taken(self, landing: Landing, reader: str) -> bool:
        return self._mark(landing, reader, _TAKEN).exists()

    def held_back(self, landing: Landing, reader: str) -> str | None:
        mark = self._mark(landing, reader)
        try:
            noted = mark.read_bytes()
        except FileNotFoundError:
            return None
        if not noted:  # older versions left marks empty
            return _NOT_NOTED
        try:
            return _Refusal.model_validate_json(noted).held_back
        except ValidationError:
            raise CorruptFile(
                f"{mark}: does not say why {reader} refuses {landing}: remove it if that landing is right"
            ) from None

    def accept(self, landing: Landing, reader: str) -> None:
        taken = self._mark(landing, reader, _TAKEN)
        if not taken.exists():
            _write(taken, "")
        self._mark(landing, reader).unlink(missing_ok=True)

    def refused_at(self, landing: Landing) -> datetime | None:
        times = [datetime.fromtimestamp(at, UTC) for mark in self._marks(landing) if (at := _written_at(mark))]
        return max(times, default=None)

    def _marks(self, landing: Landing) -> Iterator[Path]:
        """Those of models that there are."""
        any_mark = self._mark(landing, "*")
        for mark in any_mark.parent.glob(any_mark.name):
            reader = mark.name.partition(".")[2].removesuffix(".refused")
            if self._readers is None or reader in self._readers:
                yield mark

    def _mark(self, landing: Landing, reader: str, verdict: str = _REFUSED) -> Path:
        """Named by what the source served, which it may serve, and be refused for, again."""
        folder = self.record_folder(landing.dataset, landing.partition)
        return folder / f"{landing.served_sha256[:SHA_PREFIX]}.{reader}.{verdict}"

    def sweep(self, dataset: str, partition: Partition) -> int:
        there = set((self.root / _folder(dataset, partition)).glob("*"))
        if not there or self._work.are_at_work(_LANDING):  # whoever lands may be about to record what it adopted
            return 0
        # Only now: who was at work when files were listed has recorded them since.
        left = there - {self.file(_read(path)) for path in self.record_folder(dataset, partition).glob("*.json")}
        for path in left:
            path.unlink(missing_ok=True)  # another run may sweep it at the same time
        return len(left)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """On the same disk, so that a file is adopted by giving it another name."""
        with self._work.folder(_LANDING) as folder:
            yield folder


def _write(place: Path, text: str) -> None:
    """Whole or not at all."""
    partial = place.with_name(f".{uuid.uuid4().hex}")
    partial.write_text(text)
    move_durably(partial, place)


def _written_at(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another run takes the mark off
        return None


def _name(landing: Landing) -> str:
    return landing.sha256[:SHA_PREFIX]


def _folder(dataset: str, partition: Partition) -> str:
    if isinstance(partition, Month):
        return f"{dataset}/year={partition.year:04d}/month={partition.month:02d}"
    return f"{dataset}/{partition}"


def _read(path: Path) -> Landing:
    try:
        return Landing.model_validate_json(path.read_text())
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is no text in UTF-8"
        raise CorruptFile(f"{path}: not a landing record ({reason}): remove it and land it again") from None
