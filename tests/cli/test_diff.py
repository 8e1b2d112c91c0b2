"""``lakehouse diff``: what is landed against what is published, and one landing against another."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from lakehouse.partition import Month
from tests import green_files
from tests.commands import dagster_in_memory, lakehouse
from tests.green_files import trips
from tests.project import Project

JANUARY = Month(2024, 1)


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


def published(project: Project, rows: list[dict[str, object]]) -> None:
    green_files.write(project.source / green_files.source_path(JANUARY), rows)


@pytest.fixture
def restated(project: Project) -> Project:
    """A project whose January was landed anew, and not yet made."""
    rows = trips(JANUARY, 4)
    published(project, rows)
    project.run(JANUARY)
    published(project, [{**rows[0], "total_amount": 20.0}, *rows[1:]])
    project.run(JANUARY, selection="green_bronze")
    return project


def test_what_is_landed_is_compared_with_what_is_published_and_landings_with_each_other(restated: Project) -> None:
    said = lakehouse(restated, "diff", "2024-01").output
    assert "green_silver 2024-01: what is published, and what is landed: 1 changed, 0 removed" in said
    assert "columns  total_amount 1" in said
    assert "green_gold 2024-01: 1 changed of 2 rows; total_amount +8.00" in said

    listed = [line.split() for line in lakehouse(restated, "diff", "2024-01", "--landings").output.splitlines()]
    new, old = (line[1] for line in listed if line and line[0] == "green_silver")
    select = ("diff", "2024-01", "--select", "green_silver")
    landings = ("--landing", new[:6], "--landing", old[:6])
    done = lakehouse(restated, *select, *landings, "--rows", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert [(row["change"], row["records"], row["total_amount"]) for row in rows] == [
        ("before", "1", "20.00"),
        ("after", "1", "12.00"),
    ]
    assert f"{new}, and {old}: 1 changed" in "".join(done.errors)


def test_what_was_landed_is_listed_for_a_program_too(restated: Project) -> None:
    asked = ("diff", "2024-01", "--select", "green_silver", "--landings", "--format")
    told = json.loads(lakehouse(restated, *asked, "json").output)
    assert [(each["asset"], each["rows"], each["is_current"]) for each in told] == [
        ("green_silver", 4, True),
        ("green_silver", 4, False),
    ]
    current = restated.bronze.current("green", JANUARY)
    assert current is not None
    assert told[0]["landing"] == current.sha256
    assert not any(each["is_refused"] for each in told)
    rows = list(csv.DictReader(io.StringIO(lakehouse(restated, *asked, "csv").output)))
    assert [row["landing"] for row in rows] == [each["landing"] for each in told]


def test_a_landing_that_a_model_refuses_is_listed_as_refused(restated: Project) -> None:
    (restated.source / green_files.source_path(JANUARY)).unlink()
    green_files.write(restated.source / green_files.source_path(JANUARY), trips(JANUARY.next(), 30))
    assert lakehouse(restated, "run", "--month", "2024-01", "--select", "+green_silver").exit_code == 1
    listed = lakehouse(restated, "diff", "2024-01", "--select", "green_silver", "--landings").output.splitlines()
    newest, *others = [line.strip() for line in listed if "green_silver" in line]
    assert newest.endswith("current, refused")
    assert others
    assert not [line for line in others if "refused" in line]


def test_a_landing_that_is_not_one_says_which_there_are(restated: Project) -> None:
    february = Month(2024, 2)
    green_files.write(restated.source / green_files.source_path(february), trips(february, 3))
    assert restated.run(february, selection="green_bronze")[0].succeeded
    new, old = (each.sha256[:12] for each in restated.bronze.history("green", JANUARY))
    (other,) = (each.sha256 for each in restated.bronze.history("green", february))

    def error(*names: str) -> str:
        landings = [word for name in names for word in ("--landing", name)]
        done = lakehouse(restated, "diff", "2024-01", "--select", "green_silver", *landings)
        assert (done.exit_code, done.output) == (2, "")
        return done.errors[-1]

    there = f"of green_silver 2024-01 there is {new}, {old}"
    assert error("") == f"Error: --landing '' names none: give the first digits of one; {there}"
    assert error("xyz") == f"Error: --landing xyz: nothing was landed that begins so; {there}"
    assert error(other[:9]) == (
        f"Error: --landing {other[:9]}: nothing was landed that begins so, but of green_silver 2024-02; {there}"
    )
    assert "--landing is given 3 times: give one" in error(new, old, new)
    oldest = list(restated.bronze.history("green", JANUARY))[-1]
    twin = f"{old[:5]}{'0' * 59}"
    restated.bronze.record(oldest.model_copy(update={"sha256": twin, "observed_at": datetime(2020, 1, 1, tzinfo=UTC)}))
    assert error(old[:5]) == (
        f"Error: --landing {old[:5]}: 2 landings of green_silver 2024-01 begin so: {old}, {twin[:12]}; give more digits"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("2024-01", "--landings", "--rows"), "--landings lists what was landed: leave out --rows"),
        (("2024-01", "--landings", "--landing", "ab"), "--landings lists what was landed: leave out --landing"),
        (("2024-01", "--format", "csv"), "--format csv writes the records of one table, not of .*: say which with"),
        (("2024-01", "--format", "json"), "with --select, for example --select taxi_silver"),
        (("2024-01", "--landing", "ab"), "--landing is of one table, not of fhv_silver, .*: say which with --select"),
        (("2024-01", "--select", "zones_silver"), "zones_silver comes whole, not a month at a time: leave 2024-01 out"),
        (("2024-01", "--select", " ,"), "--select ' ,' names no asset; there is .*green_silver"),
        (("2024-01", "--select", "green_silvr"), "there is no model green_silvr; did you mean green_silver"),
        (
            ("2024-01", "--select", "green_bronze"),
            "that is what is landed; say green_silver, which is made",
        ),
        (("2024-01", "--select", "silver.green_trips"), "that is a table; say green_silver, the asset that makes it"),
        (("2024-01", "--select", "green_gold", "--landings"), "green_gold is made of other tables"),
        (("2024-01", "--select", "green_gold", "--landing", "ab"), "green_gold is made of other tables"),
        (("--select", "green_silver"), "say which, as in lakehouse diff 2024-01 --select green_silver"),
        (("2010-12",), "2010-12 is before 2011-01, the first month: 2011-01 is the earliest there can be"),
        (("2099-01", "--landings"), "2099-01 is after 20.*, the newest month"),
        (("2024-1",), "'2024-1' is not a month: write it as YYYY-MM"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_say_instead(
    project: Project, arguments: tuple[str, ...], words: str
) -> None:
    done = lakehouse(project, "diff", *arguments)
    assert (done.exit_code, done.output) == (2, "")
    assert re.search(words, done.errors[-1])


def test_what_cannot_be_compared_says_why_and_what_to_do(project: Project) -> None:
    def error(*arguments: str) -> str:
        done = lakehouse(project, "diff", *arguments)
        assert done.exit_code == 1
        return "".join(done.errors)

    assert "green 2024-01 has not been landed" in error("2024-01", "--select", "green_silver")
    assert "nothing of 2024-01 is both landed and published" in error("2024-01")
    listed = lakehouse(project, "diff", "--select", "zones_silver", "--landings")
    assert (listed.exit_code, listed.output, listed.errors) == (0, "", ("nothing was landed for zones_silver",))
    listed = lakehouse(project, "diff", "2024-01", "--select", "green_silver", "--landings", "--format", "json")
    assert (listed.exit_code, json.loads(listed.output)) == (0, [])
    assert listed.errors == ("nothing of 2024-01 was landed for green_silver",)


def test_a_restatement_is_told_with_what_was_made_and_as_a_check(restated: Project) -> None:
    (outcome,) = restated.run(JANUARY)
    assert outcome.succeeded
    silver = next(asset for asset in outcome.assets if asset.key == "green_silver")
    assert silver.warnings == ("restatement",)  # a quarter of its records
    assert silver.note == "restated: 1 changed, 0 removed, 0 added, 3 kept"
    with restated.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("green_silver"))
        assert event is not None
        assert event.asset_materialization is not None
        facts = {name: each.value for name, each in event.asset_materialization.metadata.items()}
    assert (facts["records_kept"], facts["records_changed"], facts["changed_columns"]) == (3, 1, "total_amount 1")
    assert facts["effect on green_gold 2024-01"] == "1 changed of 2 rows; total_amount +8.00"
    assert "| 24.00 | 32.00 |" in str(facts["rows of green_gold 2024-01"])
