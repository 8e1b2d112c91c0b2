"""Users are fetched every morning of New York, summer and winter."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from lakehouse.bronze.source import Scheduled
from lakehouse.bronze.sources import SOURCES
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from tests import green_files
from tests.automation.house import House
from tests.project import Project
from tests.reference_files import user

USERS = {"users_bronze", "users_silver", "users_gold"}
NEW_YORK = ZoneInfo("America/New_York")


def schedule_of(definitions: dg.Definitions) -> dg.ScheduleDefinition:
    schedule = definitions.resolve_schedule_def("users_daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    return schedule


def job_of(definitions: dg.Definitions) -> dg.JobDefinition:
    return definitions.resolve_job_def(schedule_of(definitions).job_name)


@pytest.mark.parametrize("around", [datetime(2024, 3, 9), datetime(2024, 11, 2), datetime(2024, 6, 1)])
def test_every_day_has_one_six_o_clock(project: Project, around: datetime) -> None:
    schedule = schedule_of(build_definitions(project.settings()))
    assert schedule.execution_timezone is not None
    times = schedule_execution_time_iterator(
        around.replace(tzinfo=NEW_YORK).timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    found = [next(times).astimezone(NEW_YORK) for _ in range(4)]
    assert [(each.day - around.day, each.hour, each.minute) for each in found] == [(day, 6, 0) for day in range(4)]


def test_the_schedule_is_on_only_if_automation_is(project: Project) -> None:
    for automation, status in ((True, "RUNNING"), (False, "STOPPED")):
        schedule = schedule_of(build_definitions(project.settings(automation=automation)))
        assert schedule.default_status.value == status


def test_it_runs_the_users_and_what_follows_from_them(project: Project) -> None:
    job = job_of(build_definitions(project.settings()))
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == USERS


def test_it_leaves_what_has_months_to_the_sensor(project: Project, tmp_path: Path) -> None:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    (sql / "gold" / "cities_gold.sql").write_text(CITIES)
    job = job_of(build_definitions(project.settings(sql=sql)))
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == USERS


CITIES = """/*
description: Trips of each day, next to the number of users
table: gold.trips_and_users
grain: [day]
partition: day
columns:
  day: {type: DATE, description: Day of the pickup}
  trip_count: {type: INT64, description: Trips, unit: trips}
  user_count: {type: INT64, description: Users, unit: users}
*/
SELECT CAST(pickup_at AS DATE) AS day, COUNT(*) AS trip_count, (SELECT COUNT(*) FROM silver.users) AS user_count
FROM silver.green_trips
WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
GROUP BY day
"""


def test_its_job_fills_a_new_home_and_follows_the_source(house: House) -> None:
    for users in (2, 3):
        answer = [user(number) for number in range(1, users + 1)]
        (house.project.source / "users.json").write_text(json.dumps(answer))
        result = job_of(house.definitions).execute_in_process(instance=house.instance)
        assert result.success
        (row,) = house.project.rows("SELECT SUM(user_count) AS users FROM gold.user_counts_by_city")
        assert int(row["users"]) == users
    assert house.asked() == ["users.json"]


def test_of_a_file_a_month_a_schedule_asks_for_the_newest_months(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = [
        replace(source, cadence=Scheduled("nightly", "0 3 * * *")) if source.dataset.name == "green" else source
        for source in SOURCES
    ]
    monkeypatch.setattr("lakehouse.warehouse.profile.SOURCES", tuple(nightly))
    definitions = build_definitions(project.settings(last_month="2024-02"))
    schedule = definitions.resolve_schedule_def("green_nightly")
    assert isinstance(schedule, dg.ScheduleDefinition)
    context = dg.build_schedule_context(
        repository_def=definitions.get_repository_def(),
        scheduled_execution_time=datetime(2024, 4, 2, 3, tzinfo=NEW_YORK),
    )
    requests = schedule.evaluate_tick(context).run_requests or ()
    assert [each.partition_key for each in requests] == ["2023-11", "2023-12", "2024-01", "2024-02"]
    assert len({each.run_key for each in requests}) == 4
    project.publish(Month(2024, 2), green_files.trips(Month(2024, 2), 3))
    job = definitions.resolve_job_def(schedule.job_name)
    assert {"green_bronze", "green_silver", "green_gold"} == {
        k.to_user_string() for k in job.asset_layer.executable_asset_keys
    }
    with project.instance() as instance:
        project.run(Month(2024, 2), selection="infrastructure,zones_bronze,zones_silver")
        assert job.execute_in_process(instance=instance, partition_key="2024-02").success
    (row,) = project.rows("SELECT COUNT(*) AS trips FROM silver.green_trips")
    assert row["trips"] == 3
    asked = str(definitions.resolve_sensor_def("releases").description).partition(" what is new")[0]
    assert ("yellow" in asked, "green" in asked) == (True, False)
