"""Killed between any two steps, a run leaves the old month or the new one, by the snapshot; a rerun mends it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from lakehouse.partition import Month
from lakehouse.warehouse.bigquery.biglake import publishing
from lakehouse.warehouse.bigquery.biglake.orphans import orphans
from lakehouse.warehouse.bigquery.jobs import Jobs
from tests.green_files import outside, trips
from tests.warehouse.bigquery.biglake.conftest import Lake
from tests.warehouse.bigquery.biglake.implementation import CatalogImplementation, Running, big_lake
from tests.warehouse.bigquery.test_kills import die_after, die_before
from tests.warehouse.implementations import House, house_in

JANUARY = Month(2024, 1)
OLD, NEW = 40, 25
COUNT = "SELECT COUNT(*) AS n FROM silver.green_trips"


def _die_after_second(name: str) -> None:
    done, times = getattr(publishing, name), iter(range(2))

    def counted(*given: object) -> object:
        result = done(*given)
        if next(times):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(publishing, name, counted)


@dataclass(frozen=True)
class Moment:
    """When to die; how many rows the month has then, and which tables state another publication than before."""

    die: Callable[[], None]
    rows: int
    stated: tuple[bool, bool]
    """Whether rejected and table state the new one."""
    is_put_down: bool = False


MOMENTS = {
    "before the extract": Moment(partial(die_before, publishing, "extracted"), OLD, (False, False)),
    "between extract and rejected": Moment(partial(die_before, publishing, "replace_month"), OLD, (False, False)),
    "between rejected and table": Moment(partial(die_after, publishing, "replace_month"), OLD, (True, False)),
    "between table and record": Moment(partial(_die_after_second, "replace_month"), NEW, (True, True)),
    "after the record": Moment(partial(die_after, Jobs, "script"), NEW, (True, True), is_put_down=True),
}


def restate_and_die(running: Running, folder: Path, moment: str) -> None:
    """In a process of its own: land the month anew and make silver of it."""
    MOMENTS[moment].die()
    with house_in(folder, CatalogImplementation(folder, running.cloud, running=running)) as house:
        _restate(house)


def _restate(house: House) -> None:
    house.land(JANUARY, [*trips(JANUARY, NEW), outside(JANUARY, 2)])
    house.replace("green_silver", JANUARY)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_leaves_old_or_new_by_the_snapshot_and_a_rerun_mends_it(
    tmp_path: Path, lake: Lake, moment: str
) -> None:
    house, expected = lake.house, MOMENTS[moment]
    house.land(JANUARY, [*trips(JANUARY, OLD), outside(JANUARY, 1)])
    house.replace("green_silver", JANUARY)
    before = _stated(lake)
    (tmp_path / "child").mkdir()
    child = get_context("spawn").Process(target=restate_and_die, args=(lake.at.running, tmp_path / "child", moment))
    child.start()
    child.join(timeout=100)
    assert child.exitcode == -signal.SIGKILL

    assert tuple(now != old for now, old in zip(_stated(lake), before, strict=True)) == expected.stated
    assert house.rows(COUNT) == [{"n": expected.rows}]
    assert lake.at.read("silver.green_trips").num_rows == expected.rows
    left = {each.table for each in orphans(big_lake(lake.at.running).tables, timedelta(0))}
    extracted = {"silver.green_trips_rejected"} if moment == "between extract and rejected" else set[str]()
    assert left == extracted
    remarks = house.warehouse.holdings()["green_silver"].remarks
    if expected.stated != (False, False) and not expected.is_put_down:
        assert all("was committed, and not put down" in each.text for each in remarks)
        assert len(remarks) == sum(expected.stated)
    else:
        assert remarks == ()
    if expected.rows == NEW:  # also where the record is missing
        assert _ledger(house) == {"bronze_rows": NEW + 1, "silver_rows": NEW, "rejected_rows": 1, "is_balanced": True}

    house.replace("green_silver", JANUARY)
    assert house.rows(COUNT) == [{"n": NEW}]
    rejected, own = _stated(lake)
    assert rejected == own
    assert house.warehouse.holdings()["green_silver"].remarks == ()
    assert _ledger(house) == {"bronze_rows": NEW + 1, "silver_rows": NEW, "rejected_rows": 1, "is_balanced": True}
    snapshots = len(lake.at.table("silver.green_trips").snapshots())
    assert house.replace("green_silver", JANUARY).skipped
    assert len(lake.at.table("silver.green_trips").snapshots()) == snapshots


def _stated(lake: Lake) -> tuple[str, str]:
    """Which publication rejected and table state."""
    found = [
        str(table.snapshots()[-1].summary["lakehouse.publication"])  # type: ignore[index]
        for table in map(lake.at.table, ("silver.green_trips_rejected", "silver.green_trips"))
    ]
    return found[0], found[1]


def _ledger(house: House) -> dict[str, object]:
    (row,) = house.rows("SELECT bronze_rows, silver_rows, rejected_rows, is_balanced FROM silver.row_ledger")
    return row
