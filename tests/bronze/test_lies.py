"""ETags and dates that differ for the same bytes tell nothing, and what they tell of landings counts no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakehouse.bronze.lies import Lies
from lakehouse.bronze.store import Landing

LANDING = Landing(
    dataset="green",
    month="2024-01",
    url="https://source/a",
    etag='"1"',
    last_modified="on Monday",
    bytes=1,
    rows=1,
    sha256="a" * 64,
    observed_at=datetime(2024, 3, 1, 12, tzinfo=UTC),
)


def landed(etag: str, day: str, sha256: str = "a" * 64) -> Landing:
    return LANDING.model_copy(update={"etag": etag, "last_modified": day, "sha256": sha256})


@pytest.mark.parametrize(
    ("newest", "lies"),
    [
        ([], Lies()),
        ([landed("1", "Mon")], Lies()),
        ([landed("2", "Mon"), landed("1", "Mon")], Lies(of_etags=True)),
        ([landed("2", "Mon", "b" * 64), landed("1", "Mon")], Lies()),
        ([landed("2", "Tue"), landed("1", "Mon")], Lies()),
        ([landed("1", "Tue"), landed("1", "Mon")], Lies()),
        ([landed("1", "Wed"), landed("1", "Tue"), landed("1", "Mon")], Lies(of_dates=True)),
        ([landed("3", "Wed"), landed("2", "Tue"), landed("1", "Mon")], Lies(of_etags=True, of_dates=True)),
        ([landed("1", "Tue"), landed("1", "Tue"), landed("1", "Mon")], Lies()),
        ([landed("3", "Wed"), landed("2", "Tue"), landed("1", "Mon", "b" * 64)], Lies()),
    ],
)
def test_what_the_newest_landings_tell(newest: list[Landing], lies: Lies) -> None:
    assert Lies.of(newest) == lies


@pytest.mark.parametrize(
    ("change", "etags", "dates"),
    [
        ({}, True, True),
        ({"etag": '"2"'}, True, False),
        ({"last_modified": "on Tuesday"}, False, True),
        ({"sha256": "b" * 64}, False, False),
        ({"url": "https://source/b"}, False, False),
    ],
)
def test_landings_are_alike_whatever_lies_say(change: dict[str, str], etags: bool, dates: bool) -> None:
    other = LANDING.model_copy(update=change)
    assert Lies(of_etags=True).are_alike(LANDING, other) is etags
    assert Lies(of_dates=True).are_alike(LANDING, other) is dates
    assert Lies().are_alike(LANDING, other) is (change == {})


def test_a_file_made_from_an_answer_is_alike_whatever_was_made_of_it() -> None:
    first = LANDING.model_copy(update={"answer_sha256": "1" * 64})
    again = first.model_copy(update={"sha256": "2" * 64})
    assert first.served_sha256 == "1" * 64
    assert Lies().are_alike(first, again)
    assert not Lies().are_alike(first, again.model_copy(update={"answer_sha256": "3" * 64}))
