"""A table is as late as the sources that make it run say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.assets.freshness import Made, fresh_result, last_made, strictest
from lakehouse.bronze.source import Freshness, Source
from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import Month
from tests import green_files
from tests.project import Project

BY_NAME = {source.dataset.name: source for source in SOURCES}


def days(source: Source, warn: int | None) -> Source:
    """A source that is late after so many days, or never."""
    late = None if warn is None else Freshness(warn=timedelta(days=warn), fail=timedelta(days=2 * warn))
    return replace(source, freshness=late)


MONTHLY, LATE = days(BY_NAME["yellow"], 50), days(BY_NAME["fhv"], 80)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
MONTH = Month(2024, 1)
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
    expected = None if warn is None else Freshness(warn=timedelta(days=warn), fail=timedelta(days=2 * warn))
    assert strictest(sources, is_partitioned=is_partitioned) == expected


@pytest.mark.parametrize(
    ("age", "passed", "severity"),
    [
        (timedelta(0), True, None),
        (timedelta(days=46, hours=23), True, None),
        (timedelta(days=47), False, "WARN"),
        (timedelta(days=77, hours=23), False, "WARN"),
        (timedelta(days=78), False, "ERROR"),
    ],
)
def test_an_asset_is_late_after_the_days_of_its_source(age: timedelta, passed: bool, severity: str | None) -> None:
    limits = Freshness(warn=timedelta(days=47), fail=timedelta(days=78))
    found = fresh_result(limits, Made(NOW - age, "a run"), NOW)
    assert found.passed is passed
    assert severity is None or found.severity.value == severity


def test_what_was_never_made_is_not_fresh() -> None:
    assert not fresh_result(Freshness(warn=timedelta(days=1), fail=timedelta(days=2)), None, NOW).passed


def test_a_month_that_holds_nothing_is_no_news(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.publish(MONTH, green_files.trips(MONTH, 3))
    key = dg.AssetKey("green_bronze")
    project.run(MONTH.next(), selection="infrastructure,green_bronze")
    with project.instance() as instance:
        assert last_made(instance, key) is None
    project.run(MONTH, selection="green_bronze")
    with project.instance() as instance:
        made = last_made(instance, key)
    project.run(MONTH.next(), selection="green_bronze")
    with project.instance() as instance:
        newest = instance.get_latest_materialization_event(key)
        assert newest is not None
        assert made is not None
        assert newest.timestamp > made.at.timestamp()
        assert last_made(instance, key) == made
