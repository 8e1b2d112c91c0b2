"""Rows at hand as GoogleSQL's literals, each of its column's type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Values = Sequence[Sequence[Any]]
"""Rows, each with a value for every column."""

_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def relation(columns: Mapping[str, str], rows: Values) -> str:
    """A SELECT that gives these rows, with columns of these types."""
    fields = ", ".join(f"`{name}` {type_.partition('(')[0]}" for name, type_ in columns.items())
    listed = ",\n".join(f"STRUCT({', '.join(map(_typed, row, columns.values()))})" for row in rows)
    return f"SELECT * FROM UNNEST(ARRAY<STRUCT<{fields}>>[{listed}])"


def literal(value: Any) -> str:
    """A value as a literal of the type that BigQuery has for it.

    Raises:
        KeyError: it has none.
    """
    return _WRITTEN[type(value)](value)


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"CAST('{value}' AS FLOAT64)"


def _text(value: str) -> str:
    return "'" + "".join(_ESCAPED.get(each, each) for each in value) + "'"


def _time(value: datetime) -> str:
    if value.tzinfo is None:
        return f"DATETIME '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMP '{value.astimezone(UTC).isoformat(sep=' ')}'"


_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: str(value).upper(),
    int: str,
    float: _float,
    Decimal: lambda value: f"NUMERIC '{value:f}'",
    str: _text,
    datetime: _time,
    date: lambda value: f"DATE '{value.isoformat()}'",
}


def _typed(value: Any, type_: str) -> str:
    if type_.startswith("NUMERIC") and isinstance(value, int):
        return literal(Decimal(value))
    return literal(value)
