"""What was fetched long ago is fetched anew, a month a tick, when nothing else is to be done."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from lakehouse.assets.bronze import REFETCH
from lakehouse.automation.attempts import NOTHING
from lakehouse.partition import WHOLE, Partition
from tests.automation.house import LAST, NEWEST, OLDER, House, file_of, months, path_of
from tests.automation.test_polling import THROTTLED

MONTHS = (OLDER[0], LAST)


def age(house: House, partition: Partition, days: int, dataset: str = "green") -> None:
    """Let so many days pass since what is landed was fetched."""
    store = house.project.bronze
    (record,) = store.record_folder(dataset, partition).glob("*.json")
    landing = store.current(dataset, partition)
    assert landing is not None
    record.unlink()
    store.record(landing.model_copy(update={"observed_at": landing.observed_at - timedelta(days=days)}))


@pytest.fixture
def loaded(old_house: House) -> House:
    """One whose months are landed, and made of what is landed as far as Dagster knows."""
    for month in MONTHS:
        old_house.publish(month)
        assert old_house.by_hand(month, "green_bronze")
    return old_house


def test_what_was_fetched_a_year_ago_is_fetched_anew_the_oldest_first_and_then_not_again(loaded: House) -> None:
    age(loaded, MONTHS[0], 366)
    age(loaded, MONTHS[1], 400)
    age(loaded, WHOLE, 364, "zones")
    asked = []
    while requests := loaded.requests():
        (request,) = requests
        assert request.tags[REFETCH] == "true"
        assert loaded.by_hand(WHOLE, "zones_silver")
        assert loaded.execute(request)
        asked += months(requests)
    assert asked == [str(MONTHS[1]), str(MONTHS[0])]
    assert "nothing new" in loaded.skipped()
    for month in MONTHS:
        assert len(list(loaded.project.bronze.record_folder("green", month).glob("*.json"))) == 2


def test_what_a_clock_ahead_dated_is_fetched_anew_once(loaded: House) -> None:
    age(loaded, LAST, -3650)
    assert loaded.by_hand(WHOLE, "zones_silver")
    (request,) = loaded.requests()
    assert (request.tags[REFETCH], request.partition_key) == ("true", str(LAST))
    assert loaded.execute(request)
    assert "nothing new" in loaded.skipped()


def test_a_flipped_byte_under_the_same_etag_is_healed_when_its_turn_comes(loaded: House) -> None:
    month = NEWEST[0]
    loaded.server.etag_of = lambda *_: '"the same"'
    assert loaded.by_hand(WHOLE, "zones_silver")
    loaded.publish(month, 5)
    (request,) = loaded.requests()
    assert loaded.execute(request)
    loaded.publish(month, 7)
    assert loaded.by_hand(month, "green_bronze", "green_silver", "green_gold")
    assert "nothing new" in loaded.skipped()
    assert loaded.gold() == {str(month): 5}
    age(loaded, month, 366)
    (request,) = loaded.requests()
    assert loaded.execute(request)
    assert loaded.gold() == {str(month): 7}
    assert "nothing new" in loaded.skipped()


@pytest.mark.parametrize("days", [0, 500])
def test_what_is_younger_than_the_setting_is_left_alone_and_0_is_never(loaded: House, days: int) -> None:
    age(loaded, LAST, 400)
    loaded.change(refetch_days=days)
    assert "nothing new" in loaded.skipped()


def test_nothing_is_fetched_anew_while_anything_else_is_to_be_done(loaded: House) -> None:
    age(loaded, LAST, 400)
    loaded.publish(NEWEST[0])
    (request,) = loaded.requests()
    assert request.partition_key == str(NEWEST[0])
    assert REFETCH not in request.tags
    loaded.pretend(request, dg.DagsterRunStatus.STARTED)
    assert "runs under way" in loaded.skipped()


def test_a_month_that_a_run_of_anybody_is_at_is_passed_over(loaded: House) -> None:
    age(loaded, MONTHS[0], 400)
    age(loaded, MONTHS[1], 366)
    loaded.instance.add_run(
        dg.DagsterRun("any", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": str(MONTHS[0])})
    )
    assert months(loaded.requests()) == [str(MONTHS[1])]


def test_a_source_that_cannot_be_asked_is_not_fetched_from(loaded: House) -> None:
    age(loaded, OLDER[0], 400)
    for month in NEWEST[:2]:
        for dataset in ("yellow", "green"):
            loaded.server.fail(path_of(month, dataset), THROTTLED)
    assert "CloudFront" in loaded.skipped()


def test_three_attempts_are_made_to_fetch_a_month_anew_then_one_a_week_and_the_others_have_their_turn(
    loaded: House,
) -> None:
    age(loaded, MONTHS[0], 400)
    ends = []
    for minutes in (0, 61, 241):
        loaded.later = timedelta(minutes=minutes)
        (request,) = loaded.requests()
        assert request.partition_key == str(MONTHS[0])
        ends.append(str(request.run_key)[-9:])
        loaded.pretend(request, dg.DagsterRunStatus.FAILURE)
        assert loaded.requests() == []
    assert ends == ["attempt 1", "attempt 2", "attempt 3"]
    loaded.later = timedelta(days=8)
    assert months(loaded.requests()) == [str(MONTHS[0])]
    age(loaded, MONTHS[1], 366)
    loaded.later = timedelta(days=2)
    (request,) = loaded.requests()
    assert request.partition_key == str(MONTHS[1])
    assert NOTHING not in str(request.run_key)


def test_a_month_whose_source_has_it_no_more_keeps_what_was_landed_and_is_not_asked_for_without_end(
    loaded: House,
) -> None:
    age(loaded, LAST, 400)
    (loaded.project.source / path_of(LAST)[1:]).unlink()
    assert loaded.by_hand(WHOLE, "zones_silver")
    (request,) = loaded.requests()
    assert loaded.execute(request)
    assert file_of(LAST) in loaded.asked()
    assert loaded.project.bronze.current("green", LAST) is not None
    assert loaded.requests() == []
