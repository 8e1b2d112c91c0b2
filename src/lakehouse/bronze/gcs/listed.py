"""The objects of a bucket as they were at one moment: listed once, however many are asked for.

To look at 500 months one by one takes 1,500 requests, of a twentieth of a second each; to list them all takes one for
each thousand objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import BinaryIO

from lakehouse.bronze.gcs.kind import RECORDS
from lakehouse.bronze.gcs.objects import Kept, Objects
from lakehouse.bronze.records import RECORD_SUFFIX


class ListedObjects:
    """Those of :class:`Objects`, to be read only. Landing records never change, and are read all together."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def uri(self, name: str) -> str:
        """See :meth:`Objects.uri`."""
        return self._objects.uri(name)

    def under(self, prefix: str) -> list[Kept]:
        """See :meth:`Objects.under`."""
        return [kept for name, kept in self._all.items() if name.startswith(prefix)]

    def kept(self, name: str) -> Kept | None:
        """See :meth:`Objects.kept`."""
        return self._all.get(name)

    def read(self, name: str) -> bytes | None:
        """See :meth:`Objects.read`."""
        return self._records[name] if name in self._records else self._objects.read(name)

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """See :meth:`Objects.read_all`."""
        return [self.read(name) for name in names]

    def opened(self, name: str) -> AbstractContextManager[BinaryIO]:
        """See :meth:`Objects.opened`."""
        return self._objects.opened(name)

    @cached_property
    def _all(self) -> Mapping[str, Kept]:
        return {kept.name: kept for kept in self._objects.under("")}

    @cached_property
    def _records(self) -> Mapping[str, bytes | None]:
        names = [name for name in self._all if name.startswith(f"{RECORDS}/") and name.endswith(RECORD_SUFFIX)]
        return dict(zip(names, self._objects.read_all(names), strict=True))
