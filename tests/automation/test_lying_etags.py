"""ETags that say nothing of the bytes: no runs and no records without end, and what they hide is found all the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import dagster as dg
import pytest

from tests import green_files
from tests.automation.house import LAST, House, months, path_of
from tests.http_source import Fault


@pytest.fixture
def house_of_one(old_house: House) -> House:
    """One that has a single month to ask for."""
    old_house.change(first_month=LAST, last_month=LAST)
    return old_house


def anew() -> Callable[[bytes, str], str]:
    """Another ETag with each answer."""
    numbers = count()
    return lambda *_: f'"{next(numbers)}"'


def by_method(body: bytes, method: str) -> str:
    """One ETag of what is asked about, another of what is sent."""
    return f'"{method} {len(body)}"'


def records(house: House) -> int:
    return len(list(house.project.bronze.record_folder("green", LAST).glob("*.json")))


def tick_hourly(house: House, ticks: int) -> list[dg.RunRequest]:
    """What so many ticks request, which is run."""
    requested = []
    for _ in range(ticks):
        for request in house.requests():
            assert house.execute(request)
            requested.append(request)
        house.later += timedelta(hours=1)
    return requested


def of_green(requests: list[dg.RunRequest]) -> list[dg.RunRequest]:
    return [request for request in requests if request.partition_key]


@pytest.mark.parametrize("etag_of", [anew(), by_method], ids=["another with each answer", "one for each method"])
def test_fifty_ticks_of_the_same_bytes_make_two_runs_and_two_records_at_most(
    house_of_one: House, etag_of: Callable[[bytes, str], str]
) -> None:
    house = house_of_one
    house.server.etag_of = etag_of
    house.publish(LAST, 3)
    assert 1 <= len(of_green(tick_hourly(house, 50))) <= 2
    assert 1 <= records(house) <= 2
    assert house.gold() == {"2023-08": 3}
    assert "tried again" not in house.skipped()
    heads = [each for each in house.server.requests if each.path == path_of(LAST) and each.method == "HEAD"]
    assert len(heads) > 50
    assert {each.status for each in heads} == {200}  # the source never said "unchanged"


def test_etags_of_a_source_that_tells_nothing_else_make_two_runs_and_two_records_at_most(house_of_one: House) -> None:
    house = house_of_one
    house.server.etag_of = anew()
    house.server.is_dated = False
    house.server.fail(path_of(LAST), Fault(without_length=True))
    house.publish(LAST, 3)
    assert 1 <= len(of_green(tick_hourly(house, 20))) <= 2
    assert 1 <= records(house) <= 2
    house.later = timedelta(days=9)
    assert len(of_green(tick_hourly(house, 1))) == 1


def test_dates_and_etags_that_are_others_with_each_answer_make_three_runs_and_three_records(
    house_of_one: House,
) -> None:
    house = house_of_one
    house.server.etag_of = anew()
    house.publish(LAST, 3)
    requested = []
    for second in range(20):
        os.utime(house.project.source / path_of(LAST)[1:], (second, second))
        requested += tick_hourly(house, 1)
    assert (len(of_green(requested)), records(house)) == (3, 3)
    house.publish(LAST, 500)
    assert len(of_green(tick_hourly(house, 1))) == 1
    assert house.gold() == {"2023-08": 500}


@pytest.mark.parametrize("etag_of", [anew(), by_method], ids=["another with each answer", "one for each method"])
def test_content_that_changes_under_etags_that_lie_is_landed_each_time(
    house_of_one: House, etag_of: Callable[[bytes, str], str]
) -> None:
    house = house_of_one
    house.server.etag_of = etag_of
    for trips in (3, 90, 3):
        house.publish(LAST, trips)
        assert len(of_green(tick_hourly(house, 2))) == 1
        assert house.gold() == {"2023-08": trips}
    assert records(house) == 3


def test_a_new_etag_with_the_size_and_date_of_what_is_landed_is_asked_for_when_its_turn_comes(
    house_of_one: House,
) -> None:
    house = house_of_one
    house.publish(LAST, 3)
    tick_hourly(house, 2)
    house.server.etag_of = lambda *_: '"moved"'
    house.later = timedelta(days=6)
    assert of_green(tick_hourly(house, 1)) == []
    house.later = timedelta(days=8)
    (request,) = of_green(tick_hourly(house, 1))
    assert request.run_key is not None
    assert request.run_key.startswith("green 2023-08: moved for ")
    assert records(house) == 2
    assert house.requests() == []
    assert [each.status for each in house.server.requests if each.path == path_of(LAST)][-1] == 304


def test_a_new_etag_of_a_source_of_which_only_dates_lie_is_asked_for_at_once(house_of_one: House) -> None:
    house = house_of_one
    house.server.etag_of = lambda *_: '"the same"'
    house.publish(LAST, 3)
    tick_hourly(house, 1)
    landing = house.project.bronze.current("green", LAST)
    assert landing is not None
    for hour in (1, 2):
        dated = {"last_modified": f"{hour} o'clock", "observed_at": landing.observed_at + timedelta(minutes=hour)}
        house.project.bronze.record(landing.model_copy(update=dated))
    assert of_green([*house.requests()]) == []
    house.server.etag_of = lambda *_: '"news"'
    (request,) = of_green([*house.requests()])
    assert str(request.run_key).startswith("green 2023-08: news for ")


def test_what_silver_refuses_is_healed_by_the_next_attempt_under_the_same_etag(house_of_one: House) -> None:
    house = house_of_one
    house.server.etag_of = lambda *_: '"the same"'
    house.publish(LAST, 3)
    right = (house.project.source / path_of(LAST)[1:]).read_bytes()
    green_files.write(house.project.source / path_of(LAST)[1:], green_files.trips(LAST.next(), 30))
    (request,) = of_green([*house.requests()])
    assert not house.execute(request)
    (house.project.source / path_of(LAST)[1:]).write_bytes(right)
    assert "tried again after" in house.skipped()
    house.later = timedelta(minutes=61)
    (again,) = house.requests()
    assert "attempt 2" in str(again.run_key)
    assert house.execute(again)
    assert house.gold() == {"2023-08": 3}
    assert "nothing new" in house.skipped()
    assert months([again]) == [str(LAST)]


def test_what_a_model_refused_that_there_is_no_more_is_not_asked_for(house_of_one: House) -> None:
    house = house_of_one
    house.publish(LAST, 3)
    assert house.by_hand(LAST, "green_bronze")
    landing = house.project.bronze.current("green", LAST)
    assert landing is not None
    house.project.bronze.refuse(landing, "renamed_silver", None)
    assert of_green([*house.requests()]) == []
    house.project.bronze.refuse(landing, "green_silver", None)
    assert len(of_green([*house.requests()])) == 1
