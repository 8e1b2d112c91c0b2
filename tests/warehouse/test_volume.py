"""What counts as a large loss between two versions of a month, or of a file that comes whole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.volume import losses

MONTH = Month(2024, 1)
BEFORE = Statistics(
    rows=50_000,
    records=50_010,
    nulls={"payment_type": 3_000, "ehail_fee": 50_000},
    rejected={"pickup_outside_month": 10},
    money={"total_amount": Decimal("1120000.00"), "tip_amount": Decimal("110000.00"), "ehail_fee": Decimal(0)},
)


def scaled(factor: float) -> Statistics:
    """As many of all."""
    return Statistics(
        rows=int(BEFORE.rows * factor),
        records=int(BEFORE.records * factor),
        nulls={name: int(count * factor) for name, count in BEFORE.nulls.items()},
        rejected={name: int(count * factor) for name, count in BEFORE.rejected.items()},
        money={name: total * Decimal(factor) for name, total in BEFORE.money.items()},
    )


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        (BEFORE, ()),
        (scaled(0.999), ()),
        (scaled(0.9), ()),
        (scaled(0.899), ("50,000 rows became 44,950 (10.1% lost)",)),
        (scaled(0.12), ("50,000 rows became 6,000 (88.0% lost)",)),
        (scaled(2), ()),
        (replace(BEFORE, nulls={**BEFORE.nulls, "payment_type": 8_000}), ()),
        (
            replace(BEFORE, nulls={**BEFORE.nulls, "payment_type": 8_001}),
            ("NULL in payment_type went from 6.0% to 16.0%",),
        ),
        (replace(BEFORE, rejected={"pickup_outside_month": 1_010}), ()),
        (
            replace(BEFORE, rejected={"pickup_outside_month": 1_011}),
            ("rejected for pickup_outside_month went from 0.02% to 2.02%",),
        ),
        (
            replace(BEFORE, money={name: total / 2 for name, total in BEFORE.money.items()}),
            (
                "total_amount went from 22.40 to 11.20 USD a row (-50.0%)",
                "tip_amount went from 2.20 to 1.10 USD a row (-50.0%)",
            ),
        ),
        (
            replace(BEFORE, money={name: total * 100 for name, total in BEFORE.money.items()}),
            (
                "total_amount went from 22.40 to 2240.00 USD a row (+9900.0%)",
                "tip_amount went from 2.20 to 220.00 USD a row (+9900.0%)",
            ),
        ),
        (replace(BEFORE, money={**BEFORE.money, "tip_amount": Decimal("137500.00")}), ()),
        (replace(BEFORE, money={**BEFORE.money, "tip_amount": Decimal("88000.00")}), ()),
        (
            replace(BEFORE, money={**BEFORE.money, "tip_amount": Decimal("87995.00")}),
            ("tip_amount went from 2.20 to 1.76 USD a row (-20.0%, by more than a factor of 1.25)",),
        ),
        (
            replace(BEFORE, money={**BEFORE.money, "tip_amount": Decimal("137505.00")}),
            ("tip_amount went from 2.20 to 2.75 USD a row (+25.0%, by more than a factor of 1.25)",),
        ),
        (
            replace(BEFORE, money={**BEFORE.money, "tip_amount": Decimal("-110000.00")}),
            ("tip_amount went from 2.20 to -2.20 USD a row (-200.0%)",),
        ),
        (replace(BEFORE, money={**BEFORE.money, "ehail_fee": Decimal("90000.00")}), ()),
        (Statistics(0), ("50,000 rows became 0 (100.0% lost)",)),
    ],
)
def test_what_is_beyond_a_bound_is_named_and_what_is_on_it_is_not(now: Statistics, lost: tuple[str, ...]) -> None:
    assert losses(BEFORE, now, MONTH) == lost


@pytest.mark.parametrize(
    ("before", "now", "partition", "lost"),
    [
        (10, 3, WHOLE, "10 rows became 3 (70.0% lost)"),
        (265, 200, WHOLE, "265 rows became 200 (24.5% lost)"),
        (10, 9, WHOLE, None),
        (10, 8, WHOLE, "10 rows became 8 (20.0% lost)"),
        (2, 1, WHOLE, "2 rows became 1 (50.0% lost)"),
        (99, 1, MONTH, None),
        (100, 1, MONTH, "100 rows became 1 (99.0% lost)"),
    ],
)
def test_of_a_whole_file_each_record_counts_and_of_a_month_shares_of_a_hundred(
    before: int, now: int, partition: Partition, lost: str | None
) -> None:
    assert losses(Statistics(before), Statistics(now), partition) == (() if lost is None else (lost,))


def test_what_was_not_looked_at_before_or_now_is_not_compared() -> None:
    new = replace(BEFORE, nulls={**BEFORE.nulls, "new_column": 50_000})
    assert losses(BEFORE, new, MONTH) == ()
    assert losses(new, BEFORE, MONTH) == ()
    assert losses(Statistics(50_000), replace(BEFORE, nulls={"payment_type": 50_000}), MONTH) == ()


def test_small_parts_of_the_money_tell_from_ten_thousand_rows_on() -> None:
    before = Statistics(10_000, money={"total_amount": Decimal(200_000), "tolls_amount": Decimal(3_800)})
    now = replace(before, money={**before.money, "tolls_amount": Decimal(2_300)})
    assert losses(before, now, MONTH) == ("tolls_amount went from 0.38 to 0.23 USD a row (-39.5%)",)
    assert losses(replace(before, rows=9_999), replace(now, rows=9_999), MONTH) == ()


def test_a_month_that_had_nothing_has_nothing_to_lose() -> None:
    assert losses(Statistics(0), BEFORE, MONTH) == ()
    assert losses(Statistics(0), Statistics(0), WHOLE) == ()


def test_statistics_are_kept_to_the_cent() -> None:
    assert Statistics.of_plain(BEFORE.plain()) == BEFORE
