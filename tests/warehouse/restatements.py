"""Restatements drawn at random, and what the difference between two tables is by counting, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from lakehouse.partition import Month
from tests.green_files import trip

Row = dict[str, Any]
_MONEY = ("fare_amount", "tip_amount", "total_amount", "trip_distance")
_ABSENT = ("payment_type", "passenger_count", "RatecodeID", "store_and_fwd_flag", "PULocationID", "VendorID")
_NEITHER = ("copies", "bronze_sha256", "change", "records")


def drawn_month(month: Month, random: Random) -> list[Row]:
    """Trips of which some are there several times, and some have the identity of another."""
    rows: list[Row] = []
    for number in range(random.randint(5, 60)):
        row = trip(
            month, number, payment_type=random.choice([1, 2, 3, None]), total_amount=random.choice([12.0, -12.0])
        )
        rows += [row] * random.choice([1, 1, 1, 2, 3])
        if random.random() < 0.2:
            rows.append({**row, "total_amount": -row["total_amount"], "fare_amount": -row["fare_amount"]})
    return rows


def restated(rows: list[Row], month: Month, random: Random) -> list[Row]:
    """Rows as a source might restate them: lost, come, copied, changed in whatever columns, in another order."""
    share = random.choice([0.0, 0.05, 0.3, 1.0])
    new: list[Row] = []
    for row in rows:
        change = random.random() < share
        fate = random.choice(["lost", "copied", "money", "absent", "moved"]) if change else "kept"
        if fate == "lost":
            continue
        if fate == "money":
            changed = {name: random.randint(-9, 9) / 4 for name in random.sample(_MONEY, random.randint(1, 3))}
            new.append({**row, **changed})
        elif fate == "absent":
            new.append({**row, random.choice(_ABSENT): None})
        elif fate == "moved":
            new.append({**row, "DOLocationID": random.randint(1, 263), "lpep_pickup_datetime": month.start})
        else:
            new += [row] * (1 if fate == "kept" else random.randint(2, 3))
    new += [trip(month, 100 + number) for number in range(random.choice([0, 0, 1, 5]))]
    random.shuffle(new)
    return new or rows[:1]


def records(rows: Iterable[Mapping[str, Any]], many: str = "copies") -> Counter[tuple[Any, ...]]:
    """How often there is each record of a silver table, or of a difference."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        counted[tuple(value for name, value in row.items() if name not in _NEITHER)] += row[many]
    return counted


def by_change(rows: Iterable[Mapping[str, Any]]) -> dict[str, Counter[tuple[Any, ...]]]:
    """The records of a difference by what they are."""
    rows = list(rows)
    return {
        kind: records((row for row in rows if row["change"] in kinds), "records")
        for kind, kinds in {"gone": ("removed", "before"), "come": ("added", "after")}.items()
    }
