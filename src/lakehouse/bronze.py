"""Where landed files are, and which landing of a month is current.

``<home>/bronze/<dataset>/year=YYYY/month=MM/<sha256 prefix>.parquet`` holds what the source served, byte for
byte; nothing is overwritten or deleted. ``<home>/bronze/_landings/<dataset>/<month>/`` holds one small record
for each landing, written last: the newest is current, and a file without a record was never complete.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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

LANDINGS = "bronze.landings"
"""Name under which landing records can be queried."""

LANDING_COLUMNS = (
    Column("dataset", "STRING", "Dataset the file belongs to"),
    Column("month", "DATE", "First day of the month the file is for"),
    Column("url", "STRING", "Where it was fetched from"),
    Column("etag", "STRING", "Version the source gave it"),
    Column("last_modified", "STRING", "When the source says it last changed"),
    Column("bytes", "INT64", "Size of the file", "bytes"),
    Column("rows", "INT64", "Records in the file", "records"),
    Column("sha256", "STRING", "Hash of its content"),
    Column("observed_at", "STRING", "When it was landed, UTC, ISO 8601"),
    Column("is_current", "BOOL", "Whether it is the month's newest landing"),
)


class Landing(BaseModel):
    """The record of one landed file: a month of a dataset as the source served it at ``observed_at``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    month: str
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str
    observed_at: datetime

    def is_same_version(self, other: Landing | None) -> bool:
        """Whether the source served the same bytes under the same version."""
        if other is None:
            return False
        return (self.sha256, self.etag, self.last_modified) == (other.sha256, other.etag, other.last_modified)


class BronzeStore:
    """Landed files and landing records under one folder."""

    def __init__(self, home: Path) -> None:
        self.root = home / "bronze"
        self._staging = home / "staging"

    def file(self, dataset: str, month: Month, sha256: str) -> Path:
        """Where a landed file is, or will be."""
        return self.root / landed_path(dataset, month, sha256)

    def records(self, dataset: str, month: Month) -> Path:
        """Folder of a month's landing records."""
        return self.root / "_landings" / dataset / str(month)

    def current(self, dataset: str, month: Month) -> Landing | None:
        """The newest landing of a month, None if it was never landed."""
        newest = max(self.records(dataset, month).glob("*.json"), default=None)
        return None if newest is None else _read(newest)

    def open_current(self, dataset: str, month: Month, asset: str) -> tuple[Landing, Path]:
        """The newest landing of a month and its file.

        Raises:
            NotLanded: the month was never landed.
            CorruptFile: its file is gone or has another size than was landed.
        """
        landing = self.current(dataset, month)
        if landing is None:
            raise NotLanded(
                f"{dataset} {month} has not been landed: materialize {asset} for {month} first, "
                f"for example with --select '+{asset}'"
            )
        file = self.file(dataset, month, landing.sha256)
        if not file.exists() or file.stat().st_size != landing.bytes:
            state = "is missing" if not file.exists() else f"is not the {landing.bytes:,} bytes that were landed"
            raise CorruptFile(f"{dataset} {month}: {file} {state}: materialize {asset} for {month} to land it again")
        return landing, file

    def is_intact(self, landing: Landing) -> bool:
        """Whether a landing's file is there with the bytes that were landed."""
        file = self.file(landing.dataset, Month.parse(landing.month), landing.sha256)
        return file.exists() and file.stat().st_size == landing.bytes and hash_file(file) == landing.sha256

    def adopt(self, landing: Landing, landed: Path) -> None:
        """Move a file that was landed on the same disk to its place: atomic, and repairs what is damaged there.

        Raises:
            CorruptFile: the file is not what was fetched.
        """
        if hash_file(landed) != landing.sha256:
            raise CorruptFile(
                f"{landing.dataset} {landing.month}: {landed} was not written whole, is the disk full? "
                "Run the month again"
            )
        file = self.file(landing.dataset, Month.parse(landing.month), landing.sha256)
        file.parent.mkdir(parents=True, exist_ok=True)
        with landed.open("rb") as content:
            os.fsync(content.fileno())
        landed.replace(file)

    def record(self, landing: Landing) -> None:
        """Make a landed file current. Atomic: the record is there whole or not at all.

        A clock that was set back does not make it older than the month's newest record.
        """
        month = Month.parse(landing.month)
        newest = self.current(landing.dataset, month)
        if newest is not None and newest.observed_at >= landing.observed_at:
            landing = landing.model_copy(update={"observed_at": newest.observed_at + timedelta(microseconds=1)})
        folder = self.records(landing.dataset, month)
        folder.mkdir(parents=True, exist_ok=True)
        stamp = landing.observed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        partial = folder / f".{uuid.uuid4().hex}"
        with partial.open("w") as file_:
            file_.write(landing.model_dump_json(indent=2))
            file_.flush()
            os.fsync(file_.fileno())
        partial.replace(folder / f"{stamp}-{landing.sha256[:SHA_PREFIX]}.json")

    def sweep(self, dataset: str, month: Month) -> list[Path]:
        """Remove a month's files that no record names and no running run can still be writing."""
        recorded = {
            self.file(dataset, month, _read(path).sha256) for path in self.records(dataset, month).glob("*.json")
        }
        folder = self.file(dataset, month, "").parent
        cutoff = time.time() - ORPHAN_AGE_SECONDS
        orphans = [path for path in folder.glob("*") if path not in recorded and path.stat().st_mtime < cutoff]
        for path in orphans:
            path.unlink(missing_ok=True)
        return orphans

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A private folder on the same disk for a download; gone afterwards."""
        self._staging.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._staging, prefix="landing-") as folder:
            yield Path(folder)


def landed_path(dataset: str, month: Month, sha256: str) -> str:
    """Path of a landed file inside the bronze folder, of any store."""
    return f"{dataset}/year={month.year:04d}/month={month.month:02d}/{sha256[:SHA_PREFIX]}.parquet"


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Landing:
    try:
        return Landing.model_validate_json(path.read_text())
    except ValidationError as error:
        raise CorruptFile(
            f"{path}: not a landing record ({error.errors()[0]['msg']}): remove it and land the month again"
        ) from None
