"""Sample months of a test's own size."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.sample.source import ROWS


def scaled(share: float) -> Mapping[str, int]:
    """So many times the records that a sample month has, and of each dataset at least one."""
    return {dataset: max(1, round(rows * share)) for dataset, rows in ROWS.items()}
