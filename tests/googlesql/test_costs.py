"""The statement that adds up what jobs billed, on Google's engine: what it takes, and what it gives.

The rows are made up, with the columns that BigQuery documents of JOBS_BY_USER: no job was ever billed.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from lakehouse.warehouse.bigquery.costs import spent_text
from tests.googlesql.oracle import Oracle, Refusal, Rows
from tests.googlesql.sent import JOBS_COLUMNS, JOBS_VIEW

PARAMETERS = {"by": "STRING", "days": "INT64", "managed_by": "STRING", "prefix": "STRING"}
GIB = 1 << 30


def test_the_analyzer_takes_it_over_the_documented_columns(oracle: Oracle) -> None:
    said = oracle.analyze(spent_text("US"), {JOBS_VIEW: JOBS_COLUMNS}, PARAMETERS)
    assert said == (("of_label", "STRING"), ("jobs", "INT64"), ("bytes_billed", "INT64"), ("slot_ms", "INT64"))


@pytest.mark.parametrize("column", ["parent_job_id", "labels", "total_bytes_billed"])
def test_it_is_refused_over_a_view_without_a_column(oracle: Oracle, column: str) -> None:
    fewer = {name: type_ for name, type_ in JOBS_COLUMNS.items() if name != column}
    said = oracle.analyze(spent_text("US"), {JOBS_VIEW: fewer}, PARAMETERS)
    assert isinstance(said, Refusal)
    assert column in said.reason


def test_a_location_has_its_own_view(oracle: Oracle) -> None:
    assert isinstance(oracle.analyze(spent_text("europe-west4"), {JOBS_VIEW: JOBS_COLUMNS}, PARAMETERS), Refusal)
    assert isinstance(
        oracle.analyze(spent_text("EU"), {JOBS_VIEW.replace("us", "eu"): JOBS_COLUMNS}, PARAMETERS), tuple
    )


def job(
    billed: int | None,
    *,
    age: timedelta = timedelta(hours=1),
    parent: str | None = None,
    managed_by: str = "lakehouse",
    **labels: str,
) -> str:
    told = {"managed-by": managed_by, **labels}
    pairs = ", ".join(f"STRUCT('{key}' AS key, '{value}' AS value)" for key, value in told.items())
    created = f"TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {int(age.total_seconds())} SECOND)"
    of_script = "NULL" if parent is None else f"'{parent}'"
    return (
        f"SELECT {created} AS creation_time, CAST({of_script} AS STRING) AS parent_job_id, "
        f"CAST({'NULL' if billed is None else billed} AS INT64) AS total_bytes_billed, "
        f"CAST({'NULL' if billed is None else billed // 1000} AS INT64) AS total_slot_ms, [{pairs}] AS labels"
    )


JOBS = [
    job(2 * GIB, asset="green_silver", month="2024-01", run="r1", prefix=""),
    job(1 * GIB, asset="green_silver", month="2024-02", run="r1"),  # before there was a label of the prefix
    job(5 * GIB, asset="green_gold", month="2024-01", run="r2", prefix=""),  # a script, with what its statements billed
    job(3 * GIB, parent="s", asset="green_gold", month="2024-01", run="r2", prefix=""),
    job(2 * GIB, parent="s", asset="green_gold", month="2024-01", run="r2", prefix=""),
    job(None, asset="green_gold", month="2024-01", run="r2", prefix=""),  # it failed, or is a load
    job(10 << 20, prefix=""),  # of no asset
    job(7 * GIB, asset="green_gold", month="2024-01", run="r3", prefix="dev"),
    job(7 * GIB, managed_by="dbt", asset="green_gold"),
    job(7 * GIB, age=timedelta(days=8), asset="green_gold", month="2024-01", prefix=""),
]


@pytest.mark.parametrize(
    ("by", "prefix", "days", "expected"),
    [
        ("asset", "", 7, [("green_gold", 2, 5 * GIB), ("green_silver", 2, 3 * GIB), ("", 1, 10 << 20)]),
        ("month", "", 7, [("2024-01", 3, 7 * GIB), ("2024-02", 1, GIB), ("", 1, 10 << 20)]),
        ("run", "", 7, [("r2", 2, 5 * GIB), ("r1", 2, 3 * GIB), ("", 1, 10 << 20)]),
        ("asset", "dev", 7, [("green_gold", 1, 7 * GIB)]),
        ("asset", "", 9, [("green_gold", 3, 12 * GIB), ("green_silver", 2, 3 * GIB), ("", 1, 10 << 20)]),
        ("asset", "test", 9, []),
    ],
)
def test_jobs_are_added_up_once_and_of_their_place_alone(
    oracle: Oracle, by: str, prefix: str, days: int, expected: list[tuple[str, int, int]]
) -> None:
    text = spent_text("US").replace("`region-us`.INFORMATION_SCHEMA.JOBS_BY_USER", "made_up")
    bound = {"@by": f"'{by}'", "@days": str(days), "@managed_by": "'lakehouse'", "@prefix": f"'{prefix}'"}
    for name, value in bound.items():  # the engine is given none when it computes
        assert name in text
        text = text.replace(name, value)
    answer = oracle.run(f"WITH made_up AS ({' UNION ALL '.join(JOBS)}) {text}")
    assert isinstance(answer, Rows), answer
    assert [row[:3] for row in answer.rows] == expected
