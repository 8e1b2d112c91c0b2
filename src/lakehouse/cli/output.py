"""Query results on a terminal, or as CSV or JSON for a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from lakehouse.exceptions import QueryError

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE_ROWS = 200
_WIDEST = 100_000
_NUMERIC_SCALE = 9
"""Decimals of a NUMERIC that is not declared to have fewer."""


def write(result: pa.Table, style: str) -> None:
    """Write a result to standard output as ``table``, ``csv`` or ``json``."""
    writers = {"table": _write_table, "csv": _write_csv, "json": _write_json}
    writers[style](_with_needed_decimals(result))


def _with_needed_decimals(result: pa.Table) -> pa.Table:
    """NUMERICs that may have nine decimals with as many as the column needs: zeros at their ends say nothing."""
    import pyarrow as pa

    for position, field in enumerate(result.schema):
        if pa.types.is_decimal128(field.type) and field.type.scale == _NUMERIC_SCALE:
            column = _rescaled(result.column(position), field.type.precision)
            result = result.set_column(position, field.name, column)
    return result


def _rescaled(column: pa.ChunkedArray, precision: int) -> pa.ChunkedArray:
    """With as few decimals as lose nothing; the first rows mostly tell how many, and a cast of all takes long."""
    import pyarrow as pa

    scale = 0
    for rows in (column.slice(0, _TABLE_ROWS), column):
        while scale < _NUMERIC_SCALE:
            try:
                rescaled = rows.cast(pa.decimal128(precision, scale))
            except pa.ArrowInvalid:  # a value has more decimals
                scale += 1
            else:
                break
    return column if scale == _NUMERIC_SCALE else rescaled


def _write_csv(result: pa.Table) -> None:
    import pyarrow as pa
    from pyarrow import csv

    try:
        csv.write_csv(result, sys.stdout.buffer)
    except pa.ArrowInvalid as error:
        raise QueryError(f"query: cannot be written as CSV ({error}); use --format json") from None


def _write_json(result: pa.Table) -> None:
    """An array with one object a line; DuckDB writes it, so exact numbers stay exact."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # else an instant is told in the machine's time zone
        connection.register("result", result)
        reader = connection.sql("SELECT CAST(to_json(result) AS VARCHAR) AS row FROM result").to_arrow_reader()
        separator = "[\n"
        for batch in reader:
            for row in batch.column(0).to_pylist():
                click.echo(f"{separator}{row}", nl=False)
                separator = ",\n"
    click.echo("\n]" if result.num_rows else "[]")


def _write_table(result: pa.Table) -> None:
    kinds = {field.name: _is_numeric(field) for field in result.schema}
    shown = result.slice(0, _TABLE_ROWS)
    write_lines(list(kinds.items()), (list(map(_cell, row.values())) for row in shown.to_pylist()))
    if result.num_rows > _TABLE_ROWS:
        click.echo(f"… the first {_TABLE_ROWS} of {result.num_rows:,} rows; --format csv writes all")
    else:
        click.echo(f"{result.num_rows:,} row{'' if result.num_rows == 1 else 's'}")


def write_lines(columns: Sequence[tuple[str, bool]], lines: Iterable[Sequence[str]]) -> None:
    """Write lines of text under the names of their columns; True stands for a column of numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    class Writer(Console):
        def on_broken_pipe(self) -> None:
            """As any other write: rich would end the process with 1."""
            raise BrokenPipeError

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, numeric in columns:
        table.add_column(Text(name), justify="right" if numeric else "left", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    # Wider than any terminal: a long line wraps, where rich would leave columns out.
    Writer(width=_WIDEST, highlight=False).print(table)


def _is_numeric(field: pa.Field) -> bool:
    return not str(field.type).startswith(("string", "large_string", "date", "timestamp", "bool"))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)
