"""A real month against a restated copy of itself, and two real months as landings of one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lakehouse.partition import Month
from tests.warehouse.implementations import House, LocalImplementation, house_in
from tests.warehouse.test_restatements_drawn import SILVER, gold_rows

JANUARY = Month(2023, 1)
_TIMES = ("lpep_pickup_datetime", "lpep_dropoff_datetime")
_OF_ROWS = ("copies", "bronze_sha256", "change", "records")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        yield house


def green(real_data: Path, month: str) -> pa.Table:
    return pq.read_table(real_data / "tlc" / "trip-data" / f"green_tripdata_{month}.parquet")


def restated(table: pa.Table) -> pa.Table:
    """Another tip and total in one trip of a hundred, one of a thousand gone, another there twice."""
    number = pa.array(range(table.num_rows))
    every = pc.equal(pc.subtract(number, pc.multiply(pc.divide(number, 100), 100)), 7)
    for name in ("tip_amount", "total_amount"):
        dearer = pc.if_else(every, pc.add(table[name], 0.75), table[name])
        table = table.set_column(table.column_names.index(name), name, dearer)
    gone = pc.equal(pc.subtract(number, pc.multiply(pc.divide(number, 1000), 1000)), 3)
    twice = pc.equal(pc.subtract(number, pc.multiply(pc.divide(number, 1000), 1000)), 5)
    return pa.concat_tables([table.filter(twice), table.filter(pc.invert(gone))])


def records(rows: pa.Table, many: str, *changes: str) -> Counter[tuple[Any, ...]]:
    """How often there is each record."""
    if changes:
        rows = rows.filter(pc.is_in(rows["change"], pa.array(changes)))
    values = [rows[name].to_pylist() for name in rows.column_names if name not in _OF_ROWS]
    counted: Counter[tuple[Any, ...]] = Counter()
    for copies, *record in zip(rows[many].to_pylist(), *values, strict=True):
        counted[tuple(record)] += copies
    return counted


def test_old_and_difference_are_new_and_gold_is_as_foretold(house: House, real_data: Path) -> None:
    table = green(real_data, "2023-01")
    house.land(JANUARY, table)
    for model in ("green_silver", "green_gold"):
        house.replace(model, JANUARY)
    old, old_gold = records(house.warehouse.query(SILVER), "copies"), gold_rows(house)
    house.land(JANUARY, restated(table))
    shown: list[pa.Table] = []
    compared = house.warehouse.compare(house.models["green_silver"], JANUARY, (), shown.append).difference
    silver = house.replace("green_silver", JANUARY)
    new = records(house.warehouse.query(SILVER), "copies")

    gone, come = (records(shown[0], "records", *kinds) for kinds in (("removed", "before"), ("added", "after")))
    assert old - gone + come == new
    assert (gone, come) == (old - new, new - old)
    assert silver.restatement is not None
    assert silver.restatement.difference == compared
    assert compared is not None
    assert set(compared.by_column) == {"tip_amount", "total_amount"}
    assert compared.changed == (table.num_rows + 92) // 100  # no trip of one in a hundred is rejected, gone or twice
    (gold,) = silver.restatement.consequences
    made = house.replace("green_gold", JANUARY)
    assert made.restatement is not None
    assert made.restatement.difference == gold.difference
    new_gold = gold_rows(house)
    assert gold.rows is not None
    assert gold.rows.num_rows == sum(old_gold[keys] != new_gold[keys] for keys in old_gold)
    for row in gold.rows.to_pylist():
        keys = (row["month"], row["payment_type"])
        assert row["total_amount_before"] == old_gold[keys]["total_amount"]
        assert row["total_amount_after"] == new_gold[keys]["total_amount"]


def test_two_real_months_as_landings_of_one_name_have_hardly_a_record_in_common(house: House, real_data: Path) -> None:
    january, february = (green(real_data, month) for month in ("2023-01", "2023-02"))
    for name in _TIMES:
        earlier = pc.subtract(february[name], pa.scalar(timedelta(days=31)))
        february = february.set_column(february.column_names.index(name), name, earlier)
    landings = [house.land(JANUARY, table) for table in (january, february)]
    shown: list[pa.Table] = []
    found = house.warehouse.compare(house.models["green_silver"], JANUARY, landings, shown.append)
    assert found.difference is not None
    for landing, is_old in zip(landings, (True, False), strict=True):
        kinds = ("removed", "before") if is_old else ("added", "after")
        count = found.difference.removed if is_old else found.difference.added
        assert records(shown[0], "records", *kinds).total() == count
        assert landing.rows - 50 < count + found.difference.kept <= landing.rows
    assert found.difference.kept < 10
    (gold,) = found.consequences
    assert gold.difference is not None
    assert gold.rows is not None
    sides = (gold.rows[f"total_amount_{side}"].to_pylist() for side in ("before", "after"))
    before, after = (sum((amount for amount in side if amount is not None), Decimal(0)) for side in sides)
    assert after - before == found.difference.sums["total_amount"]
