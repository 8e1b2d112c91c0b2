"""A month against up to twelve published ones around it: what is far from usual is warned of, and how far.

Bounds are those of the months themselves: their median, and either side of it some spreads (1.4826 times the median
distance from the median, which of normal values is the standard deviation), but never less than a least distance. An
odd month among them moves neither much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lakehouse.partition import Partition, Period
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.volume import FEWEST_ROWS

MOST_MONTHS = 12
"""As many are looked at, the nearest first: a year has every season."""

FARTHEST_DAYS = 366
"""Months that are further away say nothing of this one: green had 1.8 M rows in 2015 and 50,000 in 2024."""

FEWEST_MONTHS = 3
"""Of fewer there is no telling what is usual."""

SPREADS = 4
"""Of normal values one in 16,000 is further away; months are not normal, so the least distances below matter too."""

LEAST_FACTOR = 1.5
"""Rows, and money a row, may always be so many times more or less than usual. Of 414 months of yellow, green and FHV
that TLC has published with three before them, 22 are not: docs/guards.md lists them, each with its cause."""

LEAST_NULLS = 0.20
"""Twenty points more NULLs than usual are never warned of: green has 4 to 12 %, and 31 % in its oddest month."""

LEAST_REJECTS = 0.01
"""One point more rejected records than usual is never warned of: real months have 0.04 % at the most."""


@dataclass(frozen=True)
class Bounds:
    """Between what a figure would be usual, and what it is."""

    what: str
    low: float
    high: float
    value: float
    form: str

    @property
    def is_usual(self) -> bool:
        return self.low <= self.value <= self.high

    def shown(self, number: float) -> str:
        return format(number, self.form)

    def __str__(self) -> str:
        usual = f"{self.shown(self.low)} to {self.shown(self.high)}"
        return f"{self.what} {self.shown(self.value)}, usual are {usual}"


def around(partition: Partition, published: Mapping[Partition, Statistics]) -> tuple[Statistics, ...]:
    """Those of the months around one that say what is usual for it; each had rows when it was published."""
    if not isinstance(partition, Period):
        return ()
    distances = {
        other: (abs((other.start - partition.start).days), other.start)
        for other, statistics in published.items()
        if isinstance(other, Period) and other != partition and statistics.rows
    }
    near = [other for other, (days, _) in distances.items() if days <= FARTHEST_DAYS]
    return tuple(published[other] for other in sorted(near, key=lambda other: distances[other])[:MOST_MONTHS])


def usual_bounds(now: Statistics, others: Sequence[Statistics]) -> tuple[Bounds, ...]:
    """What is usual of each figure by what other months say, that of the rows first; none where they are too few."""
    if len(others) < FEWEST_MONTHS or median(each.rows for each in others) < FEWEST_ROWS:
        return ()
    return tuple(_bounds(now, others))


def _bounds(now: Statistics, others: Sequence[Statistics]) -> Iterator[Bounds]:
    yield Bounds("rows", *_by_factor([each.rows for each in others]), now.rows, ",.0f")
    for column, value in now.money_a_row.items():
        values = [each.telling_money_a_row.get(column, 0) for each in others if column in each.money]
        if len(values) >= FEWEST_MONTHS and min(values) > 0:
            yield Bounds(f"{column} in USD a row", *_by_factor(values), value, ",.2f")
    for column, value in now.null_shares.items():
        values = [each.null_shares[column] for each in others if column in each.null_shares]
        if len(values) >= FEWEST_MONTHS:
            yield Bounds(f"share of NULL in {column}", 0, _most(values, LEAST_NULLS), value, ".1%")
    for reason, value in now.reject_shares.items():
        values = [each.reject_shares[reason] for each in others if reason in each.reject_shares]
        if len(values) >= FEWEST_MONTHS:
            yield Bounds(f"share rejected for {reason}", 0, _most(values, LEAST_REJECTS), value, ".2%")


def _by_factor(values: Sequence[float]) -> tuple[float, float]:
    """On a logarithmic scale, where twice as much is as far away as a half."""
    middle, distance = _middle_and_distance([math.log(value) for value in values], math.log(LEAST_FACTOR))
    return math.exp(middle - distance), math.exp(middle + distance)


def _most(values: Sequence[float], least: float) -> float:
    return min(1.0, sum(_middle_and_distance(values, least)))


def _middle_and_distance(values: Sequence[float], least: float) -> tuple[float, float]:
    middle = median(values)
    spread = 1.4826 * median(abs(value - middle) for value in values)
    return middle, max(SPREADS * spread, least)
