"""What jobs cost, as it stands in metadata and as it is shown."""

from __future__ import annotations

import dagster as dg
import pytest

from lakehouse.assets.engine_jobs import job_facts
from lakehouse.results import EngineJob
from lakehouse.setting_values.price import price_usd, shown_price


def job(kind: str, bytes_billed: int, slot_ms: int) -> EngineJob:
    return EngineJob(f"{kind}-1", kind, "https://example.com", bytes_billed, bytes_billed - 1, slot_ms)


def test_a_materialization_says_what_its_jobs_cost_as_numbers_that_are_plotted() -> None:
    facts = job_facts([job("stage", 3 << 30, 1_000), job("publish", 1 << 30, 234), job("query", 0, 0)], 6.25)
    assert facts["price_usd"] == dg.FloatMetadataValue(0.0244140625)  # 4 GiB are 1/256 TiB
    assert (facts["bytes_billed"], facts["slot_ms"]) == (4 << 30, 1_234)
    assert (facts["stage_jobs"], facts["publish_jobs"], facts["query_jobs"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("bytes_billed", "shown"),
    [
        (0, "0"),
        (10 << 20, "0.00006"),
        (50 << 20, "0.0003"),
        (4 << 30, "0.024"),
        (160 << 30, "0.98"),
        ((1 << 40) - 1, "6.25"),
        (1 << 40, "6.25"),
        (1 << 50, "6400.00"),
    ],
)
def test_a_price_is_shown_with_the_digits_that_matter(bytes_billed: int, shown: str) -> None:
    assert format(shown_price(price_usd(bytes_billed, 6.25)), "f") == shown
