"""What ``lakehouse status`` says of months that are there, stale, missing or were never landed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.status import State
from tests import direct, green_files
from tests.commands import Command, dagster_in_memory, lakehouse
from tests.project import Project

JANUARY, FEBRUARY, APRIL = Month(2024, 1), Month(2024, 2), Month(2024, 4)
GREEN = ("green_bronze", "green_silver", "green_gold")


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture
def loaded(project: Project) -> Project:
    """January is in all tables."""
    project.publish(JANUARY, green_files.trips(JANUARY, 40))
    direct.load(project, JANUARY)
    return project


def status(project: Project, *arguments: str) -> Command:
    return lakehouse(project, "status", "--from", str(JANUARY), "--to", str(APRIL), *arguments)


def states(project: Project, month: Month = JANUARY) -> dict[str, str]:
    """States of the green assets of a month."""
    said = json.loads(status(project, "--format", "json").output)
    return {
        entry["asset"]: entry["state"]
        for entry in said["assets"]
        if entry["asset"] in GREEN and entry["month"] == str(month)
    }


def test_a_new_home_has_nothing_and_says_how_to_begin(project: Project) -> None:
    result = status(project)
    assert result.exit_code == 0
    assert "never landed  green_bronze  2024-01 to 2024-04" in result.output
    assert result.output.endswith("nothing there yet: lakehouse run, or lakehouse demo for a look at sample data\n")
    assert not project.home.exists()


def test_a_month_that_was_run_is_current_in_every_table(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 40))
    assert project.run(JANUARY)[0].succeeded
    assert states(project) == dict.fromkeys(GREEN, State.CURRENT)
    result = status(project, "--check")
    assert result.exit_code == 0
    assert result.output.endswith("everything that was landed is in its tables\n")


def test_rows_size_snapshot_and_time_are_those_of_the_table(loaded: Project) -> None:
    said = json.loads(status(loaded, "--format", "json").output)
    (silver,) = (e for e in said["assets"] if e["asset"] == "green_silver" and e["month"] == "2024-01")
    with loaded.tables() as tables:
        table = tables.catalog.load_table("silver.green_trips")
    (file,) = (task.file for task in table.scan().plan_files())
    assert silver["rows"] == file.record_count == 40
    assert silver["bytes"] == Path(file.file_path.removeprefix("file://")).stat().st_size
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert silver["version"] == str(snapshot.snapshot_id)


def test_a_landed_month_without_a_table_is_missing_there(project: Project) -> None:
    project.publish(JANUARY, green_files.trips(JANUARY, 40))
    direct.make(project, JANUARY, "green_bronze")
    assert states(project) == {
        "green_bronze": State.CURRENT,
        "green_silver": State.MISSING,
        "green_gold": State.NOTHING,
    }
    result = status(project, "--check")
    assert result.exit_code == 1
    assert result.output.endswith("1 missing; what mends it:\n  lakehouse run --from 2024-01 --to 2024-01\n")


def test_a_restated_month_makes_silver_stale_until_it_is_run(loaded: Project) -> None:
    loaded.publish(JANUARY, green_files.trips(JANUARY, 41))
    direct.make(loaded, JANUARY, "green_bronze")
    assert states(loaded)["green_silver"] == State.STALE
    direct.make(loaded, JANUARY, "green_silver")
    assert states(loaded) == {
        "green_bronze": State.CURRENT,
        "green_silver": State.CURRENT,
        "green_gold": State.STALE,
    }
    direct.make(loaded, JANUARY, "green_gold")
    assert states(loaded) == dict.fromkeys(GREEN, State.CURRENT)


def test_a_changed_model_makes_its_months_stale(loaded: Project, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(PROJECT_ROOT / "sql", changed)
    model = changed / "gold" / "green_gold.sql"
    model.write_text(model.read_text().replace("WHEN 0 THEN 'Flex fare'", "WHEN 0 THEN 'Flexible fare'"))
    loaded.sql = changed
    assert states(loaded) == {**dict.fromkeys(GREEN, State.CURRENT), "green_gold": State.STALE}


def test_a_data_file_that_is_gone_makes_its_month_stale(loaded: Project) -> None:
    (file,) = (loaded.home / "warehouse" / "gold").rglob("data/2024-01/*.parquet")
    file.unlink()
    assert states(loaded)["green_gold"] == State.STALE


def test_a_data_file_that_was_cut_short_makes_its_month_stale(loaded: Project) -> None:
    (file,) = (loaded.home / "warehouse" / "gold").rglob("data/2024-01/*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    assert states(loaded)["green_gold"] == State.STALE


def test_a_landed_file_that_is_gone_makes_its_month_stale(loaded: Project) -> None:
    (file,) = (loaded.home / "bronze" / "green").rglob("*.parquet")
    content = file.read_bytes()
    file.unlink()
    assert states(loaded) == {**dict.fromkeys(GREEN, State.STALE), "green_gold": State.CURRENT}
    file.write_bytes(content[:-8] + b"XXXXXXXX")
    assert states(loaded) == {**dict.fromkeys(GREEN, State.CURRENT), "green_silver": State.STALE}


def test_what_comes_whole_is_missing_until_it_is_made(project: Project) -> None:
    assert project.run(JANUARY, selection="users_bronze")[0].succeeded

    def users() -> dict[str, str]:
        said = json.loads(status(project, "--format", "json").output)
        return {e["asset"]: e["state"] for e in said["assets"] if e["asset"].startswith("users")}

    assert users() == {"users_bronze": State.CURRENT, "users_silver": State.MISSING, "users_gold": State.NOTHING}


def test_months_between_are_listed_as_gaps(loaded: Project) -> None:
    loaded.publish(APRIL, green_files.trips(APRIL, 10))
    direct.load(loaded, APRIL)
    lines = status(loaded).output.splitlines()
    assert "never landed  green_bronze  2024-02 to 2024-03" in lines
    assert {line.split()[0] for line in lines if line.startswith(" 2024-")} == {"2024-01", "2024-04"}


def test_a_dataset_is_not_missed_before_it_began(project: Project) -> None:
    output = lakehouse(project, "status", "--from", "2014-01", "--to", "2015-02").output
    assert "never landed  fhv_bronze    2015-01 to 2015-02" in output


def test_a_range_the_wrong_way_round_is_refused(project: Project) -> None:
    result = lakehouse(project, "status", "--from", "2024-02", "--to", "2024-01")
    assert (result.exit_code, result.errors) == (2, ("Error: 2024-02 is after 2024-01, the last month",))


def test_gold_whose_silver_changed_since_is_named_by_status_and_to_whoever_queries_it(loaded: Project) -> None:
    loaded.publish(JANUARY, green_files.trips(JANUARY, 41))
    direct.make(loaded, JANUARY, "green_bronze", "green_silver")
    line = "gold.green_trips_by_payment_type: made before silver.green_trips changed: 2024-01"
    said = status(loaded, "--check")
    assert (said.exit_code, line in said.output.splitlines()) == (1, True)
    (remark,) = json.loads(status(loaded, "--format", "json").output)["remarks"]
    assert remark == {
        "table": "gold.green_trips_by_payment_type",
        "month": "2024-01",
        "remark": "made before silver.green_trips changed",
    }
    asked = lakehouse(loaded, "query", "SELECT COUNT(*) AS n FROM gold.green_trips_by_payment_type")
    assert (asked.exit_code, asked.errors) == (0, (line,))
    assert lakehouse(loaded, "query", "SELECT COUNT(*) AS n FROM silver.green_trips").errors == ()


def test_a_table_that_cannot_be_read_hides_no_other(loaded: Project) -> None:
    folder = loaded.home / "warehouse" / "silver" / "green_trips"
    for file in folder.rglob("*.metadata.json"):
        file.unlink()
    said = status(loaded, "--check")
    (line,) = (line for line in said.output.splitlines() if line.startswith("silver.green_trips: "))
    assert "its table metadata is gone" in line
    assert said.exit_code == 1
    assert states(loaded) == {"green_bronze": "current", "green_silver": "damaged", "green_gold": "stale"}
    assert json.loads(status(loaded, "--format", "json").output)["damage"] == [line]
