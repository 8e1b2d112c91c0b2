"""A real month restated in eight ways, and what becomes of each: held back, or published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.exceptions import CheckFailed
from lakehouse.partition import Month
from tests.warehouse.implementations import LocalImplementation, house_in

MONTH = Month(2024, 1)
_MONEY = ("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "total_amount", "congestion_surcharge")


def without(share: float) -> Callable[[pa.Table], pa.Table]:
    """Every row but the last of them."""
    return lambda table: table.slice(0, round(table.num_rows * (1 - share)))


def halved(table: pa.Table) -> pa.Table:
    for name in _MONEY:
        table = table.set_column(table.column_names.index(name), name, pc.divide(table[name], 2.0))
    return table


def without_vendor(vendor: int) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.filter(pc.not_equal(table["VendorID"], vendor))


RESTATEMENTS: dict[str, tuple[Callable[[pa.Table], pa.Table], str | None]] = {
    "0.1 % of the rows lost": (without(0.001), None),
    "1 % of the rows lost": (without(0.01), None),
    "9 % of the rows lost": (without(0.09), None),
    "15 % of the rows lost": (without(0.15), "56,549 rows became 48,066 (15.0% lost)"),
    "88 % of the rows lost": (without(0.88), "56,549 rows became 6,784 (88.0% lost)"),
    "all money halved": (halved, "total_amount went from 22.40 to 11.20 USD a row (-50.0%)"),
    "vendor 1 gone": (without_vendor(1), "56,549 rows became 49,211 (13.0% lost)"),
    "vendor 2 gone": (without_vendor(2), "56,549 rows became 7,338 (87.0% lost)"),
}


def test_eight_restatements_of_a_real_month_are_held_back_or_published_as_the_bounds_say(
    real_data: Path, tmp_path: Path
) -> None:
    original = pq.read_table(real_data / "tlc" / "trip-data" / "green_tripdata_2024-01.parquet")
    said: dict[str, Any] = {}
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        for name, (restate, _) in RESTATEMENTS.items():
            house.land(MONTH, original)
            house.replace("green_silver", MONTH)
            restated = restate(original)
            house.land(MONTH, restated)
            try:
                result = house.replace("green_silver", MONTH)
            except CheckFailed as refused:
                (said[name],) = [check.description for check in refused.checks if check.name == "volume"]
            else:
                (volume,) = [check for check in result.checks if check.name == "volume"]
                rows = (volume.facts["rows_before"], volume.facts["rows"])
                assert (volume.passed, rows) == (True, (56_549, result.rows))
                said[name] = None
    for name, (_, loss) in RESTATEMENTS.items():
        if loss is None:
            assert said[name] is None, name
        else:
            assert loss in said[name], name
