"""Where landed files are, and which landing of a month is current.

``<home>/bronze/<dataset>/year=YYYY/month=MM/<sha256 prefix>.parquet`` holds what the source served, byte for
byte (``<dataset>/all/`` of a dataset that comes whole); nothing is overwritten or deleted.
``<home>/bronze/_landings/<dataset>/<month or all>/`` holds one small record for each landing, written last: the
newest is current, and a file without a record was never complete.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from lakehouse.exceptions import CorruptFile, NotLanded
from lakehouse.month import Month
from lakehouse.schema import Column

SHA_PREFIX = 32
"""Hexadecimal digits of a landed file's hash in its name."""

ORPHAN_AGE_SECONDS = 3600.0
"""A file without a record may belong to a run that is still at work; past this age none is."""

_WHOLE = "all"

LANDINGS = "bronze.landings"
"""Name under which landing records can be queried."""

LANDING_COLUMNS = (
    Column("dataset", "STRING", "Dataset the file belongs to"),
    Column("month", "DATE", "First day of the month the file is for, NULL of a dataset that comes whole"),
    Column("url", "STRING", "Where it was fetched from"),
    Column("etag", "STRING", "Version the source gave it"),
    Column("last_modified", "STRING", "When the source says it last changed"),
    Column("bytes", "INT64", "Size of the file", "bytes"),
    Column("rows", "INT64", "Records in the file", "records"),
    Column("sha256", "STRING", "SHA-256 of the file"),
    Column("answer_sha256", "STRING", "SHA-256 of the source's answer, where the file was made from it"),
    Column("observed_at", "STRING", "When it was landed, UTC, ISO 8601"),
    Column("is_current", "BOOL", "Whether it is the month's newest landing"),
)


class Landing(BaseModel):
    """The record of one landed file: a dataset, or a month of it, as the source served it at ``observed_at``.

    The file is the source's answer, byte for byte, unless ``answer_sha256`` says what it was made from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    month: str | None
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str
    observed_at: datetime
    suffix: str = "parquet"
    answer_sha256: str | None = None

    def __str__(self) -> str:
        return f"{self.dataset} {self.month or ''}".strip()

    @property
    def period(self) -> Month | None:
        """The month it is for, None for a dataset that comes whole."""
        return None if self.month is None else Month.parse(self.month)

    @property
    def served_sha256(self) -> str:
        """Hash of what the source served."""
        return self.answer_sha256 or self.sha256

    def is_same_version(self, other: Landing | None) -> bool:
        """Whether the source served the same bytes under the same version."""
        if other is None:
            return False
        ours, theirs = ((each.served_sha256, each.etag, each.last_modified) for each in (self, other))
        return ours == theirs


class BronzeStore:
    """Landed files and landing records under one folder."""

    def __init__(self, home: Path) -> None:
        self.root = home / "bronze"
        self._staging = home / "staging"

    def file(self, landing: Landing) -> Path:
        """Where a landed file is, or will be."""
        return self.root / landed_path(landing)

    def records(self, dataset: str, month: Month | None) -> Path:
        """Folder of the landing records of a dataset, or of a month of it."""
        return self.root / "_landings" / dataset / (str(month) if month else _WHOLE)

    def current(self, dataset: str, month: Month | None) -> Landing | None:
        """The newest landing, None if there is none."""
        newest = max(self.records(dataset, month).glob("*.json"), default=None)
        return None if newest is None else _read(newest)

    def open_current(self, dataset: str, month: Month | None, asset: str) -> tuple[Landing, Path]:
        """The newest landing and its file.

        Raises:
            NotLanded: there is none.
            CorruptFile: its file is gone or has another size than was landed.
        """
        landing = self.current(dataset, month)
        what, how = f"{dataset} {month or ''}".strip(), f"materialize {asset}{f' for {month}' if month else ''}"
        if landing is None:
            raise NotLanded(f"{what} has not been landed: {how} first, for example with --select '+{asset}'")
        file = self.file(landing)
        if not file.exists() or file.stat().st_size != landing.bytes:
            state = "is missing" if not file.exists() else f"is not the {landing.bytes:,} bytes that were landed"
            raise CorruptFile(f"{what}: {file} {state}: {how} to land it again")
        return landing, file

    def is_there(self, landing: Landing) -> bool:
        """Whether a landing's file is there in the size that was landed."""
        file = self.file(landing)
        return file.exists() and file.stat().st_size == landing.bytes

    def is_intact(self, landing: Landing) -> bool:
        """Whether a landing's file is there with the bytes that were landed."""
        return self.is_there(landing) and hash_file(self.file(landing)) == landing.sha256

    def adopt(self, landing: Landing, landed: Path) -> None:
        """Move a file that was landed on the same disk to its place: atomic, and repairs what is damaged there.

        Raises:
            CorruptFile: the file is not what was fetched.
        """
        if hash_file(landed) != landing.sha256:
            raise CorruptFile(f"{landing}: {landed} was not written whole, is the disk full? Run it again")
        file = self.file(landing)
        file.parent.mkdir(parents=True, exist_ok=True)
        with landed.open("rb") as content:
            os.fsync(content.fileno())
        landed.replace(file)

    def record(self, landing: Landing) -> None:
        """Make a landed file current. Atomic: the record is there whole or not at all.

        A clock that was set back does not make it older than the newest record there is; another run's record of
        what the source served later does.
        """
        newest = self.current(landing.dataset, landing.period)
        if newest is not None and newest.observed_at >= max(landing.observed_at, datetime.now(UTC)):
            landing = landing.model_copy(update={"observed_at": newest.observed_at + timedelta(microseconds=1)})
        folder = self.records(landing.dataset, landing.period)
        folder.mkdir(parents=True, exist_ok=True)
        stamp = landing.observed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        partial = folder / f".{uuid.uuid4().hex}"
        with partial.open("w") as file_:
            file_.write(landing.model_dump_json(indent=2))
            file_.flush()
            os.fsync(file_.fileno())
        partial.replace(folder / f"{stamp}-{landing.sha256[:SHA_PREFIX]}.json")

    def sweep(self, dataset: str, month: Month | None) -> list[Path]:
        """Remove files that no record names and no running run can still be writing."""
        recorded = {self.file(_read(path)) for path in self.records(dataset, month).glob("*.json")}
        folder = self.root / _folder(dataset, month)
        cutoff = time.time() - ORPHAN_AGE_SECONDS
        orphans = []
        for path in folder.glob("*"):
            with suppress(FileNotFoundError):  # another run may sweep it at the same time
                if path not in recorded and path.stat().st_mtime < cutoff:
                    path.unlink()
                    orphans.append(path)
        return orphans

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A private folder on the same disk for a download; gone afterwards."""
        self._staging.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._staging, prefix="landing-") as folder:
            yield Path(folder)


def landed_path(landing: Landing) -> str:
    """Path of a landed file inside the bronze folder, of any store."""
    return f"{_folder(landing.dataset, landing.period)}/{landing.sha256[:SHA_PREFIX]}.{landing.suffix}"


def _folder(dataset: str, month: Month | None) -> str:
    return f"{dataset}/year={month.year:04d}/month={month.month:02d}" if month else f"{dataset}/{_WHOLE}"


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Landing:
    try:
        return Landing.model_validate_json(path.read_text())
    except ValidationError as error:
        raise CorruptFile(
            f"{path}: not a landing record ({error.errors()[0]['msg']}): remove it and land it again"
        ) from None
