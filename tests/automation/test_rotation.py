"""Older months are asked for in turn, each once in the days that are set, whatever happens to the range meanwhile."""

from __future__ import annotations

from collections import Counter

import pytest

from lakehouse.automation.rotation import Rotation, RotationCursor, months_a_tick
from lakehouse.partition import Month, month_range

OLDER = tuple(month_range(Month(2019, 1), Month(2019, 6)))


@pytest.mark.parametrize(
    ("older", "poll_seconds", "recheck_days", "at_a_tick"),
    [
        (0, 3600, 7, 0),
        (1, 3600, 7, 1),
        (167, 3600, 7, 1),
        (168, 3600, 7, 2),  # not all of the 168 hours of a week are ticks: the daemon is up to 5 seconds late
        (180, 10, 1, 1),
        (180, 3600, 1, 8),
        (180, 86_400, 7, 30),
        (180, 14 * 86_400, 7, 180),
    ],
)
def test_so_many_months_are_asked_for_at_a_tick(
    older: int, poll_seconds: int, recheck_days: int, at_a_tick: int
) -> None:
    assert months_a_tick(older, poll_seconds, recheck_days) == at_a_tick


@pytest.mark.parametrize("recheck_days", [1, 7])
@pytest.mark.parametrize("poll_seconds", [10, 3600, 7200])
@pytest.mark.parametrize("older", [1, 23, 180])
def test_every_month_has_its_turn_in_the_days_that_are_set(older: int, poll_seconds: int, recheck_days: int) -> None:
    months = tuple(month_range(Month(2011, 1), Month(2011 + (older - 1) // 12, (older - 1) % 12 + 1)))
    asked: Counter[Month] = Counter()
    position, seconds = RotationCursor(), 0
    while seconds < recheck_days * 86_400 - (poll_seconds + 5):
        rotation = Rotation.of(months, RotationCursor.parse(str(position)))
        share = rotation.months[: months_a_tick(len(months), poll_seconds, recheck_days)]
        asked.update(share)
        position = RotationCursor(rotation.after(len(share)))
        seconds += poll_seconds + 5
    assert set(asked) == set(months)


def test_a_turn_begins_with_the_oldest_month() -> None:
    assert Rotation.of(OLDER, RotationCursor()).months == OLDER


def test_a_turn_goes_on_where_it_was_left_and_comes_round() -> None:
    rotation = Rotation.of(OLDER, RotationCursor(Month(2019, 5)))
    assert [str(month) for month in rotation.months[:3]] == ["2019-05", "2019-06", "2019-01"]
    assert rotation.after(0) == Month(2019, 5)
    assert rotation.after(1) == Month(2019, 6)
    assert rotation.after(2) == Month(2019, 1)
    assert rotation.after(6) == Month(2019, 5)


def test_a_month_that_is_no_longer_one_of_the_older_is_no_obstacle() -> None:
    assert Rotation.of(OLDER, RotationCursor(Month(2011, 1))).months[0] == Month(2019, 1)
    assert Rotation.of(OLDER, RotationCursor(Month(2024, 1))).months[0] == Month(2019, 1)
    assert Rotation.of((), RotationCursor(Month(2019, 3))).after(0) is None


@pytest.mark.parametrize(
    "position", [RotationCursor(), RotationCursor(Month(2019, 4)), RotationCursor(Month(2019, 4), Month(2019, 4))]
)
def test_a_position_is_read_back_from_the_cursor(position: RotationCursor) -> None:
    assert RotationCursor.parse(str(position)) == position


def test_the_cursor_can_be_read_by_a_person() -> None:
    assert str(RotationCursor(Month(2019, 4))) == '{"version": 1, "next": "2019-04"}'


@pytest.mark.parametrize(
    "cursor",
    [
        *(None, "", "2019-04", "{", "[]"),
        *('{"version": 0, "next": "2019-04"}', '{"version": 1, "next": "April"}', '{"version": 1, "next": 201904}'),
    ],
)
def test_a_cursor_that_is_not_ours_begins_the_turn_anew(cursor: str | None) -> None:
    assert RotationCursor.parse(cursor) == RotationCursor()
