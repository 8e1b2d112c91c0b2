"""What a materialization says of the jobs that an engine did for it, and of what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dagster as dg

from lakehouse.results import EngineJob
from lakehouse.setting_values.price import price_usd


def job_facts(jobs: Sequence[EngineJob], usd_per_tib: float) -> dict[str, Any]:
    """What the engine did, what of it is billed, and what that costs in USD."""
    billed = sum(job.bytes_billed for job in jobs)
    kinds = Counter(job.kind for job in jobs)
    return {
        "jobs": dg.MetadataValue.md("\n".join(f"- {job.kind} [{job.id}]({job.url})" for job in jobs)),
        **{f"{kind}_jobs": number for kind, number in sorted(kinds.items())},
        "bytes_billed": billed,
        "price_usd": dg.MetadataValue.float(price_usd(billed, usd_per_tib)),
        "bytes_processed": sum(job.bytes_processed for job in jobs),
        "slot_ms": sum(job.slot_ms for job in jobs),
    }
