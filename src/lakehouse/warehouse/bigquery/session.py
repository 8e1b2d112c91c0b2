"""A session of BigQuery: names stand for tables, and for queries over them; staged rows are tables that do not last."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.partition import WHOLE
from lakehouse.results import CheckResult, EngineJob
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery import content, landed, one_scan, placing
from lakehouse.warehouse.bigquery.biglake.publishing import CatalogPublishing
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS
from lakehouse.warehouse.bigquery.publishing import Publishing, StagedTable
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.bigquery.types import schema_field, with_declared_types
from lakehouse.warehouse.bigquery.usual_cost import usual_cost
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.query_limits import Deadline
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import (
    Commit,
    LandedFile,
    PublishedRows,
    Relation,
    Staged,
    StagedPartition,
    Work,
)

if TYPE_CHECKING:
    import pyarrow as pa

STAGING_LASTS = timedelta(days=1)
"""How long what a session has staged stays where the session did not get to remove it."""


class BigQuerySession:
    """Implements :class:`lakehouse.warehouse.store.Session`."""

    def __init__(
        self, tables: Tables, jobs: Jobs, seen: BigQueryRecords, records: Callable[[], BigQueryRecords], work: Work
    ) -> None:
        self._tables = tables
        self._jobs = jobs
        self._seen = seen
        self._records = records
        self._work = work
        publications = placing.table(tables.sql_name(PUBLICATIONS.name))
        self._relations: dict[str, exp.Table | exp.Query] = {PUBLICATIONS.name: publications}
        self._read: dict[str, list[str]] = {}
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._staged: list[str] = []

    def relate(self, name: str, relation: Relation) -> None:
        if isinstance(relation, PublishedRows):
            self._relations[name] = self._seen.rows_of(relation.spec, relation.partition)
            self._read[name] = self._contents(relation)
            self._columns[name] = relation.spec.columns
        elif isinstance(relation, LandedFile):
            self._relations[name] = landed.loaded(relation, self._tables, self._jobs)
        elif isinstance(relation, exp.Query):
            self._relations[name] = self._placed(relation)
        else:
            self._relations[name] = self._given(relation)

    def stage(self, name: str, spec: TableSpec, statement: Statement, parameters: Mapping[str, object]) -> StagedTable:
        staged = TableSpec(self._new_name(spec.name), spec.columns, f"Staged for {self._work}", cluster=spec.cluster)
        self._tables.create(staged, lasts=STAGING_LASTS)
        self._staged.append(staged.name)
        table = self._tables.sql_name(staged.name)
        names = ", ".join(f"`{column.name}`" for column in spec.columns)
        query, bound = self._text(statement), statement.bind(parameters)
        rows = self._jobs.affected(f"INSERT INTO {table} ({names})\nSELECT {names} FROM ({query})", bound)
        self._relations[name] = placing.table(table)
        self._columns[name] = spec.columns
        held = self._tables.table(staged.name)
        size = 0 if held is None else int(held.num_bytes or 0)
        return StagedTable(spec, rows, self._content(spec, table, query, bound), size, table)

    def keep(self, name: str, statement: Statement, parameters: Mapping[str, object]) -> int:
        kept = self._new_name("kept")
        self._staged.append(kept)
        table, hours = self._tables.sql_name(kept), int(STAGING_LASTS.total_seconds() // 3600)
        lasts = f"OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {hours} HOUR))"
        self._jobs.rows(f"CREATE TABLE {table} {lasts} AS\n{self._text(statement)}", statement.bind(parameters))
        self._relations[name] = placing.table(table)
        (row,) = self._jobs.rows(f"SELECT COUNT(*) AS n FROM {table}")
        return int(row["n"])

    def one(self, statement: Statement, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        (row,) = self.rows(statement, parameters).to_pylist()
        return dict(row)

    def measured(self, staged: Staged, statements: Sequence[Statement], parameters: Mapping[str, object]) -> Measured:
        """See the protocol; all by one reading of the staged rows."""
        queries = {f"q{number}_": statement.query for number, statement in enumerate(statements)}
        columns = [column.name for column in staged.spec.columns]
        at_one_go = one_scan.measuring(queries, columns)
        types = {
            prefix + name: type_
            for prefix, query in queries.items()
            for name, type_ in dialect.output_types(query).items()
        }
        bound = {name: value for each in statements for name, value in each.bind(parameters).items()}
        found = self._jobs.rows(dialect.render(self._placed(at_one_go), "bigquery"), bound)
        (row,) = with_declared_types(found.to_arrow(), types).to_pylist()
        *answers, counts = (
            {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
            for prefix in (*queries, one_scan.NULLS)
        )
        return Measured(tuple(answers), counts)

    def first(self, name: str, rows: int) -> pa.Table:
        """See the protocol: any rows. Those of a table are told without a query, which would bill all of it."""
        relation = self._relations[name]
        columns = {column.name: column.type for column in self._columns.get(name, ())}
        if isinstance(relation, exp.Table):
            return with_declared_types(self._tables.some_rows(relation.sql(dialect.BIGQUERY), rows), columns)
        query = self._placed(dialect.all_of(name).limit(rows))
        return with_declared_types(self._jobs.rows(dialect.render(query, "bigquery")).to_arrow(), columns)

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> pa.Table:
        return self._rows(statement, statement.bind(parameters), None)

    def answer(self, statement: Statement, deadline: Deadline) -> pa.Table:
        return self._rows(statement, {}, deadline.remaining)

    def jobs(self) -> tuple[EngineJob, ...]:
        console = f"https://console.cloud.google.com/bigquery?project={self._tables.place.project}&j=bq:"
        return tuple(
            EngineJob(
                id=job.id,
                kind=job.kind,
                url=f"{console}{self._tables.place.location}:{job.id}&page=queryresults",
                bytes_billed=job.bytes_billed,
                bytes_processed=job.bytes_processed,
                slot_ms=job.slot_ms,
            )
            for job in self._jobs.done
        )

    def own_checks(self, spec: TableSpec) -> tuple[CheckResult, ...]:
        return (usual_cost(self._jobs, self._tables, spec, self._work.run_id),)

    def publish(self, partition: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        given = (self._tables, self._jobs, self._work, self._seen, self._records, partition)
        catalogs = {self._tables.of_catalog(staged.spec.name) for staged in partition.staged}
        if (catalog := next(iter(catalogs))) is not None and len(catalogs) == 1:
            return CatalogPublishing(*given, catalog=catalog).run(is_current)
        return Publishing(*given).run(is_current)

    def close(self) -> None:
        """Remove what was staged."""
        for name in self._staged:
            self._tables.drop(name)

    def _rows(self, statement: Statement, bound: Mapping[str, object], seconds: float | None) -> pa.Table:
        found = self._jobs.rows(self._text(statement), bound, seconds=seconds).to_arrow()
        return with_declared_types(found, self._types(statement.query))

    def _types(self, query: exp.Query) -> Mapping[str, str]:
        """Of the columns that a query gives; those of all of a table's are the table's."""
        whole = dialect.references(query) if query.is_star else ()
        columns = self._columns.get(whole[0]) if len(whole) == 1 else None
        return dialect.output_types(query) if columns is None else {column.name: column.type for column in columns}

    def _text(self, statement: Statement) -> str:
        return dialect.render(self._placed(one_scan.in_one_scan(statement.query)), "bigquery")

    def _placed(self, query: exp.Query) -> exp.Query:
        return placing.placed(query, self._relations)

    def _content(self, spec: TableSpec, table: str, query: str, bound: Mapping[str, object]) -> str:
        """What tells staged rows from others: the rows themselves where they have a grain, else what they are made of.

        To hash a month of records takes a reading of all of them, each time they are looked at.
        """
        if spec.grain:
            rows = exp.select("*").from_(placing.table(table))
            (row,) = self._jobs.rows(dialect.render(content.query(spec, rows), "bigquery"))
            return str(row["content"])
        made_of = [query, {name: str(value) for name, value in bound.items()}, self._read]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]

    def _contents(self, rows: PublishedRows) -> list[str]:
        if rows.spec.partition is not None and rows.partition is WHOLE:
            return sorted(f"{month} {found.content}" for month, found in self._seen.partitions(rows.spec).items())
        found = self._seen.publication(rows.spec, rows.partition)
        return [] if found is None else [found.content]

    def _given(self, rows: pa.Table) -> exp.Table | exp.Query:
        """Rows at hand, as a table of their own."""
        import pyarrow.parquet as pq

        columns = tuple(Column(field.name, _type_of(field), "") for field in rows.schema)
        if not rows.num_rows:
            return dialect.no_rows(columns)
        spec = TableSpec(self._new_name("given"), columns, f"Given to {self._work}")
        self._tables.create(spec, lasts=STAGING_LASTS)
        self._staged.append(spec.name)
        sink = io.BytesIO()
        pq.write_table(rows, sink)
        self._jobs.load_file(sink, self._tables.api_name(spec.name), [schema_field(column) for column in columns])
        return placing.table(self._tables.sql_name(spec.name))

    def _new_name(self, of: str) -> str:
        return f"staging.{of.replace('.', '__')}__{uuid.uuid4().hex[:12]}"

    def _table_of(self, staged: Staged) -> str:
        if not isinstance(staged, StagedTable):
            raise TypeError(f"{self._work}: {staged.spec.name} was staged by another session")
        return staged.table


def _type_of(field: pa.Field) -> str:
    """BigQuery's type of a column of rows at hand.

    Raises:
        QueryError: it has none.
    """
    import pyarrow as pa

    types = pa.types
    kinds: dict[str, Callable[[pa.DataType], bool]] = {
        "INT64": types.is_integer,
        "FLOAT64": types.is_floating,
        "BOOL": types.is_boolean,
        "STRING": lambda t: types.is_string(t) or types.is_large_string(t) or types.is_null(t),
        "DATE": types.is_date,
        "DATETIME": lambda t: types.is_timestamp(t) and t.tz is None,
        "TIMESTAMP": types.is_timestamp,
    }
    if types.is_decimal(field.type):
        return f"NUMERIC({field.type.precision},{field.type.scale})"
    found = next((name for name, matches in kinds.items() if matches(field.type)), None)
    if found is None:
        raise QueryError(f"{field.name}: there is no BigQuery type for {field.type}")
    return found
