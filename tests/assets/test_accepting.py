"""A landing that a guard holds back, let through by the command line and by the config of a run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from lakehouse.assets.accepting import accepting_config
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month
from lakehouse.warehouse.acceptance import Acceptance, this_user
from tests import green_files
from tests.commands import dagster_in_memory, lakehouse
from tests.project import Project
from tests.reference_files import ZONES_PATH, user, zones_csv

MONTH = Month(2024, 1)
SILVER = "infrastructure,green_bronze,green_silver"
RUN = ("run", "--month", "2024-01", "--select", SILVER)
COUNT = "SELECT COUNT(*) AS n FROM silver.green_trips"


@pytest.fixture(autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture
def restated(project: Project) -> Project:
    """A project whose month was published, and lost most of its rows since."""
    project.publish(MONTH, green_files.trips(MONTH, 200))
    assert project.run(MONTH, selection=SILVER)[0].succeeded
    project.publish(MONTH, green_files.trips(MONTH, 20))
    return project


def landing(project: Project) -> str:
    current = project.bronze.current("green", MONTH)
    assert current is not None
    return current.sha256


def materialized(project: Project, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    """As the launchpad or ``--config-json`` would."""
    with project.instance() as instance:
        job = build_definitions(project.settings()).resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey("green_silver")]
        return job.execute_in_process(
            run_config=config,
            instance=instance,
            partition_key="2024-01",
            asset_selection=selection,
            raise_on_error=False,
        )


def metadata(project: Project) -> dict[str, Any]:
    with project.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("green_silver"))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_the_command_that_a_refusal_names_publishes_what_it_refused_and_says_who_and_why(restated: Project) -> None:
    refused = lakehouse(restated, *RUN)
    assert refused.exit_code == 1
    said = refused.errors[0]
    assert "200 rows became 20 (90.0% lost)" in said
    assert "lakehouse run --accept volume --month 2024-01 --select '+green_silver+' --because '...'" in said
    assert restated.rows(COUNT) == [{"n": 200}]
    accepted = lakehouse(restated, *RUN, "--accept", "volume", "--because", "TLC says so")
    assert (accepted.exit_code, accepted.errors, restated.rows(COUNT)) == (0, (), [{"n": 20}])
    words = f"landing {landing(restated)}, by {this_user()}: TLC says so"
    assert metadata(restated)["accepted"] == words
    again = lakehouse(restated, *RUN)
    assert "1 unchanged" in again.output
    with restated.tables() as tables:
        snapshot = tables.catalog.load_table("silver.green_trips").current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    assert '"because":"TLC says so"' in str(snapshot.summary["lakehouse.note"])


def test_what_the_source_sends_after_the_command_was_typed_is_not_accepted(restated: Project) -> None:
    assert lakehouse(restated, *RUN).exit_code == 1
    seen = landing(restated)
    restated.publish(MONTH, green_files.trips(MONTH, 10))
    result = lakehouse(restated, *RUN, "--accept", "volume", "--because", "TLC says so")
    assert result.exit_code == 1
    assert f"what was accepted is landing {seen[:12]}" in result.errors[0]
    assert landing(restated) != seen
    assert restated.rows(COUNT) == [{"n": 200}]


def test_the_config_of_a_run_accepts_a_landing_by_its_first_digits(restated: Project) -> None:
    assert lakehouse(restated, *RUN).exit_code == 1
    config = {"landing": landing(restated)[:12], "because": "TLC says so"}
    assert materialized(restated, {"ops": {"green_silver": {"config": {"accept": config}}}}).success
    assert restated.rows(COUNT) == [{"n": 20}]
    assert metadata(restated)["accepted"] == f"landing {config['landing']}, by {this_user()}: TLC says so"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"landing": "abc", "because": "so"}, "landing 'abc' is no SHA-256: give 12 of its digits or more"),
        ({"landing": "0" * 64, "because": " "}, "'because' is empty: say why it is right"),
    ],
)
def test_a_config_that_names_no_landing_or_no_reason_is_refused_in_words(
    restated: Project, config: dict[str, str], words: str
) -> None:
    result = materialized(restated, {"ops": {"green_silver": {"config": {"accept": config}}}})
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    description = str(failure.step_failure_data.user_failure_data.description)
    assert description.startswith(f"green_silver: config accept: {words}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--accept", "volume"), "--accept and --because go together"),
        (("--because", "so"), "--accept and --because go together"),
        (("--accept", "volume", "--because", " "), "--accept and --because go together"),
        (("--from", "2024-01"), "--month is for one month"),
    ],
)
def test_options_that_say_too_little_or_too_much_are_refused(
    project: Project, arguments: tuple[str, ...], words: str
) -> None:
    result = lakehouse(project, *RUN, *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.errors)


def test_an_acceptance_is_for_one_month_of_which_something_is_landed(project: Project) -> None:
    accept = ("--accept", "volume", "--because", "so", "--select", SILVER)
    several = lakehouse(project, "run", "--from", "2024-01", "--to", "2024-02", *accept)
    assert several.exit_code == 2
    assert several.errors == ("Error: --accept is for one month, not 2: say which with --month",)
    nothing = lakehouse(project, "run", "--month", "2024-01", *accept)
    assert nothing.exit_code == 1
    assert nothing.errors == ("Error: --accept: nothing is landed yet for green_silver 2024-01",)
    gold = lakehouse(project, "run", "--month", "2024-01", *accept[:-1], "green_gold")
    assert gold.exit_code == 2
    assert "nothing that is selected is made of a month's file: select the asset that is held back" in gold.errors[0]


def test_zones_that_are_held_back_are_let_through_by_the_command_that_is_named(project: Project) -> None:
    assert lakehouse(project, "run", "--select", "+zones_silver").exit_code == 0
    (project.source / ZONES_PATH).write_bytes(zones_csv(198).encode())
    held_back = lakehouse(project, "run", "--select", "+zones_silver")
    assert held_back.exit_code == 1
    command = re.search(r"lakehouse (run --accept volume .*? --because '...')", " ".join(held_back.errors))
    assert command is not None
    accepted = lakehouse(project, *shlex.split(command[1]))
    assert (accepted.exit_code, accepted.errors) == (0, ())
    assert project.rows("SELECT COUNT(*) AS n FROM silver.zones") == [{"n": 200}]


def test_where_nothing_is_held_back_it_is_said_what_was_looked_at(restated: Project) -> None:
    restated.publish(MONTH, green_files.trips(MONTH, 199))
    assert lakehouse(restated, "run", "--month", "2024-01", "--select", "green_bronze").exit_code == 0
    for state in ("was not held back", "is published already"):
        done = lakehouse(restated, *RUN, "--accept", "volume", "--because", "TLC says so")
        assert (done.exit_code, done.errors) == (0, ())
        assert done.output.splitlines()[-2] == (
            f"--accept: nothing to accept: landing {landing(restated)[:12]} of green_silver 2024-01 (199 rows) "
            f"{state}; nothing was written down"
        )
        assert "accepted" not in metadata(restated)


def test_what_the_source_has_sent_since_is_not_said_to_be_what_was_meant(restated: Project) -> None:
    meant = landing(restated)[:12]
    restated.publish(MONTH, green_files.trips(MONTH, 203))
    done = lakehouse(restated, *RUN, "--accept", "volume", "--because", "TLC says so")
    sent = landing(restated)[:12]
    assert meant != sent
    assert done.output.splitlines()[-2] == (
        f"--accept: nothing to accept: landing {sent} of green_silver 2024-01 (203 rows), which the source has sent "
        f"since {meant}, was not held back; nothing was written down"
    )


def test_what_comes_whole_is_not_accepted_with_a_month(restated: Project) -> None:
    """A loss of users is not what a person means who accepts one of a month."""
    users = restated.source / "users.json"
    users.write_text(json.dumps([user(number) for number in range(1, 11)]))
    assert lakehouse(restated, "run", "--select", "+users_silver").exit_code == 0
    users.write_text(json.dumps([user(number) for number in range(1, 4)]))
    accept = ("--accept", "volume", "--because", "TLC says so")
    both = ("--select", f"{SILVER},+users_silver")
    assert lakehouse(restated, *RUN).exit_code == 1
    done = lakehouse(restated, "run", "--month", "2024-01", *both, *accept)
    assert done.exit_code == 1
    assert "lakehouse run --accept volume --select '+users_silver'" in done.errors[0]
    assert restated.rows(COUNT) == [{"n": 20}]
    assert restated.rows("SELECT COUNT(*) AS n FROM silver.users") == [{"n": 10}]
    alone = lakehouse(restated, "run", "--month", "2024-01", "--select", "+users_silver", *accept)
    assert alone.exit_code == 2
    assert "+users_silver is not made a month at a time: leave 2024-01 out" in " ".join(alone.errors)
    assert restated.rows("SELECT COUNT(*) AS n FROM silver.users") == [{"n": 10}]


def test_one_reason_is_of_one_landing(project: Project) -> None:
    selected = ("--select", "+zones_silver,+users_silver")
    assert lakehouse(project, "run", *selected).exit_code == 0
    both = lakehouse(project, "run", *selected, "--accept", "volume", "--because", "so")
    assert both.exit_code != 0
    assert "say which one with --select" in both.errors[0]


def test_assets_that_accept_nothing_have_no_config() -> None:
    assert accepting_config({}) == {}
    accepted = accepting_config({"users_silver": Acceptance("0" * 64, "me", "so")})
    assert accepted == {
        "ops": {"users_silver": {"config": {"accept": {"landing": "0" * 64, "because": "so", "by": "me"}}}}
    }
