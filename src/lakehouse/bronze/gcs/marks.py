"""Marks in a bucket, beside the landing records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lakehouse.bronze.gcs.kind import RECORDS
from lakehouse.bronze.gcs.objects import Objects


@dataclass(frozen=True)
class MarksInBucket:
    """Implements :class:`lakehouse.bronze.marks.MarkPlace`."""

    objects: Objects

    def where(self, name: str) -> str:
        return self.objects.uri(f"{RECORDS}/{name}")

    def is_there(self, name: str) -> bool:
        return self.objects.kept(f"{RECORDS}/{name}") is not None

    def read(self, name: str) -> bytes | None:
        return self.objects.read(f"{RECORDS}/{name}")

    def write(self, name: str, text: str) -> None:
        self.objects.write(f"{RECORDS}/{name}", text)

    def remove(self, name: str) -> None:
        self.objects.remove(f"{RECORDS}/{name}")

    def under(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        for kept in self.objects.under(f"{RECORDS}/{prefix}"):
            yield kept.name.removeprefix(f"{RECORDS}/"), kept.changed_at
