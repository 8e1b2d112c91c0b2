"""Whether an engine's rows are the expected ones: same columns, same types, same values; the order does not count."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from lakehouse.column_types import arrow_type
from lakehouse.schema import Column

_HUGEINT = pa.decimal128(38, 0)
_EXAMPLES = 3


class Differs(Exception):
    """Rows are not the expected ones; the message says how."""


Verdict = Literal["agrees", "DISAGREES", "FAILS"]


@dataclass(frozen=True)
class Outcome:
    """What became of one relation of one scenario on one engine."""

    relation: str
    scenario: str
    era: str
    engine: str
    verdict: Verdict
    rows: int | None
    seconds: float
    detail: str = ""


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow types that stand for declared columns here."""
    return pa.schema([(column.name, arrow_type(column.type)) for column in columns])


def require_same(expected: pa.Table, actual: pa.Table) -> None:
    """Compare an engine's rows with the expected ones, which have the types of :func:`arrow_schema`.

    Raises:
        Differs: they are not the same.
    """
    actual = in_types_of(expected.schema, actual)
    if expected.num_rows != actual.num_rows:
        raise Differs(f"{actual.num_rows:,} rows instead of {expected.num_rows:,}{_examples(expected, actual)}")
    ours, theirs = _sorted(expected), _sorted(actual)
    if not ours.equals(theirs):
        names = [name for name in ours.column_names if not ours.column(name).equals(theirs.column(name))]
        raise Differs(f"differs in {', '.join(names)}{_examples(expected.select(names), actual.select(names))}")


def in_types_of(schema: pa.Schema, actual: pa.Table) -> pa.Table:
    """An engine's rows in the types of :func:`arrow_schema`.

    Raises:
        Differs: a column is of another kind, or has a value that its type does not hold.
    """
    if actual.column_names != schema.names:
        raise Differs(f"columns {', '.join(actual.column_names)} instead of {', '.join(schema.names)}")
    columns = []
    for field in schema:
        column = actual.column(field.name)
        if not _stands_for(column.type, field.type):
            raise Differs(f"{field.name} is {column.type} instead of {field.type}")
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise Differs(f"{field.name} holds what is no {field.type}: {error}") from None
    return pa.table(columns, schema=schema)


def _stands_for(actual: pa.DataType, expected: pa.DataType) -> bool:
    """Arrow's several texts are one type; a decimal of more digits is compared by its value, which must fit.

    DuckDB sums INT64 into HUGEINT, which Arrow shows as a decimal; the warehouse turns it back as is done here.
    """
    if pa.types.is_decimal(expected):
        return bool(pa.types.is_decimal(actual))
    if expected == pa.string():
        return bool(pa.types.is_string(actual) or pa.types.is_large_string(actual))
    return bool(actual == expected or (expected == pa.int64() and actual == _HUGEINT))


def _sorted(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def _examples(expected: pa.Table, actual: pa.Table) -> str:
    """A few rows that only one side has."""
    sides = {"missing": _surplus(expected, actual), "too many": _surplus(actual, expected)}
    return "".join(f"; {side}: {'; '.join(map(str, rows))}" for side, rows in sides.items() if rows)


def _surplus(one: pa.Table, other: pa.Table) -> list[dict[str, Any]]:
    surplus = Counter(_records(one)) - Counter(_records(other))
    return [dict(zip(one.column_names, record, strict=True)) for record in itertools.islice(surplus, _EXAMPLES)]


def _records(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
