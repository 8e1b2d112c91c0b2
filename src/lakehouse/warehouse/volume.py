"""A month, or a whole file, against its own version before: a large loss holds it back unless a person accepts it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator

from lakehouse.models.checks.kinds import VOLUME
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import CheckResult
from lakehouse.warehouse.statistics import Statistics

LOST = "lost"
"""Fact of the check: what would be lost, in words."""

MOST_ROWS_LOST = 0.10
"""Share of the rows. What TLC restates it restates by records that were late or wrong: neighbouring months of green
differ by a tenth, so a month that loses as much of itself is not the month that it was."""

MOST_NULLS_GAINED = 0.10
"""Of the share of NULLs of a column, 0.10 is ten points. The block of records without payment, passengers and codes is
4 to 12 % of real months of green, 31 % of the oddest: a month does not gain one by being restated."""

MOST_REJECTS_GAINED = 0.02
"""Of the share of the records that a reject rule takes. Real months have 0.04 % at the most, and above 5 %
`rejected_share` blocks by itself."""

MOST_MONEY_CHANGED = 1.25
"""Times more, or less, money of a column than a row had on average: what undoes a change is as large as the change.
From one month to the next, all of it differs by 2 % and the smallest parts by 8 %; cents for dollars are far beyond."""

_NEAR = 0.001
"""Of a bound: a share that is shown as the bound itself is said to be beyond it."""

FEWEST_ROWS = 100
"""Of a month. Shares of fewer rows say nothing; no month of any source has so few. A whole file may be small: of that
each record counts."""


def held_back(checks: Iterable[CheckResult]) -> str | None:
    """What would be lost of a version, in words, if it is the check of volume that keeps another one from it."""
    lost = (each.facts.get(LOST, each.description) for each in checks if each.name == VOLUME and not each.passed)
    return next(map(str, lost), None)


def losses(before: Statistics, now: Statistics, partition: Partition, of: str = "rows") -> tuple[str, ...]:
    """What of a version that is to be replaced would be lost, each in words; none of a version that had nothing."""
    if not before.rows or (partition is not WHOLE and before.rows < FEWEST_ROWS):
        return ()
    return tuple(_losses(before, now, of))


def fewer_landed(before: int, now: int, partition: Partition) -> tuple[str, ...]:
    """What of the records that were landed before is lost, in words, if it is too much; for all that is known."""
    return losses(Statistics(before), Statistics(now), partition, of="landed records")


def _losses(before: Statistics, now: Statistics, of: str) -> Iterator[str]:
    lost = 1 - now.rows / before.rows
    if lost > MOST_ROWS_LOST:
        yield f"{before.rows:,} {of} became {now.rows:,} ({lost:.1%} lost)"
    for column, was in before.null_shares.items():
        share = now.null_shares.get(column, was)
        if share - was > MOST_NULLS_GAINED:
            yield f"NULL in {column} went from {was:.1%} to {share:.1%}"
    for reason, was in before.reject_shares.items():
        share = now.reject_shares.get(reason, was)
        if share - was > MOST_REJECTS_GAINED:
            yield f"rejected for {reason} went from {was:.2%} to {share:.2%}"
    for column, amount in before.telling_money_a_row.items():
        money = now.money_a_row.get(column, amount)
        times = money / amount
        farthest = max(times, 1 / times) if times > 0 else math.inf
        if farthest > MOST_MONEY_CHANGED * (1 + sys.float_info.epsilon * 4):
            is_near = farthest < MOST_MONEY_CHANGED + _NEAR
            beyond = f", by more than a factor of {MOST_MONEY_CHANGED}" if is_near else ""
            yield f"{column} went from {amount:.2f} to {money:.2f} USD a row ({times - 1:+.1%}{beyond})"
