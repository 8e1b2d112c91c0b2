"""Whether a statement gives the same on DuckDB, through a session of the project's, and on Google's engine."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlglot import exp

from lakehouse.column_types import arrow_type
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session
from tests.emulators.comparison import in_types_of
from tests.googlesql.oracle import Oracle, Refusal, Rows
from tests.googlesql.placing import Given, Source, placed

_WIDER = {pa.decimal128(38, 0): "INT64", pa.int32(): "INT64", pa.float32(): "FLOAT64"}
"""DuckDB adds INT64 up in a wider type, and keeps a landed file's narrower ones."""

_DECLARED = ("INT64", "FLOAT64", "BOOL", "STRING", "DATE", "DATETIME", "TIMESTAMP")
_EXAMPLES = 3


class Disagrees(AssertionError):
    """The engines do not give the same; the message says what each gives."""


def given(session: Session, sources: Mapping[str, Source]) -> None:
    """Let a session know what statements are to read."""
    for name, source in sources.items():
        session.relate(name, _table(source) if isinstance(source, Given) else source)


def require_same(
    oracle: Oracle,
    session: Session,
    statement: Statement,
    sources: Mapping[str, Source],
    parameters: Mapping[str, object],
    spec: TableSpec | None = None,
) -> int:
    """Compare what a statement gives of ``sources``, which the session knows: names, types, rows in any order.

    Rows of a table are compared as they are staged, in the types of ``spec``.

    Returns:
        How many rows there are.

    Raises:
        Disagrees: they differ in anything, or Google's engine refuses the statement.
    """
    if spec is None:
        ours = session.rows(statement, parameters)
        columns = [(field.name, bigquery_type(field.type)) for field in ours.schema]
    else:
        session.stage("staged_rows", spec, statement, parameters)
        staged = session.rows(Statement(exp.select("*").from_("staged_rows")), {})
        ours = in_types_of(pa.schema([(each.name, arrow_type(each.type)) for each in spec.columns]), staged)
        columns = [(column.name, column.base_type) for column in spec.columns]
    text = placed(statement.query, sources, statement.bind(parameters))
    theirs, text = oracle.run(text), statement.text("bigquery")
    if isinstance(theirs, Refusal):
        raise Disagrees(f"Google's engine: {theirs.reason}\nDuckDB gives {ours.slice(0, 3).to_pylist()}\n{text}")
    _compare(columns, ours, theirs, text)
    return int(ours.num_rows)


def bigquery_type(type_: pa.DataType) -> str:
    """BigQuery's name of an Arrow type, without precision."""
    if type_ in _WIDER:
        return _WIDER[type_]
    if pa.types.is_decimal(type_):
        return "NUMERIC"
    return next((name for name in _DECLARED if arrow_type(name) == type_), str(type_))


def _compare(columns: Sequence[tuple[str, str]], ours: pa.Table, theirs: Rows, text: str) -> None:
    if list(theirs.columns) != list(columns):
        raise Disagrees(f"columns {theirs.columns} on Google's engine, {columns} on DuckDB\n{text}")
    one = Counter(tuple(map(_plain, row)) for row in zip(*(c.to_pylist() for c in ours.columns), strict=True))
    other = Counter(tuple(map(_plain, row)) for row in theirs.rows)
    if one != other:
        names = [name for name, _ in columns]
        sides = {"DuckDB alone": one - other, "Google's engine alone": other - one}
        said = "\n".join(f"{side}: {_shown(names, rows)}" for side, rows in sides.items())
        raise Disagrees(f"{said}\n{text}")


def _shown(names: Sequence[str], rows: Counter[tuple[Any, ...]]) -> str:
    return f"{rows.total()} rows, as {[dict(zip(names, row, strict=True)) for row in list(rows)[:_EXAMPLES]]}"


def _plain(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _table(source: Given) -> pa.Table:
    columns = (Column(name, type_, "") for name, type_ in source.columns.items())
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in columns])
    arrays = zip(*source.rows, strict=True) if source.rows else ([] for _ in schema)
    return pa.Table.from_arrays([pa.array(v, f.type) for v, f in zip(arrays, schema, strict=True)], schema=schema)
