"""Months that are restated again and again, and runs of them killed before any of their writes, as a seed draws it.

``make test-soak`` tries many times as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import QueryError
from lakehouse.partition import Month
from lakehouse.warehouse.local import commits, private_pyiceberg
from tests import green_files, soak
from tests.commands import Held, dagster_in_memory, data_files, held, landed, ledger, of, run
from tests.faults.processes import kill_before, one_month, start
from tests.project import Project

MONTH = Month(2024, 1)
WRITES = (
    (LocalBronzeStore, "adopt"),
    (LocalBronzeStore, "record"),
    (SqlCatalog, "create_table"),
    (SqlCatalog, "commit_table"),
    (private_pyiceberg, "point_at"),
    (commits, "publish"),
)
MOST_WRITES = (24, 9, 9)
"""By run of a history: one more than the first makes, which makes the tables too, and than those after it make."""


@pytest.fixture(autouse=True)
def _in_memory() -> Iterator[None]:
    with dagster_in_memory():
        yield


def kill_before_write(number: int) -> None:
    """Make the process die before the write of this number."""
    written = count(1)
    for owner, method in WRITES:
        kill_before(owner, method, lambda *_: next(written) == number)


@pytest.mark.parametrize("number", soak.numbers(1))
def test_killed_runs_leave_one_version_or_the_next_and_a_rerun_mends_them(
    project: Project, number: int, record_property: Callable[[str, object], None]
) -> None:
    draw = soak.drawn("kills", number)
    before, kills = of(0, None), 0
    for most_writes in MOST_WRITES:
        trips, rejects, write = draw.randint(100, 160), draw.randint(0, 3), draw.randint(1, most_writes)
        after = of(trips, f"{12 * trips}.00")
        outside = [green_files.outside(MONTH, n) for n in range(rejects)]
        project.publish(MONTH, green_files.trips(MONTH, trips) + outside)

        ended = start(project, one_month(MONTH), partial(kill_before_write, write)).wait()
        assert ended.was_killed or ended.exit_code == 0, ended
        kills += ended.was_killed
        assert seen(project) in (between(before, after) if ended.was_killed else [after])

        mended = run(project, MONTH)
        assert (mended.exit_code, mended.errors) == (0, ())
        assert held(project, MONTH) == after
        (row,) = ledger(project, MONTH)
        assert row["bronze_sha256"] == landed(project, MONTH).sha256
        assert (row["silver_rows"], row["rejected_rows"], row["is_balanced"]) == (trips, rejects, True)
        assert set(data_files(project, MONTH).values()) == ({1} if rejects else {0, 1})
        before = after
    record_property("soak runs", len(MOST_WRITES))
    record_property("soak kills", kills)


def seen(project: Project) -> Held:
    """What readers see; nothing, for as long as there are no tables."""
    try:
        return held(project, MONTH)
    except QueryError:
        return of(0, None)


def between(before: Held, after: Held) -> list[Held]:
    """What readers may see after a kill: each table as it was or as it will be, gold not ahead of silver."""
    half = Held(after.silver_rows, after.silver_total, before.gold_rows, before.gold_total)
    return [before, half, after]
