"""A process that is killed at any moment leaves the old month or the new one, and a rerun publishes the new one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from lakehouse.bronze.gcs.objects import Objects
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.partition import Month
from lakehouse.warehouse.bigquery import landed
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.session import BigQuerySession
from tests.emulators.emulator import Cloud
from tests.green_files import outside, trips
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House, house_in

JANUARY = Month(2024, 1)
OLD, NEW = 40, 25
COUNT = "SELECT COUNT(*) AS n FROM silver.green_trips"


def die_before(owner: Any, name: str, *_: Any) -> None:
    """Have this process be killed instead of doing something."""
    setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))


def die_after(owner: Any, name: str) -> None:
    done = getattr(owner, name)

    def do_and_die(*given: Any, **named: Any) -> None:
        done(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, do_and_die)


@dataclass(frozen=True)
class Moment:
    """When to die, and how many rows the month has then."""

    die: Callable[[], None]
    rows: int


MOMENTS = {
    "before the upload": Moment(partial(die_before, Objects, "upload"), OLD),
    "between upload and record": Moment(partial(die_before, GcsBronzeStore, "record"), OLD),
    "between record and load": Moment(partial(die_before, Jobs, "load_uri"), OLD),
    "between load and what says that it is whole": Moment(partial(die_after, Jobs, "load_uri"), OLD),
    "between load and stage": Moment(partial(die_before, BigQuerySession, "stage"), OLD),
    "between stage and audit": Moment(partial(die_before, BigQuerySession, "measured"), OLD),
    "between audit and publish": Moment(partial(die_before, Jobs, "script"), OLD),
    "after publish": Moment(partial(die_after, Jobs, "script"), NEW),
}


def restate_and_die(cloud: Cloud, project: str, folder: Path, moment: str) -> None:
    """In a process of its own: land the month anew and make silver of it."""
    MOMENTS[moment].die()
    with house_in(folder, CloudImplementation(folder, cloud, project=project)) as house:
        _restate(house)


def _restate(house: House) -> None:
    house.land(JANUARY, trips(JANUARY, NEW))
    house.replace("green_silver", JANUARY)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_leaves_old_or_new_and_a_rerun_publishes_the_new(
    tmp_path: Path, cloud: Cloud, moment: str
) -> None:
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.land(JANUARY, [*trips(JANUARY, OLD), outside(JANUARY, 1)])
        house.replace("green_silver", JANUARY)
        (tmp_path / "child").mkdir()
        given = (cloud, implementation.place.project, tmp_path / "child", moment)
        child = get_context("spawn").Process(target=restate_and_die, args=given)
        child.start()
        child.join(timeout=100)
        assert child.exitcode == -signal.SIGKILL
        assert house.rows(COUNT) == [{"n": MOMENTS[moment].rows}]
        _restate(house)
        assert house.rows(COUNT) == [{"n": NEW}]
        (row,) = house.rows("SELECT bronze_rows, silver_rows, is_balanced FROM silver.row_ledger")
        assert row == {"bronze_rows": NEW, "silver_rows": NEW, "is_balanced": True}
        left = [implementation.client.get_table(each) for each in implementation.client.list_tables("staging")]
        # Of what a CREATE TABLE AS makes, the emulator forgets the option that says when it goes.
        assert all(table.expires is not None for table in left if not table.table_id.startswith("kept__"))


def test_what_was_loaded_whole_is_not_loaded_again(tmp_path: Path, cloud: Cloud) -> None:
    with house_in(tmp_path, CloudImplementation(tmp_path, cloud)) as house:
        house.land(JANUARY, trips(JANUARY, OLD))
        first = house.replace("green_silver", JANUARY)
        again = house.replace("green_silver", JANUARY)
    assert [sum(job.kind == "load" for job in each.jobs) for each in (first, again)] == [1, 0]
    assert again.skipped
    assert landed.LASTS.days == 7
