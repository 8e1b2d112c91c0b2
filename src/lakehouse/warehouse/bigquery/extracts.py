"""A table's rows as parquet files in Cloud Storage, written by BigQuery itself, which bills nothing for it.

Types: "Parquet export details" of "Export table data to Cloud Storage".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.warehouse.bigquery import job_configs
from lakehouse.warehouse.bigquery.jobs import ANSWER_SECONDS, Jobs, new_job_id, patient

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

EXTRACT = "extract"


def extracted(jobs: Jobs, table: str, folder: str) -> str:
    """Write a table's rows as files of a folder of the job's own below ``folder``; where that is.

    A job that BigQuery failed to do may have left some in another.
    """

    def once() -> str:
        own = new_job_id()
        place = f"{folder.rstrip('/')}/{own}/"
        jobs.finished(lambda job_id: _asked_for(jobs, jobs.client, table, f"{place}*.parquet", job_id), own, EXTRACT)
        return place

    return jobs.repeated(once)


def _asked_for(jobs: Jobs, client: Client, table: str, uri: str, job_id: str) -> Any:
    config = job_configs.of_extract(jobs.labels)
    return client.extract_table(table, uri, job_config=config, job_id=job_id, retry=patient(), timeout=ANSWER_SECONDS)
