"""Ranges of months: in words, and whether there is a partition for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lakehouse.exceptions import UnknownMonth
from lakehouse.partition import Month
from lakehouse.settings import EARLIEST_FIRST_MONTH


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


def require_months(first: Month, last: Month, earliest: Month, newest: Month) -> None:
    """Refuse months that there is no partition for.

    Raises:
        UnknownMonth: ``first`` is before the first partition, or ``last`` after the newest.
    """
    if first < earliest:
        raise UnknownMonth(
            f"{first} is before {earliest}, the first month: "
            + (
                f"{EARLIEST_FIRST_MONTH} is the earliest there can be"
                if first < EARLIEST_FIRST_MONTH
                else f"set LAKEHOUSE_FIRST_MONTH={first} or earlier ({EARLIEST_FIRST_MONTH} is the earliest) to have it"
            )
        )
    if last > newest:
        raise UnknownMonth(f"{last} is after {newest}, the newest month: TLC publishes about two months late")
