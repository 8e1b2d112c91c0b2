"""The release sensor requests what is new or restated, that alone, and each version once."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.automation.liveness import RunLocks
from lakehouse.definitions import build_definitions
from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import PROJECT_ROOT
from tests.automation.house import LAST, NEWEST, OLDER, House, file_of, keys, months, path_of
from tests.dying import die_holding
from tests.http_source import Fault, SourceServer
from tests.project import Project
from tests.reference_files import ZONES_PATH, zones_csv

GREEN = {"green_bronze", "green_silver", "green_gold"}
YELLOW = {"taxi_bronze", "taxi_silver", "trips_gold"}
FHV = {"fhv_bronze", "fhv_silver", "trips_gold"}
ZONES = {"zones_bronze", "zones_silver"}
NO_HAND = {"infrastructure", *ZONES}


# From source to gold


def test_a_published_month_reaches_gold_of_a_new_home_and_is_requested_once(house: House) -> None:
    house.publish(LAST, 3)
    (request,) = house.requests()
    assert keys(request) == GREEN | NO_HAND
    assert request.partition_key == str(LAST)
    assert house.execute(request)
    assert house.gold() == {"2023-08": 3}
    assert "nothing new" in house.skipped()
    assert house.requests() == []


def test_a_restated_month_reaches_gold_and_what_it_replaces_stays_in_bronze(house: House) -> None:
    house.publish(LAST, 3)
    house.publish(NEWEST[0], 4)
    house.settle()
    house.publish(NEWEST[0], 7)
    (request,) = house.requests()
    assert (request.partition_key, keys(request)) == ("2023-05", GREEN)
    assert house.execute(request)
    assert house.gold() == {"2023-05": 7, "2023-08": 3}
    assert house.requests() == []
    landings = house.project.rows("SELECT `rows` FROM bronze.landings WHERE month = DATE '2023-05-01' ORDER BY `rows`")
    assert [row["rows"] for row in landings] == [4, 7]


def test_a_version_that_is_put_back_after_another_is_requested_again(house: House) -> None:
    for trips in (3, 5, 3, 5):
        house.publish(LAST, trips)
        (request,) = house.requests()
        assert house.execute(request)
        assert house.gold() == {"2023-08": trips}
        assert house.requests() == []


def test_a_month_whose_run_was_killed_after_it_landed_is_requested_again(house: House) -> None:
    house.publish(LAST, 3)
    (request,) = house.requests()
    run_id = house.pretend(request, dg.DagsterRunStatus.STARTED)
    assert house.by_hand(LAST, "green_bronze")
    assert "runs under way: green 2023-08" in house.skipped()
    house.later = timedelta(hours=8)
    assert house.project.bronze.current("green", LAST) is not None
    (again,) = house.requests()
    assert house.instance.get_run_by_id(run_id)
    assert again.run_key != request.run_key
    assert house.execute(again)
    assert house.gold() == {"2023-08": 3}
    assert house.requests() == []


# What is requested


def test_only_what_changed_and_what_follows_from_it_is_requested(old_house: House) -> None:
    for dataset in ("green", "yellow", "fhv"):
        old_house.publish(LAST, dataset=dataset)
        (request,) = old_house.requests()
        assert keys(request) == {"green": GREEN, "yellow": YELLOW, "fhv": FHV}[dataset]
        old_house.pretend(request, dg.DagsterRunStatus.QUEUED)


def test_all_that_is_new_of_a_month_is_one_request(old_house: House) -> None:
    old_house.publish(LAST, dataset="green")
    old_house.publish(LAST, dataset="fhv")
    (request,) = old_house.requests()
    assert keys(request) == GREEN | FHV
    assert request.tags["lakehouse/release"] == "green 2023-08, fhv 2023-08"
    assert request.tags["dagster/partition"] == "2023-08"


def test_the_run_key_names_the_versions_and_what_they_replace(old_house: House) -> None:
    old_house.publish(LAST, dataset="green")
    old_house.publish(LAST, dataset="fhv")
    (request,) = old_house.requests()
    green, fhv = (etag(old_house, LAST, dataset) for dataset in ("green", "fhv"))
    assert request.run_key == (
        f"green 2023-08: {green} for nothing, attempt 1; fhv 2023-08: {fhv} for nothing, attempt 1"
    )
    assert old_house.by_hand(LAST, "green_bronze")
    landing = old_house.project.bronze.current("green", LAST)
    assert landing is not None
    old_house.publish(LAST, 5)
    (fhv_and_green,) = old_house.requests()
    replaced = f"{landing.sha256[:12]} of {landing.observed_at.isoformat()}"
    assert f"{etag(old_house, LAST, 'green')} for {replaced}, attempt 1" in str(fhv_and_green.run_key)


def etag(house: House, month: Month, dataset: str) -> str:
    """What the source gives a file as its version, see ``SourceServer``."""
    content = (house.project.source / path_of(month, dataset).strip("/")).read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_month_that_a_person_landed_is_not_requested(old_house: House) -> None:
    old_house.publish(LAST)
    assert old_house.by_hand(LAST, "green_bronze")
    assert "nothing new" in old_house.skipped()


def test_what_is_under_way_is_not_requested(old_house: House) -> None:
    under_way = (
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    )
    for month in NEWEST:
        old_house.publish(month)
    runs = [old_house.pretend(each, status) for each, status in zip(old_house.requests(), under_way, strict=True)]
    old_house.later = timedelta(hours=5)
    with ExitStack() as processes:
        for run in runs[1:]:
            processes.enter_context(RunLocks.of(old_house.instance.root_directory).held(run))
        said = old_house.skipped()
    assert "runs under way: green 2023-05, green 2023-06, green 2023-07, green 2023-08" in said
    assert "1 run waits in the queue" in said


def test_a_run_whose_process_is_gone_fails_at_the_next_tick_and_is_requested_again(old_house: House) -> None:
    old_house.publish(LAST)
    (request,) = old_house.requests()
    run = old_house.pretend(request, dg.DagsterRunStatus.STARTED)
    die_holding(RunLocks.of(old_house.instance.root_directory), run)
    assert "failed and is tried again after" in old_house.skipped()
    failed = old_house.instance.get_run_by_id(run)
    assert failed is not None
    assert failed.status is dg.DagsterRunStatus.FAILURE
    old_house.later = timedelta(hours=1, minutes=1)
    (again,) = old_house.requests()
    assert again.partition_key == str(LAST)


def test_a_version_that_is_published_while_another_is_under_way_is_requested(old_house: House) -> None:
    old_house.publish(LAST, 3)
    (request,) = old_house.requests()
    old_house.pretend(request, dg.DagsterRunStatus.STARTED)
    old_house.publish(LAST, 4)
    (restated,) = old_house.requests()
    assert restated.run_key != request.run_key


def test_a_dataset_that_had_not_begun_is_not_asked_for(old_house: House) -> None:
    old_house.change(first_month=Month(2013, 6), last_month=Month(2013, 9))
    assert "asked for 7 files" in old_house.skipped()
    assert old_house.asked() == [
        "taxi_zone_lookup.csv",
        *(file_of(Month(2013, month), "yellow") for month in (6, 7)),
        *(file_of(Month(2013, month), dataset) for month in (8, 9) for dataset in ("yellow", "green")),
    ]


def test_months_that_have_not_come_are_no_obstacle(old_house: House) -> None:
    old_house.change(first_month=Month(2999, 1), last_month=Month(2999, 1))
    assert old_house.skipped() == "nothing new: asked for 1 file"


def test_a_model_over_all_months_follows_each(old_house: House, tmp_path: Path) -> None:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    (sql / "gold" / "ever_gold.sql").write_text(EVER)
    old_house.change(sql=sql)
    old_house.publish(LAST)
    (request,) = old_house.requests()
    assert keys(request) == GREEN | {"ever_gold"}


EVER = """/*
description: All green trips that ever were
table: gold.green_trips_ever
grain: [taxi_type]
columns:
  taxi_type: {type: STRING, description: Kind of taxi}
  trip_count: {type: INT64, description: Trips, unit: trips}
*/
SELECT taxi_type, COUNT(*) AS trip_count FROM silver.green_trips GROUP BY taxi_type
"""


# What comes whole


def test_what_was_made_once_is_not_made_again_with_a_month(old_house: House) -> None:
    old_house.publish(LAST)
    (request,) = old_house.requests()
    assert keys(request) == GREEN


def test_every_request_of_a_new_home_brings_what_comes_whole_and_zones_are_not_requested_besides(house: House) -> None:
    house.publish(LAST)
    house.publish(NEWEST[0])
    requests = house.requests()
    assert months(requests) == ["2023-05", "2023-08"]
    assert [keys(request) for request in requests] == [GREEN | NO_HAND, GREEN | NO_HAND]


def test_only_what_is_missing_is_brought_along(house: House) -> None:
    house.instance.report_runless_asset_event(dg.AssetMaterialization("infrastructure"))
    (house.project.home / "bronze").mkdir(parents=True)
    house.publish(LAST)
    (request,) = house.requests()
    assert keys(request) == GREEN | ZONES


def test_a_home_that_was_removed_is_a_new_one(old_house: House) -> None:
    shutil.rmtree(old_house.project.home)
    old_house.publish(LAST)
    (request,) = old_house.requests()
    assert keys(request) == GREEN | NO_HAND


def test_a_new_home_gets_zones_before_any_month_is_published(house: House) -> None:
    (request,) = house.requests()
    assert request.partition_key is None
    assert keys(request) == NO_HAND
    assert house.execute(request)
    assert house.requests() == []


def test_changed_zones_are_a_run_of_their_own(house: House) -> None:
    house.publish(LAST)
    house.settle()
    (house.project.source / ZONES_PATH).write_bytes(zones_csv(262).encode())
    house.publish(LAST, 5)
    of_month, of_zones = house.requests()
    assert (of_month.partition_key, keys(of_month)) == ("2023-08", GREEN)
    assert (of_zones.partition_key, keys(of_zones)) == (None, ZONES)
    assert house.execute(of_zones)
    assert house.execute(of_month)
    assert house.project.rows("SELECT COUNT(*) AS zones FROM silver.zones") == [{"zones": 264}]
    assert house.requests() == []


# Kinds of sources


def test_a_folder_is_watched_as_a_server_is(old_house: House) -> None:
    project = old_house.project
    old_house.move_tlc(f"file://{project.source}")
    assert old_house.by_hand(WHOLE, "zones_bronze")
    old_house.publish(LAST, 3)
    (request,) = old_house.requests()
    assert keys(request) == GREEN
    assert old_house.execute(request)
    assert old_house.gold() == {"2023-08": 3}
    assert "nothing new" in old_house.skipped()
    old_house.publish(LAST, 4)
    assert months(old_house.requests()) == ["2023-08"]
    assert old_house.asked() == []


def test_a_folder_that_is_gone_fails_the_tick_and_names_the_setting(old_house: House) -> None:
    old_house.move_tlc(f"file://{old_house.project.folder / 'unplugged'}")
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_TLC_URL"):
        old_house.tick()


def test_a_source_without_etags_is_known_by_date_and_size(project: Project) -> None:
    with SourceServer(project.source, etags=False) as server, dg.DagsterInstance.ephemeral() as instance:
        house = House(project, server, instance)
        file = project.source / path_of(LAST).strip("/")
        house.publish(LAST, 3)
        os.utime(file, (0, 0))
        house.settle()
        assert "nothing new" in house.skipped()
        house.publish(LAST, 4)
        os.utime(file, (0, 0))
        (larger,) = house.requests()
        assert f"Thu, 01 Jan 1970 00:00:00 GMT, {file.stat().st_size} bytes for " in str(larger.run_key)
        assert house.execute(larger)
        assert "nothing new" in house.skipped()
        os.utime(file, (9, 9))
        (redated,) = house.requests()
        assert house.execute(redated)
        assert "nothing new" in house.skipped()


def test_a_version_that_is_told_again_in_full_is_not_restated(old_house: House) -> None:
    """Some servers do not answer 304 to HEAD, and some between them and us weaken the ETag."""
    old_house.publish(LAST)
    assert old_house.by_hand(LAST, "green_bronze")
    for version in (f'"{etag(old_house, LAST, "green")}"', f'W/"{etag(old_house, LAST, "green")}"'):
        old_house.server.fail(path_of(LAST), Fault(status=200, headers={"ETag": version}))
        assert "nothing new" in old_house.skipped()
    old_house.server.fail(path_of(LAST), Fault(status=200, headers={"ETag": 'W/"another"'}))
    assert months(old_house.requests()) == [str(LAST)]


def test_a_landing_from_another_source_says_nothing_of_this_one(old_house: House, tmp_path: Path) -> None:
    old_house.publish(LAST)
    assert old_house.by_hand(LAST, "green_bronze")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(old_house.project.source, elsewhere)
    with SourceServer(elsewhere) as server:
        old_house.move_tlc(server.url)
        of_month, of_zones = old_house.requests()
        assert (keys(of_month), keys(of_zones)) == (GREEN, ZONES)
        assert old_house.by_hand(LAST, "green_bronze")
        assert old_house.by_hand(WHOLE, "zones_bronze")
        assert "nothing new" in old_house.skipped()


def test_an_unreadable_landing_record_is_for_the_run_to_report(old_house: House) -> None:
    old_house.publish(LAST)
    assert old_house.by_hand(LAST, "green_bronze")
    (record,) = old_house.project.bronze.record_folder("green", LAST).glob("*.json")
    record.write_text("{")
    (request,) = old_house.requests()
    assert keys(request) == GREEN
    assert not old_house.execute(request)


def test_an_older_landing_record_that_is_unreadable_is_for_the_run_to_report_too(old_house: House) -> None:
    for trips in (3, 4):
        old_house.publish(LAST, trips)
        assert old_house.by_hand(LAST, "green_bronze")
    min(old_house.project.bronze.record_folder("green", LAST).glob("*.json")).write_text("{")
    old_house.publish(LAST, 5)
    assert months(old_house.requests()) == [str(LAST)]


# What a person sees


def test_the_sensor_is_on_only_if_automation_is(project: Project) -> None:
    for automation, status in ((True, "RUNNING"), (False, "STOPPED")):
        sensor = build_definitions(project.settings(automation=automation)).resolve_sensor_def("releases")
        assert sensor.default_status.value == status


def test_the_sensor_says_how_often_it_asks_for_what(project: Project) -> None:
    settings = project.settings(poll_seconds=1800, recheck_days=3)
    sensor = build_definitions(settings).resolve_sensor_def("releases")
    assert sensor.minimum_interval_seconds == 1800
    assert sensor.description is not None
    for fact in ("yellow, green, fhv, zones", "Every 1,800 seconds", "once in 3 days", "at most 5 runs"):
        assert fact in sensor.description


def test_the_sensor_is_shown_with_all_assets_but_users(project: Project) -> None:
    definitions = build_definitions(project.settings())
    selection = definitions.resolve_sensor_def("releases").asset_selection
    assert selection is not None
    assert {key.to_user_string() for key in selection.resolve(definitions.resolve_asset_graph())} == {
        *GREEN,
        *YELLOW,
        *FHV,
        *NO_HAND,
    }


def test_a_tick_that_finds_nothing_says_what_it_asked_for_and_what_is_next(old_house: House) -> None:
    old_house.publish(LAST)
    assert old_house.by_hand(LAST, "green_bronze")
    assert old_house.skipped() == (
        "nothing new: asked for 16 files, of which 14 not published yet; next older month: 2023-02"
    )


def test_a_tick_logs_what_it_requests_and_why(old_house: House, capfd: pytest.CaptureFixture[str]) -> None:
    old_house.publish(LAST)
    (request,) = old_house.requests()
    assert f"green 2023-08 is new: version {etag(old_house, LAST, 'green')}" in capfd.readouterr().err
    old_house.pretend(request, dg.DagsterRunStatus.FAILURE)
    old_house.later = timedelta(hours=2)
    old_house.requests()
    assert "; attempt 2 of 3" in capfd.readouterr().err


def test_what_is_unchanged_costs_one_short_question(old_house: House) -> None:
    for month in (*OLDER, *NEWEST):
        old_house.publish(month)
        assert old_house.by_hand(month, "green_bronze")
    before = len(old_house.server.requests)
    old_house.tick()
    of_green = [each for each in old_house.server.requests[before:] if "green" in each.path]
    assert [(each.method, each.status) for each in of_green] == [("HEAD", 304)] * 5
