"""Where stores of landed files keep things: on a disk, or in a bucket. To look at, and to damage, from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.partition import Month

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

MONTH = Month(2024, 1)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


class Place(Protocol):
    """What stores that are opened there share; ``name`` is of a thing in it, with slashes."""

    @property
    def root(self) -> str:
        """What messages call it."""
        ...

    def open(self, *, of_samples: bool = False, readers: Collection[str] | None = None) -> BronzeStore: ...

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, content: bytes) -> None: ...

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True)
class Disk:
    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "bronze"

    @property
    def root(self) -> str:
        return str(self.folder)

    def open(self, *, of_samples: bool = False, readers: Collection[str] | None = None) -> LocalBronzeStore:
        return LocalBronzeStore(self.home, of_samples=of_samples, readers=readers)

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()


@dataclass(frozen=True)
class InBucket:
    bucket: Bucket
    home: Path
    prefix: str = ""

    @property
    def root(self) -> str:
        return f"gs://{self.bucket.name}/{self._before.rstrip('/')}"

    @property
    def _before(self) -> str:
        return f"{self.prefix}/bronze/" if self.prefix else "bronze/"

    def open(self, *, of_samples: bool = False, readers: Collection[str] | None = None) -> GcsBronzeStore:
        return GcsBronzeStore(self.bucket, self.home, of_samples=of_samples, prefix=self.prefix, readers=readers)

    def names(self) -> list[str]:
        return [blob.name.removeprefix(self._before) for blob in self.bucket.list_blobs(prefix=self._before)]

    def read(self, name: str) -> bytes:
        return cast("bytes", self.bucket.blob(self._before + name).download_as_bytes())

    def write(self, name: str, content: bytes) -> None:
        self.bucket.blob(self._before + name).upload_from_string(content)

    def remove(self, name: str) -> None:
        self.bucket.delete_blob(self._before + name)


def name_of(place: Place, landing: Landing) -> str:
    """Of a landed file."""
    return place.open().uri(landing).removeprefix("file://").removeprefix(f"{place.root}/")


def records(place: Place, dataset: str = "green", partition: str = str(MONTH)) -> list[str]:
    """Names of the landing records, the newest last."""
    folder = f"_landings/{dataset}/{partition}/"
    return [name for name in place.names() if name.startswith(folder) and name.endswith(".json")]


def landing_of(content: bytes, observed_at: datetime = NOON, etag: str = '"1"') -> Landing:
    return Landing(
        dataset="green",
        month=str(MONTH),
        url="file:///source",
        etag=etag,
        last_modified=None,
        bytes=len(content),
        rows=1,
        sha256=hashlib.sha256(content).hexdigest(),
        observed_at=observed_at,
    )


def adopt(store: BronzeStore, landing: Landing, content: bytes) -> None:
    with store.workspace() as folder:
        (folder / "landed").write_bytes(content)
        store.adopt(landing, folder / "landed")


def land(store: BronzeStore, content: bytes, observed_at: datetime = NOON, etag: str = '"1"') -> Landing:
    landing = landing_of(content, observed_at, etag)
    adopt(store, landing, content)
    store.record(landing)
    return landing
