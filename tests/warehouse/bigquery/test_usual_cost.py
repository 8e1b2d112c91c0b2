"""A month that billed much more than its asset's months do is warned of; what was billed is written down with each.

Emulators bill nothing: rows of ``meta.publications`` with bytes, and jobs with them, are made up here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.partition import Month
from lakehouse.results import CheckResult
from lakehouse.warehouse.bigquery.done_job import DoneJob
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS
from lakehouse.warehouse.bigquery.usual_cost import LEAST_BYTES, judged, usual_cost
from tests.emulators.emulator import Cloud
from tests.green_files import trips
from tests.warehouse.bigquery.conftest import CAP, LABELS
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import RUN_ID, house_in

GIB = LEAST_BYTES
MONTH = Month(2024, 1)


@pytest.mark.parametrize(
    ("billed", "earlier", "passes"),
    [
        (6 * GIB, [2 * GIB] * 3, True),  # three times as much is not more than three times
        (6 * GIB + 1, [2 * GIB] * 3, False),
        (6 * GIB + 1, [2 * GIB] * 2, True),  # too few to tell
        (GIB, [1] * 12, True),
        (GIB + 1, [1] * 12, False),
        (GIB + 1, [0] * 12, False),
        (9 * GIB, [2 * GIB] * 6 + [4 * GIB] * 6 + [50 * GIB] * 20, True),  # the median of the last twelve is 3 GiB
        (9 * GIB + 2, [2 * GIB] * 6 + [4 * GIB] * 6 + [50 * GIB] * 20, False),
    ],
)
def test_more_than_three_times_the_median_and_a_gib_is_warned_of(billed: int, earlier: list[int], passes: bool) -> None:
    check = judged(billed, earlier)
    assert (check.passed, check.blocking, check.severity) == (passes, False, "warn")
    assert check.facts["bytes_billed"] == billed
    if not passes:
        assert int(check.facts["usual_bytes_billed"]) * 3 < billed


def result_of(checks: tuple[CheckResult, ...]) -> CheckResult:
    return next(check for check in checks if check.name == "usual_cost")


def test_what_is_written_down_is_what_the_next_months_are_held_against(tmp_path: Path, cloud: Cloud) -> None:
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.publish_zones()
        spec, tables = house.models["green_silver"].table, implementation.store.tables
        before = replace(PUBLICATIONS, columns=PUBLICATIONS.columns[:-2])
        assert {each.name for each in PUBLICATIONS.columns} - {each.name for each in before.columns} == {
            *("bytes_billed", "slot_ms")
        }
        tables.drop(PUBLICATIONS.name)  # a house from before there was such a column
        tables.create(before)
        house.land(MONTH, trips(MONTH, 40))
        check = result_of(house.replace("green_silver", MONTH).checks)
        assert (check.passed, check.facts) == (True, {"bytes_billed": 0})

        jobs = Jobs(implementation.client, "green_silver", LABELS, CAP)
        (held,) = jobs.rows(
            f"SELECT bytes_billed, slot_ms, run_id FROM meta.publications WHERE table_name = '{spec.name}'"
        )
        assert (held["bytes_billed"], held["slot_ms"], held["run_id"]) == (0, 0, RUN_ID)

        def checked(*kinds: str) -> CheckResult:
            """The check of a month whose jobs were of these kinds, and billed 4 GiB each."""
            jobs.done[:] = [DoneJob(kind, kind, 4 * GIB, 4 * GIB, 1) for kind in kinds]
            return usual_cost(jobs, tables, spec, RUN_ID)

        assert checked("stage").facts == {"bytes_billed": 4 * GIB, "publications": 0}  # but for its own
        for n in range(4):
            names = "table_name, kind, sequence, run_id, bytes_billed"
            values = f"'{spec.name}', 'published', {n + 10}, 'another', {GIB + n}"
            implementation.client.query(f"INSERT INTO meta.publications ({names}) VALUES ({values})").result()
        warned = checked("stage", "publish")
        facts = {"bytes_billed": 4 * GIB, "usual_bytes_billed": GIB + 1, "publications": 4}
        assert (warned.passed, warned.facts) == (False, facts)
        assert checked("publish").passed

        tables.drop(PUBLICATIONS.name)
        untold = checked("stage")
        assert untold.passed
        assert "meta" in str(untold.facts["not_compared"])
