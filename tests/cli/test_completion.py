"""What a shell offers when Tab is pressed."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest.mock import patch

import pytest
from click.shell_completion import ShellComplete

from lakehouse.assets.private_dagster import asset_graph
from lakehouse.cli.main import main
from lakehouse.definitions import build_definitions
from tests.project import Project

COMMANDS = ["conformance", "demo", "dev", "diff", "doctor", "query", "run", "sample", "set-aside", "status", "teardown"]


def offered(project: Project, *words: str, **environment: str) -> list[str]:
    """What is offered for the last word, which may be incomplete."""
    with patch.dict(os.environ, {**project.command_environment(), **environment}, clear=True):
        completions = ShellComplete(main, {}, "lakehouse", "_LAKEHOUSE_COMPLETE").get_completions(
            list(words[:-1]), words[-1]
        )
    return [completion.value for completion in completions]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (
            ("",),
            [
                "conformance",
                "costs",
                "demo",
                "dev",
                "diff",
                "doctor",
                "estimate",
                "query",
                "run",
                "sample",
                "set-aside",
                "status",
                "teardown",
            ],
        ),
        (("st",), ["status"]),
        (("--sample", "sample", "p"), ["publish"]),
        (("status", "--c"), ["--checks", "--check"]),
        (("query", "SELECT 1", "--format", ""), ["table", "csv", "json"]),
    ],
)
def test_commands_options_and_choices_are_offered(project: Project, words: tuple[str, ...], values: list[str]) -> None:
    assert offered(project, *words) == values


def test_months_are_those_that_there_are_partitions_of(project: Project) -> None:
    assert offered(project, "run", "--from", "2011-0") == [f"2011-0{month}" for month in range(1, 10)]
    assert offered(project, "status", "--to", "2011-", LAKEHOUSE_FIRST_MONTH="2011-11") == ["2011-11", "2011-12"]
    assert offered(project, "run", "--to", "2999") == []


def test_of_sample_data_their_months_are_offered(project: Project) -> None:
    months = ["2022-12", "2023-01", "2023-02", "2023-03", "2023-04"]
    assert offered(project, "--sample", "run", "--from", "") == months
    assert offered(project, "sample", "publish", "") == months


def test_assets_are_all_there_are(project: Project) -> None:
    graph = asset_graph(build_definitions(project.settings()))
    assert offered(project, "run", "--select", "") == sorted(key.to_user_string() for key in graph.get_all_asset_keys())


@pytest.mark.parametrize(
    ("begun", "values"),
    [
        ("green_", ["green_bronze", "green_gold", "green_silver"]),
        ("+green_g", ["+green_gold"]),
        ("+key:users_g", ["+key:users_gold"]),
        ("zones_silver,+trips", ["zones_silver,+trips_gold"]),
    ],
)
def test_the_last_name_of_a_selection_is_completed(project: Project, begun: str, values: list[str]) -> None:
    assert offered(project, "run", "--select", begun) == values


def test_nothing_is_offered_where_a_setting_is_wrong(project: Project) -> None:
    assert offered(project, "run", "--from", "", LAKEHOUSE_FIRST_MONTH="soon") == []
    assert offered(project, "run", "--select", "", LAKEHOUSE_FIRST_MONTH="soon") == []


def test_a_shell_is_answered_without_anything_heavy(project: Project) -> None:
    code = (
        "import sys\nfrom lakehouse.cli.main import main\n"
        "try: main(prog_name='lakehouse')\n"
        "finally:\n"
        "    heavy = ('dagster', 'dlt', 'duckdb', 'pyarrow', 'pyiceberg', 'sqlite3')\n"
        "    print([m for m in heavy if m in sys.modules])"
    )
    for words, said in (("lakehouse st", "plain,status"), ("lakehouse run --select +green_g", "plain,+green_gold")):
        asked = {"_LAKEHOUSE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env={**project.command_environment(), **asked},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert (answer.stdout.splitlines(), answer.stderr) == ([said, "[]"], "")
