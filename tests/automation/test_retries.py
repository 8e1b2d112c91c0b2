"""A run that fails, is cancelled or gets lost is requested again, later and not for ever."""

from __future__ import annotations

import time
from datetime import timedelta

import dagster as dg
import pytest

from tests.automation.house import LAST, NEWEST, OLDER, House, file_of, months, path_of
from tests.reference_files import ZONES_PATH


def after(house: House, **duration: float) -> None:
    house.later = timedelta(**duration)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_three_attempts_are_made_with_growing_pauses(old_house: House, status: dg.DagsterRunStatus) -> None:
    old_house.publish(LAST)
    run_keys = []
    for again_after, too_early in (({"hours": 0}, None), ({"minutes": 61}, 58), ({"minutes": 241}, 238)):
        if too_early is not None:
            after(old_house, minutes=too_early)
            assert "green 2023-08 failed and is tried again after " in old_house.skipped()
        after(old_house, **again_after)
        (request,) = old_house.requests()
        old_house.pretend(request, status)
        run_keys.append(str(request.run_key))
    assert [key[-9:] for key in run_keys] == ["attempt 1", "attempt 2", "attempt 3"]
    after(old_house, days=30)
    assert old_house.skipped().startswith(
        "green 2023-08 was given up after 3 attempts that failed: look at its runs; nothing new: asked for 16 files"
    )


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_ended_between_landing_and_gold_is_tried_again(
    old_house: House, status: dg.DagsterRunStatus
) -> None:
    old_house.publish(LAST)
    (request,) = old_house.requests()
    assert old_house.by_hand(LAST, "green_bronze")
    time.sleep(1.1)  # a run's times are whole seconds
    old_house.pretend(request, status)
    after(old_house, minutes=62)
    (again,) = old_house.requests()
    assert str(again.run_key).endswith("attempt 2")


def test_a_month_that_really_fails_is_tried_again_and_done_when_it_succeeds(old_house: House) -> None:
    (old_house.project.source / path_of(LAST).strip("/")).parent.mkdir(exist_ok=True)
    (old_house.project.source / path_of(LAST).strip("/")).write_text("not a parquet file")
    (request,) = old_house.requests()
    assert not old_house.execute(request)
    assert old_house.requests() == []
    after(old_house, minutes=61)
    (again,) = old_house.requests()
    assert not old_house.execute(again)
    old_house.publish(LAST, 3)
    (mended,) = old_house.requests()
    assert str(mended.run_key).endswith("attempt 1")
    assert old_house.execute(mended)
    assert old_house.gold() == {"2023-08": 3}
    assert "nothing new" in old_house.skipped()


def test_a_month_that_failed_after_it_landed_is_tried_again(house: House) -> None:
    zones = (house.project.source / ZONES_PATH).read_bytes()
    (house.project.source / ZONES_PATH).unlink()
    house.publish(LAST, 3)
    (request,) = house.requests()
    assert not house.execute(request)
    assert house.project.bronze.current("green", LAST) is not None
    (house.project.source / ZONES_PATH).write_bytes(zones)
    after(house, minutes=61)
    of_month = next(each for each in house.requests() if each.partition_key)
    assert "attempt 2" in str(of_month.run_key)
    assert house.execute(of_month)
    assert house.gold() == {"2023-08": 3}
    assert "nothing new" in house.skipped()


def test_a_lost_run_is_tried_again_but_not_one_that_waits_in_the_queue(old_house: House) -> None:
    old_house.publish(LAST)
    old_house.publish(NEWEST[0])
    queued, started = old_house.requests()
    old_house.pretend(queued, dg.DagsterRunStatus.QUEUED)
    old_house.pretend(started, dg.DagsterRunStatus.STARTED)
    after(old_house, hours=5.9)
    assert old_house.requests() == []
    after(old_house, hours=7.1)
    (again,) = old_house.requests()
    assert (again.partition_key, str(again.run_key)[-9:]) == (str(LAST), "attempt 2")


def test_a_run_that_a_person_repeats_in_the_ui_counts(old_house: House) -> None:
    """Dagster gives it the tags of the run that it repeats."""
    old_house.publish(LAST)
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    assert old_house.execute(request)
    after(old_house, days=1)
    assert "nothing new" in old_house.skipped()


def test_a_month_that_a_person_landed_after_it_was_given_up_is_done(old_house: House) -> None:
    old_house.publish(LAST)
    for minutes in (0, 61, 241):
        after(old_house, minutes=minutes)
        (request,) = old_house.requests()
        old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    assert "given up" in old_house.skipped()
    assert old_house.by_hand(LAST, "green_bronze")
    assert "given up" not in old_house.skipped()


def test_an_older_month_is_tried_again_when_it_is_due_rather_than_in_its_turn(old_house: House) -> None:
    old_house.publish(OLDER[0])
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    after(old_house, minutes=61)
    (again,) = old_house.requests()
    assert (again.partition_key, str(again.run_key)[-9:]) == (str(OLDER[0]), "attempt 2")


@pytest.mark.parametrize(("days", "is_asked_for"), [(6, True), (8, False)])
def test_a_failure_is_known_until_the_turn_of_the_older_months_has_come_round(
    old_house: House, days: int, is_asked_for: bool
) -> None:
    old_house.publish(OLDER[0])
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    after(old_house, days=days)
    old_house.asked()
    old_house.tick()
    assert (file_of(OLDER[0]) in old_house.asked()) is is_asked_for


def test_an_older_month_that_is_due_in_its_turn_is_asked_for_once(old_house: House) -> None:
    old_house.publish(OLDER[0])
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    after(old_house, minutes=61)
    old_house.cursor = None
    before = len(old_house.server.requests)
    assert months(old_house.requests()) == [str(OLDER[0])]
    assert [each.path for each in old_house.server.requests[before:]].count(path_of(OLDER[0])) == 1


def test_a_month_that_failed_and_is_no_longer_one_of_the_months_is_let_be(old_house: House) -> None:
    old_house.publish(OLDER[0])
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    after(old_house, minutes=61)
    old_house.asked()
    old_house.change(first_month=OLDER[1])
    assert "nothing new" in old_house.skipped()
    assert file_of(OLDER[0]) not in old_house.asked()


def test_a_dataset_that_fails_holds_back_no_other_of_its_month(old_house: House) -> None:
    old_house.publish(LAST, dataset="fhv")
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    old_house.publish(LAST, dataset="green")
    (of_green,) = old_house.requests()
    assert of_green.tags["lakehouse/release"] == "green 2023-08"
    old_house.pretend(of_green, dg.DagsterRunStatus.STARTED)
    after(old_house, minutes=61)
    (of_fhv,) = old_house.requests()
    assert of_fhv.tags["lakehouse/release"] == "fhv 2023-08"


def test_what_failed_and_what_is_new_of_a_month_are_one_request(old_house: House) -> None:
    old_house.publish(LAST, dataset="fhv")
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    old_house.publish(LAST, dataset="green")
    after(old_house, minutes=61)
    (both,) = old_house.requests()
    green, fhv = str(both.run_key).split("; ")
    assert (green[-9:], fhv[-9:]) == ("attempt 1", "attempt 2")


def test_a_version_that_is_put_back_has_three_attempts_of_its_own(old_house: House) -> None:
    old_house.publish(LAST, 3)
    for minutes in (0, 61, 241):
        after(old_house, minutes=minutes)
        (request,) = old_house.requests()
        old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    old_house.publish(LAST, 4)
    assert old_house.by_hand(LAST, "green_bronze")
    assert old_house.requests() == []
    old_house.publish(LAST, 3)
    (again,) = old_house.requests()
    assert str(again.run_key).endswith("attempt 1")
    assert months([again]) == [str(LAST)]
    assert again.run_key != request.run_key


def test_a_run_that_succeeded_without_landing_what_was_told_is_tried_again_later(old_house: House) -> None:
    old_house.publish(LAST)
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.SUCCESS)
    assert "tried again" in old_house.skipped()
    after(old_house, minutes=61)
    (again,) = old_house.requests()
    assert "attempt 2" in str(again.run_key)
