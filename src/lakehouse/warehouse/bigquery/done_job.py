"""What a job of BigQuery has taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DoneJob:
    """A job that is over: it was to query, load, stage or publish; ``slot_ms`` are milliseconds of BigQuery's slots."""

    id: str
    kind: str
    bytes_billed: int
    bytes_processed: int
    slot_ms: int
