"""What tells new rows from old ones: exact as multisets, counterparts found, gold's effect foretold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.exceptions import NotLanded
from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Month
from lakehouse.results import Difference, Effect, ReplaceResult
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse import restatement
from lakehouse.warehouse.compared import compared as how_compared
from lakehouse.warehouse.difference import AFTER, BEFORE, CHANGES, MORE
from lakehouse.warehouse.difference import difference as find_difference
from lakehouse.warehouse.local.records import IcebergRecords
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Work
from tests import fhv_files, reference_files, yellow_files
from tests.green_files import trip, trips
from tests.warehouse.implementations import RUN_ID, House, LocalImplementation, house_in, local_store

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def restated(house: House, *rows: Mapping[str, Any], month: Month = JANUARY) -> ReplaceResult:
    house.land(month, [dict(row) for row in rows])
    return house.replace("green_silver", month)


def difference(result: ReplaceResult) -> Difference:
    assert result.restatement is not None
    assert result.restatement.difference is not None, result.restatement.fault
    return result.restatement.difference


def told(result: ReplaceResult) -> Any:
    return next(check for check in result.checks if check.name == "restatement")


def test_a_restatement_says_which_records_went_came_changed_and_stayed(house: House) -> None:
    first, second, third, fourth = trips(JANUARY, 4)
    assert restated(house, first, first, second, third).restatement is None
    result = restated(house, first, second, {**third, "total_amount": 15.0, "tip_amount": 3.0}, fourth)
    found = difference(result)
    assert (found.before, found.after, found.added, found.removed, found.kept) == (4, 4, 2, 2, 2)
    assert (found.changed, dict(found.by_column)) == (1, {"tip_amount": 1, "total_amount": 1})
    assert found.sums["total_amount"] == Decimal("3.00")
    assert told(result).description == "1 changed, 1 removed, 1 added, 2 kept, of 4 records that were published"
    assert told(result).facts["changed_columns"] == "tip_amount 1, total_amount 1"


def test_the_same_records_in_another_file_and_order_are_no_difference(house: House) -> None:
    rows = [*trips(JANUARY, 20), trip(JANUARY, 3)]
    restated(house, *rows)
    result = restated(house, *rows[::-1])
    assert difference(result).is_empty
    assert result.restatement is not None
    assert result.restatement.consequences == ()
    assert told(result).passed


def test_a_void_is_the_counterpart_of_what_it_was_not_of_the_trip_that_it_voids(house: House) -> None:
    paid = trip(JANUARY, 1, fare_amount=10.0, total_amount=12.0)
    void = trip(JANUARY, 1, fare_amount=-10.0, total_amount=-12.0)
    restated(house, *trips(JANUARY, 1), paid, void)
    found = difference(
        restated(house, *trips(JANUARY, 1), {**paid, "total_amount": 13.0}, {**void, "total_amount": -13.0})
    )
    assert (found.changed, dict(found.by_column)) == (2, {"total_amount": 2})
    assert "total_amount" not in found.sums


def test_gold_is_told_of_by_its_grain_with_old_values_beside_new_ones(house: House) -> None:
    rows = trips(JANUARY, 4)
    restated(house, *rows)
    house.replace("green_gold", JANUARY)
    result = restated(house, {**rows[0], "total_amount": 20.0}, *rows[1:])
    assert result.restatement is not None
    (gold,) = result.restatement.consequences
    assert (gold.asset, gold.partition, gold.fault) == ("green_gold", JANUARY, None)
    assert gold.rows is not None
    (row,) = gold.rows.to_pylist()
    assert (row["payment_type"], row["change"]) == (1, "changed")
    assert (row["total_amount_before"], row["total_amount_after"]) == (Decimal("24.00"), Decimal("32.00"))
    assert "trip_count_before" not in row
    assert told(result).facts["effect on green_gold 2024-01"] == "1 changed of 2 rows; total_amount +8.00"
    made = house.replace("green_gold", JANUARY)
    assert difference(made) == gold.difference


def test_a_restatement_that_is_large_warns_and_one_that_is_small_is_just_stated(house: House) -> None:
    restated(house, *trips(JANUARY, 100))
    few = restated(house, *trips(JANUARY, 95))
    assert (told(few).passed, told(few).blocking) == (True, False)
    many = restated(house, *trips(JANUARY, 90))
    assert (told(many).passed, told(many).severity, told(many).failing) == (False, "warn", 5)


def test_what_is_made_first_or_left_as_it_is_says_that_nothing_was_replaced(house: House) -> None:
    for _ in range(2):
        result = restated(house, *trips(JANUARY, 3))
        assert result.restatement is None
        assert (told(result).passed, told(result).facts) == (True, {})
        assert house.replace("green_gold", JANUARY).restatement is None


def test_months_that_are_made_of_a_table_that_comes_whole_are_told_of(house: House) -> None:
    house.publish_zones()
    for month in (JANUARY, FEBRUARY):
        house.land_yellow(month, [yellow_files.trip(month, number) for number in range(3)])
        house.land_fhv(month, [fhv_files.trip(month, number) for number in range(3)])
        for model in ("taxi_silver", "fhv_silver", "trips_gold"):
            house.replace(model, month)
    house.land_zones(reference_files.zones_csv().replace("Queens", "Bronx"))
    result = house.replace("zones_silver", WHOLE)
    assert (difference(result).changed, dict(difference(result).by_column)) == (263, {"borough": 263})
    assert result.restatement is not None
    told_of = {each.partition: each for each in result.restatement.consequences}
    assert told_of.keys() == {JANUARY, FEBRUARY}
    for month in (JANUARY, FEBRUARY):
        foretold = told_of[month].difference
        assert foretold is not None
        assert set(foretold.by_column) == {"borough"}
        assert difference(house.replace("trips_gold", month)) == foretold


def test_copies_are_counted_and_paired_one_by_one(house: House) -> None:
    same = trip(JANUARY, 1)
    other = {**same, "total_amount": 13.0}
    restated(house, *[same] * 5)
    found = difference(restated(house, *[same] * 2, *[other] * 2))
    assert (found.before, found.after, found.removed, found.added, found.changed) == (5, 4, 3, 2, 2)
    assert Counter(found.by_column) == {"total_amount": 2}


def test_further_copies_of_records_that_were_there_are_called_so(house: House) -> None:
    rows = trips(JANUARY, 3)
    restated(house, *rows, rows[0])
    doubled = restated(house, *rows, rows[0], *rows, rows[0])
    assert difference(doubled).copied == 4
    assert told(doubled).description.startswith(
        "0 changed, 0 removed, 4 added (all of them further copies of records that were there), 4 kept, of 4"
    )
    assert told(doubled).facts["records_copied"] == 4
    both = told(restated(house, *rows, rows[0], *rows, rows[0], rows[1], trip(JANUARY, 9)))
    assert "2 added (1 of them further copies of records that were there), 8 kept" in both.description
    void = {**rows[0], "total_amount": 0.0}
    restated(house, *rows, void)
    counterpart = restated(house, *rows, rows[0])  # of the same trip as what is gone
    assert told(counterpart).description.startswith("1 changed, 0 removed, 0 added, 3 kept, of 4")


def compared(house: House, *landings: Any, key: str = "green_silver", month: Any = JANUARY) -> Any:
    return house.warehouse.compare(house.models[key], month, landings)


def test_two_landings_are_compared_whatever_is_published_and_nothing_is_changed(house: House) -> None:
    rows = trips(JANUARY, 4)
    first = house.land(JANUARY, rows)
    second = house.land(JANUARY, [{**rows[0], "total_amount": 20.0}, *rows[1:]])
    found = compared(house, first, second)
    assert (found.difference.changed, dict(found.difference.by_column)) == (1, {"total_amount": 1})
    (gold,) = found.consequences
    assert gold.rows.to_pylist()[0]["total_amount_before"] == Decimal("24.00")
    assert compared(house, second, first).difference.sums["total_amount"] == Decimal("-8.00")
    assert house.warehouse.holdings()["green_silver"].partitions == {}

    house.replace("green_silver", JANUARY)
    version = house.warehouse.holdings()["green_silver"].partitions[JANUARY].version
    assert compared(house).difference.is_empty
    assert compared(house, first).difference.sums["total_amount"] == Decimal("-8.00")
    assert house.warehouse.holdings()["green_silver"].partitions[JANUARY].version == version


def test_a_month_that_is_damaged_is_replaced_though_it_cannot_be_compared(tmp_path: Path) -> None:
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        restated(house, *trips(JANUARY, 4))
        tables = IcebergTables(tmp_path / "home", of_samples=False)
        (file,) = IcebergRecords(tables).paths(house.models["green_silver"].table, JANUARY)
        file.write_bytes(bytes(file.stat().st_size))
        tables.close()
        result = restated(house, *trips(JANUARY, 5))
        assert result.effect is Effect.PUBLISHED
        assert result.restatement is not None
        assert result.restatement.difference is None
        assert told(result).passed
        assert file.name in str(told(result).facts["not_compared"])


def test_what_is_not_published_cannot_be_compared_with(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, 3))
    with pytest.raises(NotLanded, match=r"diff: green_silver 2024-01: nothing of it is published"):
        compared(house)


def test_gold_is_compared_with_what_its_silver_would_make_now(house: House) -> None:
    restated(house, *trips(JANUARY, 4))
    house.replace("green_gold", JANUARY)
    restated(house, *trips(JANUARY, 5))
    found = compared(house, key="green_gold")
    assert found.difference.sums["trip_count"] == 1
    assert found.consequences == ()


def test_a_table_without_a_months_partition_is_told_of_as_a_whole(house: House) -> None:
    (house.sql / "gold" / "all_gold.sql").write_text(ALL_MONTHS)
    house.reopen()
    for month in (JANUARY, FEBRUARY):
        restated(house, *trips(month, 4), month=month)
    house.replace("all_gold", WHOLE)
    result = restated(house, *trips(FEBRUARY, 6), month=FEBRUARY)
    assert result.restatement is not None
    (told_of,) = (each for each in result.restatement.consequences if each.asset == "all_gold")
    assert told_of.rows is not None
    assert told_of.rows.to_pylist() == [
        {"vendor_id": n, "change": "changed", "n_before": 4, "n_after": 5} for n in (1, 2)
    ]
    assert difference(house.replace("all_gold", WHOLE)) == told_of.difference


ALL_MONTHS = """/*
description: Records of all months by vendor
table: gold.all_by_vendor
grain: [vendor_id]
columns:
  n: {type: INT64, description: Records}
*/
SELECT vendor_id, COUNT(*) AS n FROM silver.green_trips GROUP BY vendor_id
"""


ZONED = """/*
description: Records of a month by borough
table: gold.zoned
grain: [month, borough]
partition: month
columns:
  month: {type: DATE, description: First day of the month of the pickup}
  n: {type: INT64, description: Records}
*/
SELECT CAST(DATE_TRUNC(t.pickup_at, MONTH) AS DATE) AS month, z.borough, COUNT(*) AS n
FROM silver.green_trips AS t
INNER JOIN silver.zones AS z ON z.location_id = t.pickup_location_id
WHERE t.pickup_at >= @partition_start AND t.pickup_at < @partition_end
GROUP BY month, z.borough
"""
ALL_ZONED = """/*
description: Records of all months by borough
table: gold.all_zoned
grain: [borough]
columns:
  total: {type: INT64, description: Records}
*/
SELECT borough, SUM(n) AS total FROM gold.zoned GROUP BY borough
"""
MANY_ZONED = """/*
description: Boroughs of a month with many records
table: gold.many_zoned
grain: [month, borough]
partition: month
columns:
  n: {type: INT64, description: Records}
*/
SELECT month, borough, n FROM gold.zoned
WHERE n > 1 AND month >= CAST(@partition_start AS DATE) AND month < CAST(@partition_end AS DATE)
"""


@pytest.fixture
def zoned(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Two months of what is made of zones, and what is made of that in turn; a run looks at one month of each."""
    monkeypatch.setattr(restatement, "_MONTHS_AT_MOST", 1)
    for name, sql in {"zoned": ZONED, "all_zoned": ALL_ZONED, "many_zoned": MANY_ZONED}.items():
        (house.sql / "gold" / f"{name}_gold.sql").write_text(sql)
    house.reopen()
    house.publish_zones()
    for month in (JANUARY, FEBRUARY):
        restated(house, *trips(month, 3), month=month)
        house.replace("zoned_gold", month)
        house.replace("many_zoned_gold", month)
    house.replace("all_zoned_gold", WHOLE)
    return house


def test_what_is_made_of_months_that_are_left_out_is_not_foretold_and_says_so(zoned: House) -> None:
    landed = zoned.land_zones(reference_files.zones_csv().replace("Queens", "Bronx"))
    compared_whole = compared(zoned, landed, key="zones_silver", month=WHOLE)
    result = zoned.replace("zones_silver", WHOLE)
    assert result.restatement is not None
    told_of = {each.partition.of(each.asset): each for each in result.restatement.consequences}
    assert {name for name, each in told_of.items() if each.difference} == {
        "zoned_gold 2024-02",
        "many_zoned_gold 2024-02",
    }
    assert told_of["all_zoned_gold"].fault == "not computed: 1 month of gold.zoned was left out"
    assert result.restatement.left_out == {"zoned_gold": 1, "many_zoned_gold": 1}
    facts = restatement.restatement_facts(result.restatement)
    assert facts["months_not_looked_at"] == "1 of zoned_gold, 1 of many_zoned_gold; lakehouse diff tells of all"
    assert facts["effect on all_zoned_gold"] == told_of["all_zoned_gold"].fault

    assert compared_whole.left_out == {}
    foretold = {each.partition.of(each.asset): each.difference for each in compared_whole.consequences}
    for month in (JANUARY, FEBRUARY):
        assert difference(zoned.replace("zoned_gold", month)) == foretold[f"zoned_gold {month}"]
        assert difference(zoned.replace("many_zoned_gold", month)) == foretold[f"many_zoned_gold {month}"]
    assert difference(zoned.replace("all_zoned_gold", WHOLE)) == foretold["all_zoned_gold"]


def test_what_is_made_of_a_table_that_could_not_be_computed_is_not_foretold(zoned: House) -> None:
    zoned.edit(
        "gold/zoned_gold.sql", ("COUNT(*) AS n", f"COUNT(*) + MAX(IF(z.borough = 'Bronx', {2**63 - 1}, 0)) AS n")
    )
    zoned.land_zones(reference_files.zones_csv().replace("Queens", "Bronx"))
    result = zoned.replace("zones_silver", WHOLE)
    assert result.restatement is not None
    told_of = {each.partition.of(each.asset): each for each in result.restatement.consequences}
    assert "verflow" in str(told_of["zoned_gold 2024-02"].fault)
    assert told_of["many_zoned_gold 2024-02"].fault == "not computed: what gold.zoned 2024-02 becomes is not known"


def test_where_nearly_all_has_changed_whoever_is_in_a_hurry_pairs_a_sample(tmp_path: Path) -> None:
    count = 400_000
    amount = Column("amount", "NUMERIC(18,2)", "Charged", "USD")
    spec = TableSpec("silver.t", (Column("id", "INT64", "Number"), amount), "Rows")
    ids, store = pa.array(range(count)), local_store(tmp_path)
    old = pa.table({"id": ids, "amount": pa.array([Decimal("1.00")] * count, pa.decimal128(18, 2))})
    new = pa.table({"id": ids, "amount": pa.array([Decimal("3.00")] * count, pa.decimal128(18, 2))})
    with store.session(Work("t", WHOLE, RUN_ID), store.records()) as session:
        session.relate(BEFORE, old)
        session.relate(AFTER, new)
        how = how_compared(spec, ("id",), store.digest)
        exact = find_difference(session, how, WHOLE, in_a_hurry=False)
        hurried = find_difference(session, how, WHOLE, in_a_hurry=True)
    assert (exact.changed, exact.one_in, exact.sums) == (count, 1, {"amount": Decimal("800000.00")})
    assert (hurried.added, hurried.removed, hurried.sums, hurried.one_in) == (count, count, exact.sums, 16)
    assert 0.9 * count / 16 < hurried.changed < 1.1 * count / 16
    assert hurried.by_column == {"amount": hurried.changed}


_ALIKE = [((1, 1, 2), (1, 2)), ((1, 1, 2), (1, 2, 3)), ((1, 1, 1), (2,)), ((1, 1, 2, 2, 3, 3), (1, 2))]


@pytest.mark.parametrize(("before", "after"), _ALIKE)
def test_an_old_record_that_is_in_several_rows_is_counted_in_each(
    tmp_path: Path, before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    """As another version of a model, or another tool, may have written them: digests alone would not tell."""
    spec = TableSpec("silver.t", (Column("id", "INT64", "Number"), Column("x", "INT64", "Value")), "Rows")
    store = local_store(tmp_path)
    with store.session(Work("t", WHOLE, RUN_ID), store.records()) as session:
        for name, ids in ((BEFORE, before), (AFTER, after)):
            session.relate(name, pa.table({"id": ids, "x": ids}))
        found = find_difference(session, how_compared(spec, ("id",), store.digest), WHOLE, in_a_hurry=True)
        changes = session.rows(Statement(dialect.all_of(CHANGES)), {}).to_pylist()
    old, new = Counter(before), Counter(after)
    assert {row["id"]: row[MORE.name] for row in changes} == {
        number: new[number] - old[number] for number in {*before, *after} if old[number] != new[number]
    }
    assert (found.before, found.after) == (len(before), len(after))
    assert (found.removed, found.added) == ((old - new).total(), (new - old).total())
