"""An in-memory DuckDB that reads parquet files as named relations and writes one file at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.bronze.footer import read_footer
from lakehouse.schema import Column

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SCHEMAS = ("bronze", "silver", "gold", "audit")


class DuckDbEngine:
    """One private connection; use as a context manager.

    It holds views over immutable files only, so any number may work at once, in this process or others.
    """

    def __init__(self, memory_limit: str, threads: int, spill: Path) -> None:
        self._config: dict[str, Any] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(spill),
        }

    def __enter__(self) -> DuckDbEngine:
        import duckdb

        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(config=self._config)
        self._connection.execute("SET TimeZone = 'UTC'")  # as BigQuery reads times without a zone
        for schema in SCHEMAS:
            self._connection.execute(f"CREATE SCHEMA {schema}")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def view(self, name: str, select: str) -> None:
        """Name a SELECT; it is computed whenever it is read."""
        layer, _, table = name.rpartition(".")
        qualified = f"{quoted(layer)}.{quoted(table)}" if layer else quoted(table)
        self._connection.execute(f"CREATE OR REPLACE VIEW {qualified} AS {select}")

    def parquet_view(self, name: str, files: Sequence[Path], columns: Iterable[Column]) -> None:
        """Name the rows of parquet files as a table of just these columns; no files are no rows.

        Files may be older than the columns: a column that a file lacks is NULL in its rows.
        """
        typed = ", ".join(f"CAST(NULL AS {duckdb_type(c.type)}) AS {quoted(c.name)}" for c in columns)
        nothing = f"SELECT {typed} WHERE FALSE"
        if not files:
            self.view(name, nothing)
            return
        names = ", ".join(quoted(column.name) for column in columns)
        source = read_parquet(files)
        if self.column_types(f"SELECT * FROM {source}").keys() >= {column.name for column in columns}:
            self.view(name, f"SELECT {names} FROM {source}")
        else:
            self.view(name, f"SELECT {names} FROM ({nothing} UNION ALL BY NAME SELECT * FROM {source})")

    def column_types(self, select: str) -> dict[str, str]:
        """Name → DuckDB type of what a SELECT returns, without running it."""
        rows = self._connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {select})").fetchall()
        return dict(rows)

    def copy(self, select: str, parameters: Mapping[str, object], file: Path) -> int:
        """Write a SELECT's rows to a new parquet file, durably; returns how many."""
        target = literal(str(file))
        self._connection.execute(
            f"COPY ({select}) TO {target} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)",
            dict(parameters),
        )
        row = self._connection.fetchone()
        with file.open("rb") as written:
            os.fsync(written.fileno())
        return int(row[0]) if row else 0

    def row(self, select: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """The one row of a SELECT, by column name."""
        cursor = self._connection.execute(select, dict(parameters))
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        return dict(zip(names, rows[0], strict=True))

    def table(self, select: str, parameters: Mapping[str, object]) -> pa.Table:
        """A SELECT's rows as Arrow."""
        return self._connection.sql(select, params=dict(parameters) or None).to_arrow_table()


def read_parquet(files: Sequence[Path]) -> str:
    """Table function over files; folders named ``year=2024`` in their paths are not columns."""
    listed = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = FALSE, union_by_name = TRUE)"


def read_file(file: Path) -> str:
    """Table function over one landed file. CSV is text, in quotes or not: only what is empty is NULL."""
    if file.suffix == ".csv":
        columns = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in read_footer(file))
        return (
            f"read_csv({literal(str(file))}, auto_detect = FALSE, header = TRUE, columns = {{{columns}}}, delim = ',', "
            "quote = '\"', escape = '\"', nullstr = '', comment = '', hive_partitioning = FALSE)"
        )
    return read_parquet([file])


def quoted(name: str) -> str:
    """An identifier, quoted for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal, quoted for DuckDB; for places that take no bound parameter."""
    return "'" + text.replace("'", "''") + "'"


@cache
def duckdb_type(bigquery_type: str) -> str:
    """DuckDB's name of a BigQuery type."""
    return exp.DataType.build(bigquery_type, dialect="bigquery").sql("duckdb")
