"""What models say of landings, that they refuse or took them: the same wherever marks are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from lakehouse.bronze.records import (
    NOT_NOTED,
    REFUSED,
    TAKEN,
    mark_name,
    marks_prefix,
    read_refusal,
    refuser,
    write_refusal,
)
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import CorruptFile


class MarkPlace(Protocol):
    """Where marks are kept, each called ``<dataset>/<month or all>/<its own name>``."""

    def where(self, name: str) -> str:
        """Its place, for messages."""
        ...

    def is_there(self, name: str) -> bool: ...

    def read(self, name: str) -> bytes | None:
        """What is in it, None if there is none."""
        ...

    def write(self, name: str, text: str) -> None:
        """Whole or not at all, in the place of what was there."""
        ...

    def remove(self, name: str) -> None:
        """If there is one."""
        ...

    def under(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Names that begin so, each with when it was written last."""
        ...


class Marked:
    """The part of :class:`lakehouse.bronze.store.BronzeStore` that is about marks; see there.

    ``readers`` are the models that there are: what others refused counts no more. None stands for any.
    """

    def __init__(self, marks: MarkPlace, readers: Collection[str] | None) -> None:
        self._marks = marks
        self._readers = readers

    def refuse(self, landing: Landing, reader: str, held_back: str | None) -> None:
        try:
            words = self.held_back(landing, reader) if held_back is None else held_back
        except CorruptFile:
            words = NOT_NOTED
        self._marks.write(_mark(landing, reader), write_refusal(words))
        self._marks.remove(_mark(landing, reader, TAKEN))

    def is_refused(self, landing: Landing, reader: str) -> bool:
        return self._marks.is_there(_mark(landing, reader))

    def is_taken(self, landing: Landing, reader: str) -> bool:
        return self._marks.is_there(_mark(landing, reader, TAKEN))

    def held_back(self, landing: Landing, reader: str) -> str | None:
        mark = _mark(landing, reader)
        noted = self._marks.read(mark)
        return None if noted is None else read_refusal(noted, self._marks.where(mark), landing, reader)

    def accept(self, landing: Landing, reader: str) -> None:
        if not self.is_taken(landing, reader):
            self._marks.write(_mark(landing, reader, TAKEN), "")
        self._marks.remove(_mark(landing, reader))

    def refused_at(self, landing: Landing) -> datetime | None:
        marks = self._marks.under(f"{landing.dataset}/{landing.partition}/{marks_prefix(landing)}")
        return max((at for name, at in marks if self._counts(refuser(name.rpartition("/")[2]))), default=None)

    def _counts(self, reader: str | None) -> bool:
        return reader is not None and (self._readers is None or reader in self._readers)


def _mark(landing: Landing, reader: str, verdict: str = REFUSED) -> str:
    return f"{landing.dataset}/{landing.partition}/{mark_name(landing, reader, verdict)}"
