"""BigQuery, which here is the emulator: files loaded as it would load them, statements run as it would run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import read_footer
from lakehouse.bronze.projection import LANDED
from lakehouse.bronze.store import Landing
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.model import Models, SqlModel
from lakehouse.schema import Column
from lakehouse.warehouse.local.engine import SCHEMAS
from lakehouse.warehouse.statements import Statement
from tests.emulators.compiled import compiled
from tests.emulators.emulator import Emulator

if TYPE_CHECKING:
    from google.cloud.bigquery.table import RowIterator

LANDED_FILES = "files"
"""Dataset of the landed files, each as it is."""

_RETRY = DEFAULT_RETRY.with_timeout(5)  # unbounded, a 500 is asked again for ten minutes
_JOB_SECONDS = 60.0


class BigQuery:
    """One project of the emulator, empty at first. Projects do not see each other."""

    name = "BigQuery"

    def __init__(self, emulator: Emulator, project: str, models: Models) -> None:
        self._statements = compiled(models, lambda _: None)  # rows come in no order here
        self._exports = emulator.gcs_root / project
        self._client = bigquery.Client(
            project=project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": emulator.address},
            location="US",
        )
        for dataset in (LANDED_FILES, *SCHEMAS):
            self._client.create_dataset(dataset, retry=_RETRY)

    def close(self) -> None:
        """Leave nothing: the emulator looks through all its tables for every statement."""
        for dataset in (LANDED_FILES, *SCHEMAS):
            self._client.delete_dataset(dataset, delete_contents=True, not_found_ok=True, retry=_RETRY)
        self._client.close()  # type: ignore[no-untyped-call]

    def land(self, asset: str, contract: Contract, landing: Landing, file: Path) -> None:
        loaded = f"{LANDED_FILES}.{asset}"
        self._load(loaded, file, _csv_schema(file) if file.suffix == ".csv" else _parquet_schema(file))
        projection = contract.project(read_footer(file), str(file), landing.partition)
        for relation, query in {
            f"bronze.{asset}": projection.folded(landing.sha256, ()),
            f"bronze.{asset}_records": projection.records(landing.sha256),
        }.items():
            self._create(relation, Statement(_reading(query, loaded)), {})

    def of_landed(self, asset: str, query: exp.Query) -> pa.Table:
        return self._few(Statement(_reading(query, f"{LANDED_FILES}.{asset}")), {})

    def load(self, table: str, file: Path, columns: Sequence[Column]) -> None:
        self._load(table, file, [_field(column.name, column.type) for column in columns])

    def compute(self, model: SqlModel, parameters: Mapping[str, datetime]) -> None:
        statements = self._statements[model.key]
        self._create(model.table.name, statements.select, parameters)
        if model.rejected is not None and statements.rejected is not None:
            self._create(model.rejected.name, statements.rejected, parameters)

    def audit(self, model: SqlModel, parameters: Mapping[str, datetime], times: int) -> pa.Table:
        rows = " UNION ALL ".join([f"SELECT * FROM {model.table.name}"] * times)
        self._run(f"CREATE OR REPLACE TABLE {STAGED} AS {rows}")
        if model.rejected is not None:
            self._run(f"CREATE OR REPLACE TABLE {REJECTED} AS SELECT * FROM {model.rejected.name}")
        return self._few(self._statements[model.key].audit, parameters)

    def rows(self, query: exp.Query, parameters: Mapping[str, datetime] | None = None) -> pa.Table:
        return self._few(Statement(query), parameters or {})

    def table(self, name: str) -> pa.Table:
        """A table's rows. By file: a month's rows take eight seconds through the API, and a quarter of one so."""
        uri = f"gs://{self._exports.name}/{name}/*.parquet"
        self._run(f"EXPORT DATA OPTIONS (uri = '{uri}', format = 'PARQUET', overwrite = TRUE) AS SELECT * FROM {name}")
        return pq.read_table(self._exports / name)

    def _create(self, table: str, statement: Statement, parameters: Mapping[str, datetime]) -> None:
        self._run(f"CREATE OR REPLACE TABLE {table} AS {statement.text('bigquery')}", _used(statement, parameters))

    def _few(self, statement: Statement, parameters: Mapping[str, datetime]) -> pa.Table:
        rows = self._run(statement.text("bigquery"), _used(statement, parameters))
        return rows.to_arrow(create_bqstorage_client=False)

    def _load(self, table: str, file: Path, schema: Sequence[bigquery.SchemaField]) -> None:
        config = bigquery.LoadJobConfig(
            schema=schema,
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        )
        if file.suffix == ".csv":
            config.source_format = bigquery.SourceFormat.CSV
            config.skip_leading_rows = 1
        with file.open("rb") as content:
            job = self._client.load_table_from_file(content, self._qualified(table), job_config=config, num_retries=0)
        job.result(retry=_RETRY, timeout=_JOB_SECONDS)

    def _run(self, sql: str, parameters: Mapping[str, datetime] | None = None) -> RowIterator:
        bound = [bigquery.ScalarQueryParameter(name, "DATETIME", value) for name, value in (parameters or {}).items()]
        config = bigquery.QueryJobConfig(query_parameters=bound, use_query_cache=False)
        # Not query_and_wait: of the emulator's failed jobs it makes empty results.
        job = self._client.query(sql, job_config=config, retry=_RETRY, job_retry=None)
        return job.result(retry=_RETRY, job_retry=None, timeout=_JOB_SECONDS)

    def _qualified(self, table: str) -> str:
        return f"{self._client.project}.{table}"


def _used(statement: Statement, parameters: Mapping[str, datetime]) -> dict[str, datetime]:
    return {name: parameters[name] for name in sorted(statement.parameters)}


def _reading(query: exp.Query, table: str) -> exp.Query:
    """A projection's query with the relation it reads, :data:`LANDED`, replaced by a table."""

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Table) and node.name == LANDED:
            return exp.alias_(exp.to_table(table), LANDED, table=True)
        return node

    placed: exp.Query = query.transform(replaced)  # type: ignore[assignment] # of the tree's own kind
    return placed


def _parquet_schema(file: Path) -> list[bigquery.SchemaField]:
    """A file's own columns in its order, each of the type that BigQuery gives its parquet type.

    Parquet writes a column that is all NULL as INT32, and that is what BigQuery sees.
    """
    from pyarrow import types

    def type_of(arrow: pa.DataType) -> str:
        if types.is_integer(arrow) or types.is_null(arrow):
            return "INT64"
        if types.is_floating(arrow):
            return "FLOAT64"
        if types.is_timestamp(arrow) and arrow.tz is None:
            return "DATETIME"
        if types.is_string(arrow) or types.is_large_string(arrow):
            return "STRING"
        raise TypeError(f"{file}: no known BigQuery type for {arrow}")

    return [_field(field.name, type_of(field.type)) for field in pq.read_schema(file)]


def _csv_schema(file: Path) -> list[bigquery.SchemaField]:
    return [_field(column.name, "STRING") for column in read_footer(file)]


def _field(name: str, type_: str) -> bigquery.SchemaField:
    base, _, arguments = type_.rstrip(")").partition("(")
    if not arguments:
        return bigquery.SchemaField(name, base)
    precision, scale = map(int, arguments.split(","))
    return bigquery.SchemaField(name, base, precision=precision, scale=scale)
