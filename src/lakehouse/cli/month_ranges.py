"""Months in words: those that follow each other together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lakehouse.partition import Month


def ranges(months: Iterable[Month]) -> Iterator[tuple[Month, Month]]:
    """First and last of months that follow each other."""
    ordered = sorted(months)
    start = 0
    for position, month in enumerate(ordered, start=1):
        if position == len(ordered) or ordered[position] != month.next():
            yield ordered[start], month
            start = position


def spans(months: Iterable[Month]) -> str:
    """Months on one line: ``2024-01, 2024-03 to 2024-06``."""
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges(months))
