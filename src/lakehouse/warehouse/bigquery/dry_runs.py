"""What a statement would read, by a job that runs nothing and bills nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.warehouse.bigquery import job_configs
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.jobs import ANSWER_SECONDS, Jobs, new_job_id, patient


@dataclass(frozen=True)
class DryRun:
    """Bytes that a statement would process, and how many tables it reads."""

    bytes_processed: int
    tables: int


def dry_run(jobs: Jobs, sql: str, parameters: Mapping[str, object]) -> DryRun:
    """Ask what a statement would read.

    Raises:
        ReadsTooMuch: more than one statement may bill.
        StatementFailed: it could not be run.
        ConfigurationError, StorageUnavailable: see :func:`told_as_ours`.
    """
    config = job_configs.of_query(jobs.labels, jobs.bytes_cap, parameters, None)
    config.dry_run = True
    config.use_query_cache = False  # what was answered before would cost nothing
    with told_as_ours(jobs.doing, sql, jobs.bytes_cap):
        job = jobs.client.query(
            sql, job_config=config, job_id=new_job_id(), retry=patient(), job_retry=None, timeout=ANSWER_SECONDS
        )
    return DryRun(int(job.total_bytes_processed or 0), len(job.referenced_tables))
