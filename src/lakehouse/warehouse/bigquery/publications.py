"""What is published, as an append-only table: one row for each time that a month of a table was.

``meta.publications`` is written in the transactions that publish. ``sequence`` counts those of a table. ``meta.turn``
has a row for each table, which every such transaction changes: so two that come at once are never both done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlglot import exp

from lakehouse.exceptions import LakehouseError
from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Month, Partition, Period
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.literals import literal, text_literal
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.store import Record

PUBLICATIONS = TableSpec(
    "meta.publications",
    (
        Column("table_name", "STRING", "Table that it is of"),
        Column("month", "DATE", "First day of the month, NULL of a whole table"),
        Column("kind", "STRING", "published, confirmed (these rows were there), outdated (by), set aside"),
        Column("sequence", "INT64", "How many transactions the table has had"),
        Column("recorded_at", "DATETIME", "When, UTC"),
        Column("fingerprint", "STRING", "What the rows were computed from"),
        Column("content", "STRING", "What the rows are: equal for equal rows"),
        Column("row_count", "INT64", "How many rows", "rows"),
        Column("byte_count", "INT64", "Logical bytes of the rows", "bytes"),
        Column("version", "STRING", "Job that published the rows"),
        Column("published_at", "DATETIME", "When the rows were published, UTC"),
        Column("landing", "STRING", "SHA-256 of the landed file that they were made of"),
        Column("landed_records", "INT64", "Records of that file", "records"),
        Column("copies", "INT64", "Copies of rows that were left out", "records"),
        Column("rejected", "STRING", "Rejected records by reason, as JSON"),
        Column("note", "STRING", "What was put down with it"),
        Column("asset", "STRING", "Asset that was materialized"),
        Column("run_id", "STRING", "Run that asked for it"),
        Column("outdated_by", "STRING", "Table that changed since, or since when it is empty"),
        Column("bytes_billed", "INT64", "Bytes that its jobs billed until it was published", "bytes"),
        Column("slot_ms", "INT64", "Milliseconds of slots that these jobs took", "ms"),
    ),
    "What was published when: the newest row of a table and month says what it holds; rows are only ever added",
    cluster=("table_name",),
)

TURN = TableSpec(
    "meta.turn",
    (
        Column("table_name", "STRING", "Table that is published"),
        Column("turn", "INT64", "How many transactions have had a turn"),
    ),
    "A row for each table, which every transaction that publishes it changes, so that no two of them do at once",
)

SHA256_DIGITS = 16
"""Of the hash of a landed file, in rows that are made of it: a whole one would be half of a narrow row."""

PUBLISHED, CONFIRMED, OUTDATED, SET_ASIDE = "published", "confirmed", "outdated", "set aside"

ANEW = "anew since "
"""What stands for the name of a table where a month was lost with the table it was in."""


@dataclass(frozen=True)
class Publication:
    """The newest of a month of a table; ``outdated_by`` are the tables that changed since, if any."""

    sequence: int
    fingerprint: str
    fingerprints: frozenset[str]
    """All that are known to make the same rows."""
    content: str
    rows: int
    bytes: int
    version: str | None
    published_at: datetime | None

    @property
    def record(self) -> Record:
        """As every store tells of it."""
        return Record(self.fingerprints, self.content, self.rows, self.bytes, self.version, self.published_at)


@dataclass(frozen=True)
class TableHistory:
    """Of a table: its newest ``sequence``, 0 if there is none; ``version`` is what was published last of it, if any."""

    sequence: int = 0
    version: str | None = None


@dataclass(frozen=True)
class Published:
    """What was published of some months as of one moment; marks are of months that are outdated."""

    months: Mapping[tuple[str, Partition], Publication]
    marks: Mapping[tuple[str, Partition], tuple[str, ...]]
    tables: Mapping[str, TableHistory]

    def history(self, name: str) -> TableHistory:
        return self.tables.get(name, TableHistory())


def published(
    jobs: Jobs, tables: Tables, partition: Partition | None, as_of: Mapping[str, TableHistory] | None = None
) -> Published:
    """What is published of a month and of tables that come whole, or of all months if none is given.

    Or what was when tables had just these histories: rows are only ever added.
    """
    of = [partition.first_day] if isinstance(partition, Period) else []
    parameters: dict[str, object] = {"first_day": of[0]} if of else {}
    wanted = "TRUE" if partition is None else "m.month IS NULL OR m.month = @first_day" if of else "m.month IS NULL"
    rows = jobs.rows(_STATE.format(publications=_as_of(tables, as_of), wanted=wanted), parameters)
    found = [dict(row.items()) for row in rows]
    months = {_key(row): _publication(row) for row in found if row["is_month"] and row["row_count"] is not None}
    marks = {_key(row): tuple(sorted(row["outdated_by"].split("\n"))) for row in found if row["outdated_by"]}
    histories = {
        row["table_name"]: TableHistory(int(row["sequence"]), row["version"]) for row in found if not row["is_month"]
    }
    return Published(months, marks, histories)


def notes(jobs: Jobs, tables: Tables, spec: TableSpec, as_of: Mapping[str, TableHistory]) -> Mapping[Partition, str]:
    """What was put down with the newest publication of each month of a table, when tables had these histories."""
    rows = jobs.rows(_NOTES.format(publications=_as_of(tables, as_of)), {"table_name": spec.name})
    return {_partition(row["month"]): row["note"] for row in rows if row["note"] is not None}


def accounts(columns: Sequence[Column], reasons: Sequence[str]) -> exp.Query:
    """The ledger's counts of what is published, with these columns: keys, rows, copies, and one for each reason."""
    rejected = [f"COALESCE(CAST(JSON_VALUE(rejected, {_path(reason)}) AS INT64), 0)" for reason in reasons]
    values = ["table_name", "month", f"LEFT(landing, {SHA256_DIGITS})", "row_count", "copies", *rejected]
    told = ", ".join(f"{value} AS `{column.name}`" for value, column in zip(values, columns, strict=True))
    live = _LIVE.format(publications=PUBLICATIONS.name)
    query = f"{live}\nSELECT {told} FROM newest WHERE landing IS NOT NULL AND copies IS NOT NULL"
    return dialect.parse(query, PUBLICATIONS.name, LakehouseError)


def _as_of(tables: Tables, histories: Mapping[str, TableHistory] | None) -> str:
    """What a statement reads for ``meta.publications``, without what came after these."""
    name = tables.sql_name(PUBLICATIONS.name)
    if histories is None:
        return name
    if not histories:
        return f"(SELECT * FROM {name} WHERE FALSE)"
    newest = " ".join(f"WHEN {text_literal(table)} THEN {each.sequence}" for table, each in sorted(histories.items()))
    return f"(SELECT * FROM {name} WHERE sequence <= CASE table_name {newest} ELSE 0 END)"


def _path(reason: str) -> str:
    return text_literal(f'$."{reason}"')


def row_text(values: Mapping[str, object]) -> str:
    """A row as an INSERT's VALUES have it, of constants; columns that are not given are NULL."""
    return f"({', '.join(literal(values.get(column.name), column.type) for column in PUBLICATIONS.columns)})"


def insert_text(table: str, rows: Iterable[str]) -> str:
    """The statement that adds such rows."""
    names = ", ".join(column.name for column in PUBLICATIONS.columns)
    values = ",\n".join(rows)
    return f"INSERT INTO {table} ({names}) VALUES\n{values}"


def month_value(partition: Partition) -> date | None:
    """What stands for a partition in the column ``month``."""
    return partition.first_day if isinstance(partition, Period) else None


def _key(row: Mapping[str, Any]) -> tuple[str, Partition]:
    return row["table_name"], _partition(row["month"])


def _partition(first_day: date | None) -> Partition:
    return WHOLE if first_day is None else Month(first_day.year, first_day.month)


def _publication(row: Mapping[str, Any]) -> Publication:
    at = row["published_at"]
    return Publication(
        sequence=int(row["sequence"]),
        fingerprint=row["fingerprint"],
        fingerprints=frozenset(row["fingerprints"].split()),
        content=row["content"],
        rows=int(row["row_count"]),
        bytes=int(row["byte_count"]),
        version=row["version"],
        published_at=None if at is None else at.replace(tzinfo=UTC),
    )


_LIVE = """
WITH set_aside AS (
  SELECT table_name, MAX(sequence) AS sequence
  FROM {publications}
  WHERE kind = 'set aside'
  GROUP BY table_name
),
live AS (
  SELECT p.*
  FROM {publications} AS p
  LEFT JOIN set_aside AS s ON s.table_name = p.table_name
  WHERE p.sequence > COALESCE(s.sequence, 0) OR (p.sequence = s.sequence AND p.kind = 'outdated')
),
newest AS (
  SELECT *
  FROM live
  WHERE kind IN ('published', 'confirmed')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name, month ORDER BY sequence DESC) = 1
)"""

_STATE = (
    _LIVE
    + """,
months AS (
  SELECT
    l.table_name,
    l.month,
    STRING_AGG(DISTINCT IF(l.kind <> 'outdated' AND l.content = n.content, l.fingerprint, NULL), ' ') AS fingerprints,
    STRING_AGG(
      DISTINCT IF(l.kind = 'outdated' AND l.sequence > COALESCE(n.sequence, 0), l.outdated_by, NULL), '\\n'
    ) AS outdated_by
  FROM live AS l
  LEFT JOIN newest AS n
    ON n.table_name = l.table_name AND COALESCE(n.month, DATE '0001-01-01') = COALESCE(l.month, DATE '0001-01-01')
  GROUP BY l.table_name, l.month
)
SELECT
  TRUE AS is_month,
  m.table_name,
  m.month,
  COALESCE(n.sequence, 0) AS sequence,
  n.version,
  m.outdated_by,
  n.fingerprint,
  m.fingerprints,
  n.content,
  n.row_count,
  n.byte_count,
  n.published_at
FROM months AS m
LEFT JOIN newest AS n
  ON n.table_name = m.table_name AND COALESCE(n.month, DATE '0001-01-01') = COALESCE(m.month, DATE '0001-01-01')
WHERE ({wanted}) OR m.outdated_by IS NOT NULL
UNION ALL
SELECT
  FALSE AS is_month,
  p.table_name,
  CAST(NULL AS DATE) AS month,
  MAX(p.sequence) AS sequence,
  ANY_VALUE(
    IF(p.kind = 'published' AND p.sequence > COALESCE(s.sequence, 0), p.version, NULL)
    HAVING MAX IF(p.kind = 'published' AND p.sequence > COALESCE(s.sequence, 0), p.sequence, NULL)
  ) AS version,
  CAST(NULL AS STRING) AS outdated_by,
  CAST(NULL AS STRING) AS fingerprint,
  CAST(NULL AS STRING) AS fingerprints,
  CAST(NULL AS STRING) AS content,
  CAST(NULL AS INT64) AS row_count,
  CAST(NULL AS INT64) AS byte_count,
  CAST(NULL AS DATETIME) AS published_at
FROM {publications} AS p
LEFT JOIN set_aside AS s ON s.table_name = p.table_name
GROUP BY p.table_name"""
)

_NOTES = (
    _LIVE
    + """
SELECT month, note
FROM newest
WHERE table_name = @table_name"""
)
