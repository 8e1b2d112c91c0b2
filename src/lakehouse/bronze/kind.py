"""What a file looks like, whatever it is called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of file: ``what`` it is in words, and the columns that its files have and no others (``marks``)."""

    what: str
    marks: tuple[str, ...]

    def fits(self, names: Collection[str]) -> bool:
        """Whether a file with columns of these names, in small letters, looks like one."""
        return all(mark.lower() in names for mark in self.marks)
