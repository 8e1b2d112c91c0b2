"""A tick asks for what is due, in bounds, and a source's faults neither end all of it nor make it skip a month."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from unittest.mock import patch

import dagster as dg
import pytest

from dlt_sources import http_file
from dlt_sources.remote_file import HttpPolicy
from lakehouse.automation import polling
from lakehouse.automation.rotation import RotationCursor, months_a_tick
from lakehouse.bronze.connection import connect
from lakehouse.bronze.source import Polled
from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import WHOLE, Month, month_range
from tests.automation.house import FIRST, LAST, NEWEST, OLDER, House, file_of, months, path_of
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, Fault, SourceServer
from tests.project import Project
from tests.reference_files import ZONES_PATH

THROTTLED = Fault(status=403, body=CLOUDFRONT_REQUEST_BLOCKED)
DATASETS = ("yellow", "green", "fhv")


def files(*asked: Month) -> list[str]:
    return [file_of(month, dataset) for month in asked for dataset in DATASETS]


def position(house: House) -> RotationCursor:
    return RotationCursor.parse(house.cursor)


# What is asked for


def test_a_tick_asks_for_zones_the_newest_months_and_one_older_month_in_turn(old_house: House) -> None:
    for older in (*OLDER, FIRST):
        old_house.tick()
        assert old_house.asked() == ["taxi_zone_lookup.csv", *files(*NEWEST, older)]


@pytest.mark.parametrize(("poll_seconds", "recheck_days"), [(7200, 1), (86_400, 7), (86_400, 1)])
def test_every_older_month_of_every_dataset_is_asked_for_in_the_days_that_are_set(
    old_house: House, poll_seconds: int, recheck_days: int
) -> None:
    first = Month(2022, 1)
    old_house.change(poll_seconds=poll_seconds, recheck_days=recheck_days, first_month=first)
    older = list(month_range(first, OLDER[-1]))
    asked: Counter[str] = Counter()
    for _ in range(max(1, recheck_days * 86_400 // (poll_seconds + 5))):
        assert "nothing new" in old_house.skipped()
        asked.update(old_house.asked())
    assert set(files(*older)) <= set(asked)
    assert max(asked[name] for name in files(*older)) <= 2
    share = months_a_tick(len(older), poll_seconds, recheck_days)
    assert sum(asked[name] for name in files(*older)) <= 3 * share * (recheck_days * 86_400 // poll_seconds)


def test_a_restated_older_month_is_found_when_its_turn_comes(old_house: House) -> None:
    for month in OLDER:
        old_house.publish(month)
        assert old_house.by_hand(month, "green_bronze")
    old_house.publish(OLDER[2], 5)
    assert old_house.requests() == []
    assert old_house.requests() == []
    assert months(old_house.requests()) == [str(OLDER[2])]


def test_a_turn_outlives_a_change_of_the_first_and_the_last_month(old_house: House) -> None:
    old_house.tick()
    old_house.tick()
    old_house.asked()
    old_house.change(first_month=Month(2022, 11))
    old_house.tick()
    assert old_house.asked()[-3:] == files(OLDER[2])
    old_house.change(first_month=OLDER[-1])  # whose turn it is, and the only one that is left
    old_house.tick()
    assert old_house.asked()[-3:] == files(OLDER[-1])
    old_house.change(first_month=FIRST, last_month=NEWEST[1])
    old_house.tick()
    assert old_house.asked()[-3:] == files(FIRST)
    old_house.change(first_month=NEWEST[0])
    old_house.tick()
    assert old_house.asked() == ["taxi_zone_lookup.csv", *files(*NEWEST[:2])]
    assert position(old_house) == RotationCursor()


@pytest.mark.parametrize("cursor", ["", "not ours", '{"version": 99}'])
def test_a_cursor_that_is_not_ours_is_no_obstacle(old_house: House, cursor: str) -> None:
    old_house.cursor = cursor
    assert "nothing new" in old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[1])


# Bounds


def test_a_tick_requests_five_runs_at_most_and_the_next_ticks_the_rest(old_house: House) -> None:
    old_house.change(poll_seconds=86_400, recheck_days=1)  # all older months at every tick
    for month in (*OLDER, *NEWEST):
        old_house.publish(month)
    first = old_house.requests()
    assert months(first) == [str(OLDER[0]), *map(str, NEWEST)]
    assert position(old_house) == RotationCursor(OLDER[1])
    for request in first:
        old_house.pretend(request, dg.DagsterRunStatus.QUEUED)
    assert months(old_house.requests()) == [str(month) for month in OLDER[1:]]


def test_zones_count_among_the_five(old_house: House) -> None:
    old_house.change(poll_seconds=86_400, recheck_days=1)
    for month in (*OLDER, *NEWEST):
        old_house.publish(month)
    (old_house.project.source / ZONES_PATH).write_text("changed")
    assert months(old_house.requests()) == [*map(str, NEWEST), None]
    assert position(old_house) == RotationCursor(OLDER[0])


def test_a_tick_that_is_out_of_time_ends_and_skips_no_month(old_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "TICK_SECONDS", 1.5)
    old_house.publish(NEWEST[0])
    old_house.server.fail(path_of(NEWEST[1]), Fault(status=404, delay_seconds=0.8))
    (request,) = old_house.requests()
    assert request.partition_key == str(NEWEST[0])
    assert old_house.asked()[-2:] == [file_of(NEWEST[1], "yellow"), file_of(NEWEST[1])]
    assert position(old_house) == RotationCursor(OLDER[0])
    old_house.pretend(request, dg.DagsterRunStatus.STARTED)
    assert old_house.skipped().startswith("the sources took 2 seconds to answer; nothing new: asked for 6 files")


def test_a_tick_leaves_dagster_half_of_its_time() -> None:
    """60 seconds, unless ``DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS`` says otherwise."""
    from dagster._grpc.utils import default_sensor_grpc_timeout

    assert default_sensor_grpc_timeout() / 2 >= polling.TICK_SECONDS


def test_a_question_is_given_up_in_seconds_however_patient_a_fetch_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[HttpPolicy] = []
    monkeypatch.setattr(http_file, "probe", lambda *facts: patience.append(facts[-1]))
    (zones,) = (source for source in SOURCES if source.asset == "zones_bronze")
    for attempts, timeout in ((20, 600.0), (1, 0.5)):
        connect(project.settings(http_attempts=attempts, http_timeout=timeout), zones).probe(WHOLE, None)
    assert [(each.attempts, each.timeout_seconds) for each in patience] == [(2, 5.0), (1, 0.5)]
    assert all(each.max_backoff_seconds <= 2 for each in patience)


# Faults


def test_a_month_that_is_not_published_is_no_news(old_house: House) -> None:
    assert old_house.skipped() == (
        "nothing new: asked for 16 files, of which 15 not published yet; next older month: 2023-02"
    )


def test_a_source_that_throttles_ends_the_tick_which_names_it(old_house: House) -> None:
    old_house.tick()
    old_house.asked()
    old_house.server.fail(path_of(NEWEST[1]), THROTTLED)
    said = old_house.skipped()
    assert said.startswith(f"green 2023-06: {old_house.server.url}{path_of(NEWEST[1])} answered 403 with CloudFront's")
    assert "nothing new: asked for 6 files, of which 4 not published yet" in said
    assert said.endswith("next older month: 2023-02")
    assert old_house.asked()[-1] == file_of(NEWEST[1])


def test_what_was_found_before_a_source_throttled_is_requested(old_house: House) -> None:
    for month in NEWEST:
        old_house.publish(month)
    old_house.publish(NEWEST[1], dataset="yellow")
    old_house.server.fail(path_of(NEWEST[1]), THROTTLED)
    requests = old_house.requests()
    assert months(requests) == [str(NEWEST[0]), str(NEWEST[1])]
    assert requests[1].tags["lakehouse/release"] == "yellow 2023-06"


def test_a_month_at_which_the_source_throttled_is_asked_for_again_however_often_that_happens(old_house: House) -> None:
    old_house.server.fail(path_of(OLDER[0], "fhv"), THROTTLED, times=3 * 2)  # HEAD and GET
    for _ in range(3):
        old_house.skipped()
        assert position(old_house) == RotationCursor(OLDER[0])
    old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[1])


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(dropped=True), Fault(status=400)])
def test_one_file_that_cannot_be_had_is_named_and_keeps_no_other_from_being_asked_for(
    old_house: House, fault: Fault
) -> None:
    old_house.publish(LAST)
    (found,) = old_house.requests()
    old_house.pretend(found, dg.DagsterRunStatus.STARTED)
    old_house.server.fail(path_of(NEWEST[0]), fault)
    said = old_house.skipped()
    assert said.startswith(f"green 2023-05: {old_house.server.url}{path_of(NEWEST[0])} ")
    assert "asked for 16 files" in said
    assert "runs under way: green 2023-08" in said
    assert position(old_house) == RotationCursor(OLDER[2])


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(dropped=True)])
def test_a_source_that_is_down_ends_the_tick_at_the_second_file(old_house: House, fault: Fault) -> None:
    for path in (f"/{ZONES_PATH}", *(path_of(month, dataset) for month in NEWEST for dataset in DATASETS)):
        old_house.server.fail(path, fault)
    said = old_house.skipped()
    assert said.startswith("zones: ")
    assert "; yellow 2023-05: " in said
    assert "nothing new: asked for 2 files" in said
    assert old_house.asked() == ["taxi_zone_lookup.csv", file_of(NEWEST[0], "yellow")]
    assert position(old_house) == RotationCursor(OLDER[0])


def test_an_older_month_that_cannot_be_asked_for_gets_one_more_chance_before_the_turn_goes_on(old_house: House) -> None:
    old_house.server.fail(path_of(OLDER[0]), Fault(status=500))
    old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[0], unanswered=OLDER[0])
    old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[1])


@pytest.mark.each_time
def test_a_tick_that_ends_before_the_month_that_gave_no_answer_still_knows_it(old_house: House) -> None:
    old_house.server.fail(path_of(OLDER[0]), Fault(status=500))
    old_house.skipped()
    old_house.server.fail(path_of(NEWEST[1]), THROTTLED, times=2)  # HEAD and GET
    assert "CloudFront" in old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[0], unanswered=OLDER[0])
    old_house.skipped()
    assert position(old_house) == RotationCursor(OLDER[1])


def test_files_that_can_never_be_asked_for_do_not_keep_older_months_waiting(old_house: House) -> None:
    for month in NEWEST[:2]:
        old_house.server.fail(path_of(month), Fault(status=410))
    old_house.publish(OLDER[0])
    assert months(old_house.requests()) == [str(OLDER[0])]


@pytest.mark.each_time
def test_an_older_month_that_could_not_be_asked_for_once_is_not_skipped(old_house: House) -> None:
    old_house.publish(OLDER[0])
    old_house.server.fail(path_of(OLDER[0]), Fault(dropped=True), times=1)
    assert old_house.requests() == []
    assert months(old_house.requests()) == [str(OLDER[0])]


def test_a_fault_that_passes_within_the_tick_is_no_news(old_house: House) -> None:
    old_house.change(http_attempts=2)
    old_house.publish(LAST)
    old_house.server.fail(path_of(LAST), Fault(dropped=True), times=1)
    assert months(old_house.requests()) == [str(LAST)]


def test_an_answer_that_was_made_into_another_file_is_known_by_its_date(project: Project) -> None:
    polled = tuple(replace(each, cadence=Polled()) if each.dataset.name == "users" else each for each in SOURCES)
    with (
        SourceServer(project.source, etags=False) as server,
        dg.DagsterInstance.ephemeral() as instance,
        patch("lakehouse.warehouse.profile.SOURCES", polled),
    ):
        house = House(project, server, instance)
        house.settle()
        assert "nothing new" in house.skipped()
        os.utime(project.source / "users.json", (9, 9))
        (changed,) = house.requests()
        assert {"users_bronze", "users_silver", "users_gold"} <= {
            key.to_user_string() for key in changed.asset_selection or ()
        }
