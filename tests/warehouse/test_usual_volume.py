"""What is usual of a month by those around it; what that warns of over all that TLC published until 2024-05."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.partition import WHOLE, Month, Partition, month_range
from lakehouse.results import CheckResult
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.guards import Guards
from lakehouse.warehouse.publication_note import PublicationNote
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.store import Record
from lakehouse.warehouse.usual_volume import around, usual_bounds
from tests.loading import models_of
from tests.warehouse.memory import Held, MemoryRecords

MONTH = Month(2024, 1)
FIRST = Month(2023, 1)

CORONA = ("2020-03", "2020-04", "2020-05", "2020-06", "2020-07")
IN_ORDER = {
    "yellow": (*CORONA, "2020-08"),
    "green": (*CORONA, "2020-08"),
    "fhv": ("2019-02", "2019-03", "2019-04", "2019-05", "2019-06", "2019-07", *CORONA[1:]),
}
"""Months with unusually many or few rows by those before them, as they are when months are run in their order."""

AMONG_ALL = {"yellow": (), "green": ("2014-01",), "fhv": ("2019-09",)}
"""The same by those before and after, as they are when a month of a whole history is restated."""


MODELS = {"yellow": "taxi_silver", "green": "green_silver", "fhv": "fhv_silver"}
RECORD = Record(frozenset(), "", 1, 1, None, None)


def year(rows: int = 1000, **others: Mapping[str, Any]) -> dict[Partition, Statistics]:
    """Months of 2023, all alike."""
    return {month: Statistics(rows, rows, **others) for month in month_range(FIRST, Month(2023, 12))}


def odd(now: Statistics, published: Mapping[Partition, Statistics]) -> list[str]:
    return [str(each) for each in usual_bounds(now, around(MONTH, published)) if not each.is_usual]


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        (1000, []),
        (667, []),
        (1499, []),
        (666, ["rows 666, usual are 667 to 1,500"]),
        (1501, ["rows 1,501, usual are 667 to 1,500"]),
        (0, ["rows 0, usual are 667 to 1,500"]),
    ],
)
def test_rows_may_be_half_as_many_more_than_those_of_even_months(rows: int, warning: list[str]) -> None:
    assert odd(Statistics(rows), year()) == warning


def test_months_that_differ_widen_the_bounds() -> None:
    published = year()
    for number, month in enumerate(published):
        published[month] = Statistics(1000 + 100 * number)
    assert odd(Statistics(3000), published) == []
    assert odd(Statistics(5000), published) == ["rows 5,000, usual are 503 to 4,773"]


def test_one_odd_month_among_them_moves_nothing() -> None:
    assert odd(Statistics(1501), {**year(), Month(2023, 12): Statistics(1)}) == ["rows 1,501, usual are 667 to 1,500"]


def test_fewer_than_three_months_say_nothing() -> None:
    published = dict(list(year().items())[-2:])
    assert usual_bounds(Statistics(1), around(MONTH, published)) == ()
    published[MONTH.next()] = Statistics(1000)
    assert odd(Statistics(1), published) == ["rows 1, usual are 667 to 1,500"]


def test_months_too_small_for_shares_say_nothing() -> None:
    assert usual_bounds(Statistics(1), around(MONTH, year(99))) == ()


def test_the_nearest_twelve_within_a_year_either_way_are_looked_at() -> None:
    months = list(month_range(Month(2022, 1), Month(2025, 12)))
    published: dict[Partition, Statistics] = {month: Statistics(number + 1) for number, month in enumerate(months)}
    at = months.index(MONTH) + 1
    assert sorted(each.rows for each in around(MONTH, published)) == [*range(at - 6, at), *range(at + 1, at + 7)]
    far: dict[Partition, Statistics] = {Month(2023, 1): Statistics(1), Month(2025, 1): Statistics(2)}
    assert len(around(MONTH, far)) == 2
    assert around(MONTH, {Month(2022, 12): Statistics(1), Month(2025, 2): Statistics(2)}) == ()


def test_the_month_itself_and_months_without_rows_are_not_looked_at() -> None:
    assert around(MONTH, {MONTH: Statistics(5), MONTH.next(): Statistics(0), WHOLE: Statistics(5)}) == ()
    assert around(WHOLE, year()) == ()


def test_nulls_rejects_and_money_are_held_against_what_is_usual_of_each() -> None:
    published = year(nulls={"tip_amount": 50}, rejected={"late": 1}, money={"tip_amount": Decimal(2000)})
    wrong = Statistics(1000, 1000, {"tip_amount": 300}, {"late": 12}, {"tip_amount": Decimal("20.00")})
    assert odd(wrong, published) == [
        "tip_amount in USD a row 0.02, usual are 1.33 to 3.00",
        "share of NULL in tip_amount 30.0%, usual are 0.0% to 25.0%",
        "share rejected for late 1.20%, usual are 0.00% to 1.10%",
    ]
    right = Statistics(1000, 1000, {"tip_amount": 250}, {"late": 11}, {"tip_amount": Decimal(2900)})
    assert odd(right, published) == []


def test_what_only_newer_months_have_says_nothing_of_what_is_usual() -> None:
    published = year()
    published[Month(2023, 12)] = Statistics(1000, 1000, {"new": 0}, {}, {"new": Decimal(750)})
    assert odd(Statistics(1000, 1000, {"new": 1000}, {}, {"new": Decimal(0)}), published) == []


# Over all that TLC published


@pytest.fixture(scope="module")
def published(real_data: Path) -> Mapping[str, Mapping[Partition, Statistics]]:
    """Rows of each month of the datasets that we have, by their files."""
    found: dict[str, dict[Partition, Statistics]] = defaultdict(dict)
    with (real_data / "reference" / "tlc_published_files_2015-2024.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["file_record_type"] in IN_ORDER:
                month = Month(int(row["file_year"]), int(row["file_month"]))
                found[row["file_record_type"]][month] = Statistics(int(row["file_num_rows"]))
    return found


def judged(
    dataset: str, month: Partition, rows: int, seen: Mapping[Partition, Statistics]
) -> tuple[CheckResult, CheckResult]:
    """What guards say of a month that is landed where others are published: these."""
    model = models_of(PROJECT_ROOT / "sql")[MODELS[dataset]]
    notes = {m: PublicationNote("0" * 64, statistics, (), None).text for m, statistics in seen.items() if m != month}
    held = {(model.table.name, m): Held(pa.table({}), RECORD, note) for m, note in notes.items()}
    records = MemoryRecords(held, frozenset(), {}, {})
    guards = Guards(model, month, "1" * 64, rows, records, None, lambda: None, lambda: None)
    volume, usual = guards.judge(Statistics(rows), is_blocked=False).results
    return volume, usual


@pytest.mark.parametrize("dataset", IN_ORDER)
def test_over_tlcs_history_nothing_is_held_back_and_what_warns_is_what_the_documentation_lists(
    published: Mapping[str, Mapping[Partition, Statistics]], dataset: str
) -> None:
    months = sorted(published[dataset], key=str)
    assert len(months) > 100
    in_order, among_all, held_back = list[str](), list[str](), list[Partition]()
    for number, month in enumerate(months):
        near = {m: published[dataset][m] for m in months[max(0, number - 13) : number + 14]}
        before = {m: statistics for m, statistics in near.items() if str(m) < str(month)}
        for seen, warned in ((before, in_order), (near, among_all)):
            volume, usual = judged(dataset, month, published[dataset][month].rows, seen)
            held_back += [month] if not volume.passed or usual.blocking else []
            warned.extend([] if usual.passed else [str(month)])
    assert (tuple(in_order), tuple(among_all), held_back) == (IN_ORDER[dataset], AMONG_ALL[dataset], [])
    listed = (PROJECT_ROOT / "docs" / "guards.md").read_text()
    assert [month for month in {*in_order, *among_all} if month not in listed] == []
