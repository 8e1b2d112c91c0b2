"""Variables that look like settings and are none."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from lakehouse.bronze.mistyped import mistyped_variables
from lakehouse.definitions import defs
from lakehouse.settings import Settings
from tests.commands import lakehouse
from tests.project import Project


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable is given."""
    for name in os.environ:
        if name.startswith("LAKEHOUSE_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("LAKEHOUSE_FIRST_MONT", "did you mean LAKEHOUSE_FIRST_MONTH?"),
        ("LAKEHOUSE_TCL_URL", "did you mean LAKEHOUSE_TLC_URL?"),
        ("LAKEHOUSE_MEMORY", "did you mean LAKEHOUSE_MEMORY_LIMIT?"),
        ("LAKEHOUSE_DAGSTER_HOME", "did you mean DAGSTER_HOME?"),
        ("LAKEHOUSE_WORKSPACE", "the README lists those there are"),
    ],
)
def test_one_that_nothing_reads_is_named_with_the_one_that_is_meant(
    said: pytest.MonkeyPatch, name: str, advice: str
) -> None:
    said.setenv(name, "s3cret")
    assert list(mistyped_variables()) == [f"{name} is no setting, and nothing reads it; {advice}"]


def test_one_in_the_env_file_is_named_too(said: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("lakehouse_thread=3\nOTHER=4\nDAGSTER_HOME=5\n")
    said.setenv("LAKEHOUSE_HOMES", "")  # says nothing
    assert list(mistyped_variables()) == [
        "LAKEHOUSE_THREAD is no setting, and nothing reads it; did you mean LAKEHOUSE_THREADS?"
    ]


def test_settings_addresses_of_sources_and_what_tests_read_are_ours(said: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields.keys() - {"addresses", "dagster_home"}:
        said.setenv(f"LAKEHOUSE_{name.upper()}", "x")
    said.setenv("LAKEHOUSE_OLTP_URL", "x")
    said.setenv("LAKEHOUSE_REQUIRE_POSTGRES", "x")
    for name in ("tlc_url", "USERS_URL", "SOAK", "SOAK_SEED", "REAL_DATA", "REQUIRE_REAL_DATA", "REQUIRE_POWER_LOSS"):
        said.setenv(f"LAKEHOUSE_{name}", "x")
    said.setenv("_LAKEHOUSE_COMPLETE", "bash_source")
    assert list(mistyped_variables()) == []


def test_a_command_warns_once_and_goes_on(project: Project) -> None:
    line = "warning: LAKEHOUSE_FIRST_MONT is no setting, and nothing reads it; did you mean LAKEHOUSE_FIRST_MONTH?"
    done = lakehouse(project, "query", "SELECT 1 AS x", "--format", "csv", LAKEHOUSE_FIRST_MONT="2023-01")
    assert (done.exit_code, done.output, done.errors) == (0, '"x"\n1\n', (line,))
    failed = lakehouse(project, "query", "SELECT y", LAKEHOUSE_FIRST_MONT="2023-01")
    assert failed.exit_code == 2
    assert failed.errors.count(line) == 1


def test_the_code_location_warns_when_it_is_loaded(
    said: pytest.MonkeyPatch, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    said.setenv("LAKEHOUSE_HOME", str(project.home))
    said.setenv("LAKEHOUSE_FIRST_MONT", "2023-01")
    with caplog.at_level(logging.WARNING):
        defs()
    assert "LAKEHOUSE_FIRST_MONT is no setting" in caplog.text
