"""Partitions: what is landed, computed and published in one piece, and the unit of every run."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final


class Partition(ABC):
    """All of a dataset or table that comes whole, or one period of it."""

    @property
    @abstractmethod
    def key(self) -> str | None:
        """What Dagster and landing records call it; None of a whole, which has no key."""

    @abstractmethod
    def of(self, what: str) -> str:
        """What it is called in messages: ``green 2024-01``, or ``zones`` of a whole."""


class Whole(Partition):
    """All of what does not come by the period; there is one, :data:`WHOLE`."""

    @property
    def key(self) -> None:
        return None

    def of(self, what: str) -> str:
        return what

    def __str__(self) -> str:
        return "all"

    def __repr__(self) -> str:
        return "WHOLE"

    def __reduce__(self) -> str:
        return "WHOLE"  # so that a copy, or what another process is handed, is the same one


WHOLE: Final = Whole()


class Period(Partition):
    """A stretch of time, in naive New York time; periods of a kind follow each other without a gap."""

    @property
    @abstractmethod
    def start(self) -> datetime:
        """First instant, inclusive."""

    @property
    @abstractmethod
    def end(self) -> datetime:
        """First instant of the next period, exclusive."""

    @property
    def first_day(self) -> date:
        return self.start.date()

    @property
    def key(self) -> str:
        return str(self)

    def of(self, what: str) -> str:
        return f"{what} {self}"


_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, order=True)
class Month(Period):
    """A calendar month, written ``YYYY-MM``."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.month <= 12 and 1 <= self.year <= 9998):
            raise ValueError(f"{self.year}-{self.month} is not a month")

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read ``YYYY-MM``.

        Raises:
            ValueError: the text is not a month in that form.
        """
        match = _MONTH.fullmatch(text)
        if match is None or not 1 <= int(match[2]) <= 12:
            raise ValueError(f"'{text}' is not a month: write it as YYYY-MM, for example 2024-01")
        return cls(int(match[1]), int(match[2]))

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1)

    @property
    def end(self) -> datetime:
        return self.next().start

    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def previous(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def partition_of(key: str | None) -> Partition:
    """The partition that Dagster or a landing record calls so.

    Raises:
        ValueError: it is no key of a partition.
    """
    return WHOLE if key is None else Month.parse(key)


def partition_named(name: str) -> Partition:
    """The partition that is called so in a name of ours, as ``str`` gives it.

    Raises:
        ValueError: none is.
    """
    return WHOLE if name == str(WHOLE) else partition_of(name)


def month_range(first: Month, last: Month) -> Iterator[Month]:
    """Every month from ``first`` to ``last``, both included."""
    month = first
    while month <= last:
        yield month
        month = month.next()
