"""What a month of an asset billed, against what its last publications did: much more is warned of."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from lakehouse.exceptions import LakehouseError
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS, USUAL_COST
from lakehouse.results import CheckResult
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.done_job import DoneJob
from lakehouse.warehouse.bigquery.jobs import PUBLISH, Jobs
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS
from lakehouse.warehouse.bigquery.tables import Tables

MOST_PUBLICATIONS = 12
FEWEST_PUBLICATIONS = 3
"""Of fewer there is no telling what is usual."""

TIMES = 3
"""How much more than the median may be billed; months of one dataset differ by less."""

LEAST_BYTES = 1 << 30
"""Less than a cent is not worth a warning, nor the question what is usual."""


def billed_before_publishing(done: Sequence[DoneJob]) -> int:
    """Bytes that the jobs of a month billed but for its publication, which is written down before it is over."""
    return sum(job.bytes_billed for job in done if job.kind != PUBLISH)


def usual_cost(jobs: Jobs, tables: Tables, spec: TableSpec, run_id: str) -> CheckResult:
    """Whether a month of a table billed what others did; where that cannot be told it fails nothing."""
    billed = billed_before_publishing(jobs.done)
    if billed <= LEAST_BYTES:
        return _result(billed, {}, passed=True)
    try:
        earlier = billed_earlier(jobs, tables, spec, run_id)
    except LakehouseError as error:  # the month is published, whatever is known of others
        return _result(billed, {"not_compared": str(error)}, passed=True)
    return judged(billed, earlier)


def judged(billed: int, earlier: Sequence[int]) -> CheckResult:
    """The check of a month by what its bytes are, and those of earlier ones, newest first."""
    if len(earlier) < FEWEST_PUBLICATIONS:
        return _result(billed, {"publications": len(earlier)}, passed=True)
    usual = int(median(earlier[:MOST_PUBLICATIONS]))
    is_usual = billed <= LEAST_BYTES or billed <= TIMES * usual
    return _result(billed, {"usual_bytes_billed": usual, "publications": len(earlier)}, passed=is_usual)


def billed_earlier(jobs: Jobs, tables: Tables, spec: TableSpec, run_id: str) -> tuple[int, ...]:
    """Bytes that the last publications of a table billed, but for those of a run, newest first."""
    rows = jobs.rows(
        _EARLIER.format(publications=tables.sql_name(PUBLICATIONS.name), most=MOST_PUBLICATIONS),
        {"table_name": spec.name, "run_id": run_id},
    )
    return tuple(int(row["bytes_billed"]) for row in rows)


def _result(billed: int, facts: dict[str, str | int], *, passed: bool) -> CheckResult:
    told: dict[str, str | int] = {"bytes_billed": billed, **facts}
    return CheckResult(USUAL_COST, passed, int(not passed), "warn", False, IMPLICIT_CHECKS[USUAL_COST], told)


_EARLIER = """
SELECT bytes_billed
FROM {publications}
WHERE table_name = @table_name AND bytes_billed IS NOT NULL AND COALESCE(run_id, '') <> @run_id
ORDER BY sequence DESC
LIMIT {most}"""
