"""What holds of any month within the contract, whatever is in it: months that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from lakehouse.exceptions import CheckFailed
from lakehouse.partition import Month
from lakehouse.results import Publication, ReplaceResult
from tests import green_files, soak
from tests.warehouse.conftest import IMPLEMENTATIONS
from tests.warehouse.implementations import House, Implementation, house_in

MONTH, OTHER = Month(2024, 1), Month(2024, 2)
EXAMPLES = {
    "duckdb_iceberg": len(soak.numbers(1)),
    "in_memory": len(soak.numbers(4)),
    "bigquery": len(soak.numbers(1, at_most=5)),
}
PHASES = [Phase.generate, *([Phase.shrink] if soak.is_long() else [])]
"""To make a month that fails smaller takes minutes."""
ANY = settings(deadline=None, database=None, phases=PHASES, suppress_health_check=list(HealthCheck))

cents = st.integers(-2_000, 20_000).map(lambda amount: amount / 100)
finer = st.floats(-10, 10, allow_nan=False, width=32)
zones = st.integers(1, 265)
codes = st.one_of(st.none(), st.integers(0, 99))
instants = st.integers(0, 31 * 24 * 3600 * 10**6 - 1).map(lambda passed: MONTH.start + timedelta(microseconds=passed))
"""Within the month, its first and last microsecond among them."""


@st.composite
def trips(draw: st.DrawFn, *, is_bad: bool = False) -> dict[str, Any]:
    """A trip of the month; a bad one began outside it, or ended before it began."""
    pickup = draw(instants)
    minutes = draw(st.integers(0, 3000))
    if is_bad:
        before, after = MONTH.start - timedelta(microseconds=1), MONTH.end
        pickup, minutes = draw(st.sampled_from([(before, 1), (after, 1), (pickup, -1)]))
    return green_files.trip(
        MONTH,
        0,
        VendorID=draw(codes),
        lpep_pickup_datetime=pickup,
        lpep_dropoff_datetime=pickup + timedelta(minutes=minutes),
        store_and_fwd_flag=draw(st.one_of(st.none(), st.sampled_from(["Y", "N", "", " N", "ÿ"]))),
        RatecodeID=draw(codes),
        PULocationID=draw(zones),
        DOLocationID=draw(zones),
        passenger_count=draw(codes),
        trip_distance=draw(st.one_of(cents, finer)),
        payment_type=draw(codes),
        tip_amount=draw(st.one_of(st.none(), cents, finer)),
        total_amount=draw(cents),
    )


@st.composite
def months(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records of a month, of which some come several times, and few are bad, or too many."""
    some = draw(st.lists(trips(), min_size=1, max_size=12))
    bad = draw(st.lists(trips(is_bad=True), max_size=2))
    times = draw(st.lists(st.integers(1, 9), min_size=len(some), max_size=len(some)))
    records = [trip for trip, copies in zip(some, times, strict=True) for _ in range(copies)]
    return [*records, *bad]


@contextmanager
def a_house(make: Callable[[Path], Implementation]) -> Iterator[House]:
    with TemporaryDirectory() as folder, house_in(Path(folder), make(Path(folder))) as house:
        house.publish_zones()
        house.land(OTHER, green_files.trips(OTHER, 3))
        for model in ("green_silver", "green_gold"):
            house.replace(model, OTHER)
        yield house


def landed(house: House, table: pa.Table, rows_of_a_group: int) -> None:
    file = house.sql.parent / f"{rows_of_a_group}.parquet"
    pq.write_table(table, file, row_group_size=rows_of_a_group)
    house.implementation.land("green_bronze", MONTH, file)


def made(house: House) -> tuple[ReplaceResult, ReplaceResult] | None:
    """Silver and gold; None where so much is rejected that nothing is published."""
    try:
        silver = house.replace("green_silver", MONTH)
    except CheckFailed as refused:
        (failed,) = [check.name for check in refused.checks if check.blocking and not check.passed]
        return None if failed == "rejected_share" else pytest.fail(failed)
    return silver, house.replace("green_gold", MONTH)


def rows(house: House, month: Month) -> list[dict[str, Any]]:
    """All that is published of a month, but of which file it came, in an order that all rows have."""
    found = house.rows(
        f"SELECT * FROM silver.green_trips WHERE pickup_at >= '{month.start}' AND pickup_at < '{month.end}'"
    ) + house.rows("SELECT * FROM silver.green_trips_rejected")
    return sorted(({**row, "bronze_sha256": None} for row in found), key=repr)


def of_other(house: House) -> list[Publication]:
    """What there is of the other month in each table."""
    held = house.warehouse.holdings()
    return [held[key].partitions[OTHER] for key in ("green_silver", "green_gold")]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_any_month_balances_and_is_the_same_in_any_order_and_however_often_it_is_made(
    implementation: str, request: pytest.FixtureRequest
) -> None:
    def make(folder: Path) -> Implementation:
        return IMPLEMENTATIONS[implementation](folder, request)

    @seed(soak.settle_seed())
    @settings(ANY, max_examples=EXAMPLES[implementation])
    @given(records=months(), turns=st.randoms(use_true_random=False), rows_of_a_group=st.integers(1, 50))
    def holds(records: list[dict[str, Any]], turns: Random, rows_of_a_group: int) -> None:
        table = green_files.table(records, "until 2023-01")
        order = turns.sample(range(len(table)), len(table))
        with a_house(make) as house, a_house(make) as again, a_house(make) as shuffled:
            before = of_other(house)
            for each in (house, again):
                landed(each, table, 1000)
            landed(shuffled, table.take(order), rows_of_a_group)
            first, second, third = made(house), made(again), made(shuffled)
            assert of_other(house) == before
            assert rows(house, MONTH) == rows(again, MONTH) == rows(shuffled, MONTH)
            if first is None or second is None or third is None:
                assert (first, second, third) == (None, None, None)
                assert rows(house, MONTH) == []
                return
            (silver, gold), ledger = first, first[0].ledger
            assert ledger is not None
            assert ledger.is_balanced
            assert ledger.bronze_rows == len(records)
            assert sum(row["copies"] for row in rows(house, MONTH) if "copies" in row) + sum(
                ledger.rejected.values()
            ) == len(records)
            assert (second[0].content, second[1].content) == (silver.content, gold.content)
            assert third[1].content == gold.content
            unchanged = made(house)
            assert unchanged is not None
            assert {each.effect.value for each in unchanged} == {"unchanged"}

    holds()
