"""The kinds of jobs that there are, and what any line that tells of one may not have."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud.bigquery import SchemaField

from lakehouse.exceptions import LakehouseError
from lakehouse.gcp.place import Place
from lakehouse.warehouse.bigquery.jobs import Jobs, new_job_id
from tests.warehouse.bigquery.replay import PROJECT

SQL = "SELECT n FROM silver.trips"
SCRIPT = "BEGIN TRANSACTION;\nDELETE FROM t WHERE d < '2024-02-01';\nCOMMIT TRANSACTION;"
TABLE = "p.bronze.green"
PLACE = Place(PROJECT, "b", "US", "", 20 << 30)
SCHEMA = [SchemaField("n", "INT64")]


def load_uri(jobs: Jobs) -> int:
    return jobs.load_uri("gs://b/green/1.parquet", TABLE, SCHEMA, lambda _: None)


def load_file(jobs: Jobs) -> int:
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2]}), sink)
    return jobs.load_file(sink, TABLE, SCHEMA)


@dataclass(frozen=True)
class Doing:
    """A kind of job, and the request that makes it."""

    do: Callable[[Jobs], object]
    begun_by: str = "insert"


DOING = {
    "query": Doing(lambda jobs: list(jobs.rows(SQL))),
    "statement": Doing(lambda jobs: jobs.affected("DELETE FROM t WHERE TRUE", {})),
    "script": Doing(lambda jobs: jobs.script(SCRIPT, new_job_id())),
    "load": Doing(load_uri),
    "file": Doing(load_file, "send"),
}
REPEATED = {name: doing for name, doing in DOING.items() if name != "script"}


def one_line(error: LakehouseError) -> str:
    line = str(error)
    assert "\n" not in line
    assert "://" not in line.replace("gs://", "")
    assert len(line) < 700
    for unwanted in ("Traceback", "prettyPrint", "Job ID", "reason:", "<html", "lakehouse_"):
        assert unwanted not in line
    return line


def refusal(does: Callable[[], object], kind: type[LakehouseError]) -> LakehouseError:
    with pytest.raises(LakehouseError) as raised:
        does()
    assert type(raised.value) is kind
    return raised.value
