"""A table is as late as the sources that make it run say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from lakehouse.assets.freshness import freshness
from lakehouse.bronze.source import Freshness, Source
from lakehouse.bronze.sources import SOURCES

BY_NAME = {source.dataset.name: source for source in SOURCES}


def days(source: Source, warn: int | None) -> Source:
    """A source that is late after so many days, or never."""
    late = None if warn is None else Freshness(warn=timedelta(days=warn), fail=timedelta(days=2 * warn))
    return replace(source, freshness=late)


MONTHLY, LATE = days(BY_NAME["yellow"], 50), days(BY_NAME["fhv"], 80)
DAILY, NEVER = days(BY_NAME["users"], 1), days(BY_NAME["zones"], None)


@pytest.mark.parametrize(
    ("sources", "is_partitioned", "warn"),
    [
        ([MONTHLY], True, 50),
        ([LATE], True, 80),
        ([MONTHLY, LATE], True, 50),
        ([MONTHLY, NEVER], True, 50),
        ([LATE, DAILY], True, 80),  # what comes daily does not make a month run
        ([MONTHLY, DAILY], False, 1),
        ([DAILY], False, 1),
        ([NEVER], False, None),
        ([MONTHLY, LATE], False, 50),  # made whole of months alone
        ([], True, None),
    ],
)
def test_the_strictest_of_the_sources_that_come_as_it_does(
    sources: list[Source], is_partitioned: bool, warn: int | None
) -> None:
    expected = None
    if warn is not None:
        expected = dg.FreshnessPolicy.time_window(
            warn_window=timedelta(days=warn), fail_window=timedelta(days=2 * warn)
        )
    assert freshness(sources, is_partitioned=is_partitioned) == expected
