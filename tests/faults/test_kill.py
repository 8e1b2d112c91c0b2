"""A run killed at any moment leaves the old month readable and nothing that is ever read, and a rerun mends it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.partition import Month
from lakehouse.warehouse.local import commits, private_pyiceberg
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import direct, green_files
from tests.commands import Held, dagster_in_memory, data_files, held, landed, ledger, of, run, run_arguments
from tests.faults.processes import kill_before, kill_this_process, one_month, start
from tests.project import Project

# The file that is loaded, and the one that the source restates it with: other trips, other rejects.
OLD_TRIPS, OLD_REJECTS, OLD = 60, 2, of(60, "720.00")
NEW_TRIPS, NEW_REJECTS, NEW = 50, 1, of(50, "600.00")


def of_green(landing: Any) -> bool:
    return bool(landing.dataset == "green")


def makes_silver(model: Any, *_: Any) -> bool:
    return bool(model.key == "green_silver")


def changes_silver(moves: Any, *_: Any) -> bool:
    return "silver.green_trips" in {move.pointer.name for move in moves}


def kill_before_the_commit() -> None:
    """Make the process die when all files are written, before the catalog is to point at them."""
    kill_before(private_pyiceberg, "point_at", changes_silver)


def kill_within_the_commit() -> None:
    """Make the process die when the catalog has taken the rejected rows of silver, and not yet its table."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def taken(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        if statement.startswith("UPDATE iceberg_tables") and "green_trips_rejected" in str(parameters):
            kill_this_process()

    event.listen(Engine, "after_cursor_execute", taken)


def kill_before_publishing(table: str) -> None:
    """Make the process die instead of committing a month of a table."""
    kill_before(commits, "publish", lambda wanted, *_: wanted[-1].spec.name == table)


@dataclass(frozen=True)
class Moment:
    """When to die; what readers see then, and the ledger: rows of bronze, silver, rejected for each landing."""

    kill: Callable[[], None]
    seen: Held
    ledger: list[tuple[int, int, int]]


MOMENTS = {
    "after the download and before its landing record": Moment(
        partial(kill_before, LocalBronzeStore, "record", of_green), OLD, [(62, 60, 2)]
    ),
    "after landing and before silver": Moment(
        partial(kill_before, StoreWarehouse, "replace", makes_silver), OLD, [(0, 60, 2), (51, 0, 0)]
    ),
    "after the data files and their metadata were written and before any commit": Moment(
        kill_before_the_commit, OLD, [(0, 60, 2), (51, 0, 0)]
    ),
    "in the commit, between the rejected rows and silver": Moment(
        kill_within_the_commit, OLD, [(0, 60, 2), (51, 0, 0)]
    ),
    "after silver and before gold": Moment(
        partial(kill_before_publishing, "gold.green_trips_by_payment_type"),
        Held(NEW.silver_rows, NEW.silver_total, OLD.gold_rows, OLD.gold_total),
        [(51, 50, 1)],
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all moments, each with a month of its own."""
    return Project(tmp_path_factory.mktemp("killed"))


def publish(project: Project, month: Month, trips: int, rejects: int) -> None:
    outside = [green_files.outside(month, number) for number in range(rejects)]
    project.publish(month, green_files.trips(month, trips) + outside)


@pytest.mark.parametrize("when", MOMENTS)
def test_a_run_killed(shared: Project, when: str) -> None:
    moment, month = MOMENTS[when], Month(2024, 1 + list(MOMENTS).index(when))
    publish(shared, month, OLD_TRIPS, OLD_REJECTS)
    direct.load(shared, month)
    assert held(shared, month) == OLD

    publish(shared, month, NEW_TRIPS, NEW_REJECTS)
    killed = start(shared, one_month(month), moment.kill).wait()
    assert killed.was_killed, killed

    assert held(shared, month) == moment.seen
    rows = ledger(shared, month)
    assert [(row["bronze_rows"], row["silver_rows"], row["rejected_rows"]) for row in rows] == moment.ledger
    assert [row["is_balanced"] for row in rows] == [len(rows) == 1] * len(rows)

    rerun = run(shared, month)
    assert (rerun.exit_code, rerun.errors) == (0, ())
    assert held(shared, month) == NEW
    (row,) = ledger(shared, month)
    assert row["bronze_sha256"] == landed(shared, month).sha256
    assert (row["bronze_rows"], row["silver_rows"], row["rejected_rows"], row["is_balanced"]) == (51, 50, 1, True)
    assert set(data_files(shared, month).values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_begins_no_further_month(project: Project, number: signal.Signals) -> None:
    first, second = Month(2024, 1), Month(2024, 2)
    for month in (first, second):
        publish(project, month, NEW_TRIPS, NEW_REJECTS)
    arguments = run_arguments(first, second)
    ended = start(project, arguments, partial(signal_before, StoreWarehouse, "replace", number)).wait()

    assert ended.exit_code not in (0, None)
    assert project.bronze.current("green", second) is None, ended
    assert "unexpected" not in ended.output
    assert held(project, first) == held(project, second) == of(0, None)


def signal_before(owner: type, method: str, number: signal.Signals) -> None:
    original = getattr(owner, method)

    def interrupted(self: Any, *arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), number)
        return original(self, *arguments, **named)

    setattr(owner, method, interrupted)
