"""What a landed file says of its columns, as a note of its object: whoever lists objects knows it without a request."""

from __future__ import annotations

import json

from lakehouse.bronze.footer import SourceColumn

_MOST_BYTES = 6000
"""All notes of an object may have 8 KiB: https://cloud.google.com/storage/quotas#objects."""


def write_columns(columns: tuple[SourceColumn, ...]) -> str | None:
    """The text of a note; None where they are too many."""
    rows = [[column.name, column.kind, column.type, column.scale] for column in columns]
    text = json.dumps(rows, separators=(",", ":"))
    return text if len(text) <= _MOST_BYTES else None


def read_columns(text: str | None) -> tuple[SourceColumn, ...] | None:
    """The columns that a note tells of; None where there is none, or one of somebody else."""
    try:
        return None if text is None else tuple(SourceColumn(*row) for row in json.loads(text))
    except (ValueError, TypeError):
        return None
