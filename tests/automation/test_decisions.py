"""What is to be done about a release follows from what became of the attempts at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.automation.attempts import Attempt, AttemptOutcome, Release, ReleaseState
from lakehouse.automation.decisions import decide
from lakehouse.partition import Month

MONTH = Month(2024, 1)
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = Release("green", MONTH, version="A", replaces="nothing", landed_at=None)
LANDED = replace(NEW, replaces="A of yesterday", landed_at=NOW - 24 * HOUR)
WEEK = timedelta(days=7)
FIRST = Attempt("green", MONTH, "A", "nothing", 1, AttemptOutcome.FAILED, NOW - 3 * HOUR, NOW - 2 * HOUR)
SECOND = replace(FIRST, number=2, ended=NOW - 5 * HOUR)
THIRD = replace(FIRST, number=3, ended=NOW - 99 * HOUR)


def attempt(outcome: AttemptOutcome, **changes: object) -> Attempt:
    return replace(FIRST, outcome=outcome, **changes)  # type: ignore[arg-type]


def test_what_was_never_asked_for_is_requested() -> None:
    decision = decide(NEW, [], NOW, WEEK)
    assert (decision.state, decision.number, decision.replaces) == (ReleaseState.REQUEST, 1, "nothing")


def test_what_was_landed_by_hand_is_done() -> None:
    assert decide(LANDED, [], NOW, WEEK).state is ReleaseState.DONE


@pytest.mark.parametrize("release", [NEW, LANDED])
def test_what_is_under_way_is_not_requested(release: Release) -> None:
    assert decide(release, [attempt(AttemptOutcome.RUNNING), THIRD], NOW, WEEK).state is ReleaseState.UNDER_WAY


def test_what_succeeded_and_is_landed_is_done() -> None:
    assert decide(LANDED, [attempt(AttemptOutcome.SUCCEEDED)], NOW, WEEK).state is ReleaseState.DONE


def test_one_success_of_several_attempts_is_enough() -> None:
    assert (
        decide(LANDED, [attempt(AttemptOutcome.FAILED), attempt(AttemptOutcome.SUCCEEDED)], NOW, WEEK).state
        is ReleaseState.DONE
    )


@pytest.mark.parametrize("release", [NEW, LANDED])
@pytest.mark.parametrize(
    ("attempts", "state", "number"),
    [
        ([replace(FIRST, ended=NOW - 0.9 * HOUR)], ReleaseState.LATER, 1),
        ([FIRST], ReleaseState.REQUEST, 2),
        ([replace(SECOND, ended=NOW - 3.9 * HOUR), THIRD], ReleaseState.GIVEN_UP, 3),
        ([replace(SECOND, ended=NOW - 3.9 * HOUR), FIRST], ReleaseState.LATER, 2),
        ([SECOND, replace(FIRST, ended=NOW - 7 * HOUR)], ReleaseState.REQUEST, 3),
        ([THIRD, SECOND, FIRST], ReleaseState.GIVEN_UP, 3),
    ],
)
def test_what_failed_is_tried_again_after_an_hour_and_after_four_and_then_given_up(
    release: Release, attempts: list[Attempt], state: ReleaseState, number: int
) -> None:
    release = replace(release, landed_at=release.landed_at and NOW - 100 * HOUR)
    decision = decide(release, attempts, NOW, WEEK)
    assert (decision.state, decision.number) == (state, number)


def test_when_it_is_tried_again_is_told() -> None:
    ended = NOW - timedelta(minutes=10)
    assert decide(NEW, [replace(FIRST, ended=ended)], NOW, WEEK).due == ended + HOUR


def test_what_was_landed_by_hand_after_all_attempts_failed_is_done() -> None:
    assert decide(replace(LANDED, landed_at=NOW - HOUR), [THIRD, SECOND, FIRST], NOW, WEEK).state is ReleaseState.DONE


def test_a_version_that_is_published_again_after_another_begins_anew() -> None:
    again = replace(NEW, replaces="B of today")
    for outcome in (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED):
        decision = decide(again, [attempt(outcome, number=3)], NOW, WEEK)
        assert (decision.state, decision.number, decision.replaces) == (ReleaseState.REQUEST, 1, "B of today")


def test_the_last_time_a_version_was_published_counts_once_it_is_landed() -> None:
    of_old = attempt(AttemptOutcome.SUCCEEDED, ended=NOW - 99 * HOUR)
    last = attempt(AttemptOutcome.FAILED, replaces="B of today")
    decision = decide(replace(LANDED, landed_at=NOW - 3 * HOUR), [last, of_old], NOW, WEEK)
    assert (decision.state, decision.number, decision.replaces) == (ReleaseState.REQUEST, 2, "B of today")


def test_attempts_at_another_version_do_not_count() -> None:
    decision = decide(NEW, [replace(THIRD, version="B")], NOW, WEEK)
    assert (decision.state, decision.number) == (ReleaseState.REQUEST, 1)


def test_a_run_that_succeeded_but_landed_something_else_is_tried_again_later_and_not_for_ever() -> None:
    """A source may tell one version and serve another, from another of its machines."""
    succeeded = attempt(AttemptOutcome.SUCCEEDED, ended=NOW - 0.5 * HOUR)
    assert decide(NEW, [succeeded], NOW, WEEK).state is ReleaseState.LATER
    assert decide(NEW, [replace(succeeded, number=3)], NOW, WEEK).state is ReleaseState.GIVEN_UP


# Names of versions that lie

TOLD = replace(NEW, version="B", replaces="A of yesterday", seen_at=NOW - 2.5 * HOUR)
ALIKE = replace(TOLD, landed_at=NOW - 2.5 * HOUR, is_alike=True)


def test_what_only_its_name_tells_from_what_is_landed_is_asked_for_once_in_the_days_that_are_set() -> None:
    for attempts in ([], [attempt(AttemptOutcome.SUCCEEDED)]):
        assert decide(ALIKE, attempts, NOW, WEEK).state is ReleaseState.DONE
        asked = attempts[0].ended if attempts else NOW - 2.5 * HOUR
        assert decide(ALIKE, attempts, asked + 0.99 * WEEK, WEEK).state is ReleaseState.DONE
        again = decide(ALIKE, attempts, asked + WEEK, WEEK)
        assert (again.state, again.number, again.release.version) == (ReleaseState.REQUEST, 1, "B")
        assert (again.replaces, again.asked_after) == ("A of yesterday", asked)
        assert again.instead_of == f"A of yesterday, which was seen last at {asked.isoformat()}"
        ran = attempt(
            AttemptOutcome.SUCCEEDED,
            version="B",
            replaces=again.replaces,
            asked_after=again.asked_after,
            began=asked + WEEK,
            ended=asked + WEEK,
        )
        assert decide(replace(ALIKE, version="C"), [ran, *attempts], ran.ended + HOUR, WEEK).state is ReleaseState.DONE
        once_more = decide(replace(ALIKE, version="B"), [ran, *attempts], ran.ended + WEEK, WEEK)
        assert once_more.state is ReleaseState.REQUEST
        assert once_more.instead_of != again.instead_of  # Dagster makes no second run under the same key


def test_attempts_at_what_only_its_name_tells_from_what_is_landed_count_under_whatever_name() -> None:
    failed = replace(FIRST, version="A")
    third = decide(ALIKE, [replace(failed, number=2, ended=NOW - 0.5 * HOUR), failed], NOW, WEEK)
    assert (third.state, third.release.version, third.number) == (ReleaseState.LATER, "A", 2)
    assert decide(ALIKE, [attempt(AttemptOutcome.RUNNING)], NOW, WEEK).state is ReleaseState.UNDER_WAY
    last = replace(failed, number=3)
    later = decide(ALIKE, [last], NOW, WEEK)
    assert (later.state, later.due) == (ReleaseState.LATER, last.ended + WEEK)
    assert decide(ALIKE, [last], NOW + WEEK, WEEK).state is ReleaseState.REQUEST


def test_a_version_whose_last_run_landed_what_is_current_is_done_whatever_that_is_called() -> None:
    last = attempt(AttemptOutcome.SUCCEEDED, version="B")
    assert last.began < NOW - 2.5 * HOUR < last.ended
    assert decide(TOLD, [last], NOW, WEEK).state is ReleaseState.DONE
    assert decide(TOLD, [last], NOW + WEEK, WEEK).state is ReleaseState.REQUEST
    landed_before = replace(TOLD, seen_at=NOW - 9 * HOUR)
    assert decide(landed_before, [last], NOW, WEEK).state is ReleaseState.REQUEST
    found_unchanged = replace(last, replaces=TOLD.replaces)
    assert decide(landed_before, [found_unchanged], NOW, WEEK).state is ReleaseState.DONE
    assert decide(TOLD, [replace(last, outcome=AttemptOutcome.FAILED)], NOW, WEEK).state is ReleaseState.REQUEST
    assert decide(TOLD, [replace(last, version="C"), last], NOW, WEEK).state is ReleaseState.REQUEST


def test_a_version_that_a_run_found_to_be_what_is_current_is_asked_for_weekly_though_that_fails() -> None:
    """Of a source that calls it otherwise when it is asked and when it serves it, and tells no size and no date."""
    attempts = [attempt(AttemptOutcome.SUCCEEDED, version="B")]
    for _week in range(6):
        now, waits = attempts[0].ended + WEEK, [HOUR, 4 * HOUR, None]
        if len(attempts) > 1:
            waits = [None]
        for number, wait in enumerate(waits, start=4 - len(waits)):
            again = decide(TOLD, attempts, now, WEEK)
            assert (again.state, again.number) == (ReleaseState.REQUEST, number)
            asked = {"replaces": again.replaces, "asked_after": again.asked_after, "number": again.number}
            again_after = {each.asked_after for each in attempts if each.number == number}
            assert again.asked_after not in again_after  # Dagster makes no second run under the same key
            attempts.insert(0, attempt(AttemptOutcome.FAILED, version="B", began=now, ended=now, **asked))
            due = now + (wait or WEEK)
            later = decide(TOLD, attempts, now + HOUR / 2, WEEK)
            assert (later.state, later.due) == (ReleaseState.LATER, due)
            now = due
    attempts.insert(0, replace(attempts[0], outcome=AttemptOutcome.SUCCEEDED))
    assert decide(TOLD, attempts, attempts[0].ended + HOUR, WEEK).state is ReleaseState.DONE


AHEAD = NOW + timedelta(days=3650)


def test_a_time_that_a_clock_told_which_was_ahead_keeps_nothing_from_being_asked_for() -> None:
    landed_ahead = replace(ALIKE, landed_at=AHEAD, seen_at=AHEAD)
    again = decide(landed_ahead, [], NOW, WEEK)
    assert (again.state, again.number) == (ReleaseState.REQUEST, 1)
    asked = attempt(AttemptOutcome.SUCCEEDED, version="B", replaces=again.replaces, asked_after=again.asked_after)
    assert decide(landed_ahead, [asked], NOW, WEEK).state is ReleaseState.DONE
    assert decide(landed_ahead, [asked], NOW + WEEK, WEEK).state is ReleaseState.REQUEST
    ran_ahead = attempt(AttemptOutcome.SUCCEEDED, ended=AHEAD)
    assert decide(ALIKE, [ran_ahead], NOW, WEEK).state is ReleaseState.DONE
    assert decide(ALIKE, [ran_ahead], NOW + WEEK, WEEK).state is ReleaseState.REQUEST
    assert decide(NEW, [replace(FIRST, ended=AHEAD)], NOW, WEEK).number == 2


def test_what_ended_a_moment_after_a_tick_began_waits_as_if_it_had_ended_before() -> None:
    moment = NOW + timedelta(milliseconds=5)
    assert decide(NEW, [replace(FIRST, ended=moment)], NOW, WEEK).state is ReleaseState.LATER
    asked = attempt(AttemptOutcome.SUCCEEDED, version="B", replaces=ALIKE.replaces, ended=moment)
    assert decide(replace(ALIKE, seen_at=NOW - 9 * WEEK), [asked], NOW, WEEK).state is ReleaseState.DONE


# What models refuse


REFUSED = replace(LANDED, seen_at=LANDED.landed_at, refused_at=LANDED.landed_at)


def test_what_models_refuse_is_tried_again_as_what_failed_is_though_a_person_landed_it() -> None:
    assert (decide(REFUSED, [], NOW, WEEK).state, decide(REFUSED, [], NOW, WEEK).number) == (ReleaseState.REQUEST, 1)
    assert decide(REFUSED, [FIRST], NOW, WEEK).number == 2
    since_then = replace(REFUSED, landed_at=NOW - HOUR, seen_at=NOW - HOUR)
    assert decide(since_then, [FIRST], NOW, WEEK).number == 2


def test_what_models_refuse_is_tried_once_in_the_days_that_are_set_when_it_failed_three_times() -> None:
    later = decide(REFUSED, [replace(FIRST, number=3)], NOW, WEEK)
    assert (later.state, later.due) == (ReleaseState.LATER, FIRST.ended + WEEK)
    again = decide(REFUSED, [replace(FIRST, number=3)], NOW + WEEK, WEEK)
    assert (again.state, again.number) == (ReleaseState.REQUEST, 3)
    ran = attempt(
        AttemptOutcome.FAILED,
        number=3,
        replaces=again.replaces,
        asked_after=again.asked_after,
        began=NOW + WEEK,
        ended=NOW + WEEK,
    )
    assert decide(REFUSED, [ran, replace(FIRST, number=3)], NOW + WEEK + HOUR, WEEK).state is ReleaseState.LATER


def test_a_refusal_that_a_run_outlived_is_settled_until_another_landing_is_refused() -> None:
    made = attempt(AttemptOutcome.SUCCEEDED)
    for later in range(1, 100):
        assert decide(REFUSED, [made], NOW + later * timedelta(days=1), WEEK).state is ReleaseState.DONE
    assert decide(REFUSED, [FIRST, replace(made, ended=NOW - 9 * HOUR)], NOW, WEEK).state is ReleaseState.DONE
    landed_since = replace(REFUSED, landed_at=NOW - HOUR, seen_at=NOW - HOUR)
    assert decide(landed_since, [made], NOW, WEEK).number == 2
    refetched = replace(made, version="whatever", is_refetch=True, replaces="A of yesterday")
    assert decide(REFUSED, [refetched], NOW, WEEK).state is ReleaseState.DONE
    refused_since = replace(REFUSED, refused_at=made.ended + HOUR)
    assert decide(refused_since, [made], NOW, WEEK).number == 2


# What is fetched anew


def test_attempts_to_fetch_anew_and_others_do_not_count_for_each_other() -> None:
    anew = Release("green", MONTH, "whatever", "A of yesterday", is_refetch=True)
    tried = replace(FIRST, version="whatever", is_refetch=True, replaces="A of yesterday", number=3)
    assert decide(anew, [replace(THIRD, replaces="A of yesterday")], NOW, WEEK).number == 1
    assert decide(NEW, [tried], NOW, WEEK).number == 1
    assert decide(replace(ALIKE, version="B"), [tried], NOW, WEEK).state is ReleaseState.DONE


@pytest.mark.parametrize("outcome", [AttemptOutcome.FAILED, AttemptOutcome.SUCCEEDED])
def test_what_could_not_be_fetched_anew_is_tried_once_in_the_days_that_are_set(outcome: AttemptOutcome) -> None:
    """A source that was down, or had withdrawn the month, when its turn came."""
    anew = Release("green", MONTH, "whatever", "A of yesterday", is_refetch=True)
    tried = [attempt(outcome, version="whatever", is_refetch=True, replaces="A of yesterday", number=3)]
    for week in range(3):
        now = NOW + week * WEEK
        later = decide(anew, tried, now, WEEK)
        assert (later.state, later.due) == (ReleaseState.LATER, tried[0].ended + WEEK)
        again = decide(anew, tried, now + WEEK, WEEK)
        assert (again.state, again.number) == (ReleaseState.REQUEST, 3)
        assert again.asked_after not in {
            each.asked_after for each in tried
        }  # Dagster makes no second run under the same key
        tried = [replace(tried[0], asked_after=again.asked_after, began=now + WEEK, ended=now + WEEK), *tried]


def test_what_was_fetched_anew_but_not_made_of_is_tried_three_times_and_not_fetched_each_week() -> None:
    anew = Release("green", MONTH, "whatever", "A of today", landed_at=NOW - 2.5 * HOUR, is_refetch=True)
    failed = attempt(AttemptOutcome.FAILED, version="whatever", is_refetch=True, replaces="A of yesterday")
    again = decide(anew, [failed], NOW, WEEK)
    assert (again.state, again.number, again.replaces) == (ReleaseState.REQUEST, 2, "A of yesterday")
    last = replace(failed, number=3)
    for weeks in range(4):
        assert decide(anew, [last, failed], NOW + weeks * WEEK, WEEK).state is ReleaseState.GIVEN_UP
