"""Values as constants of statements: of what we write down ourselves, in scripts, which take no parameters."""

from __future__ import annotations

import json
from datetime import date, datetime


def text_literal(text: str) -> str:
    """A text as a constant of a statement; what JSON escapes, BigQuery does in the same way."""
    return json.dumps(text, ensure_ascii=False)


def literal(value: object, type_: str) -> str:
    """A value as a constant of a statement, NULL as one of a type."""
    if value is None:
        return f"CAST(NULL AS {type_})"
    match value:
        case datetime():
            return f"DATETIME '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case int():
            return str(value)
    return text_literal(str(value))
