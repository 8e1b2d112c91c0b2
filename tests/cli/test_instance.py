"""Dagster's folder: whose it is, and what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lakehouse.cli.instance import open_instance, prepared_home
from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import PROJECT_ROOT, load_settings
from tests.limits import refused

OURS = PROJECT_ROOT / "dagster.yaml"


@pytest.mark.parametrize("used", ["new", "empty", "of plain Dagster", "linked to a project that moved"])
def test_a_dagster_home_without_a_configuration_gets_the_project_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], used: str
) -> None:
    home = tmp_path / "elsewhere"
    if used != "new":
        home.mkdir()
    if used == "of plain Dagster":
        (home / "history").mkdir()
    if used == "linked to a project that moved":
        (home / "dagster.yaml").symlink_to(tmp_path / "gone" / "dagster.yaml")
    for _ in range(2):
        assert prepared_home(load_settings(dagster_home=home)) == home
    assert (home / "dagster.yaml").samefile(OURS)
    assert capsys.readouterr().err == ""


def test_a_configuration_of_one_s_own_is_kept_and_what_it_leaves_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "dagster.yaml"
    own.write_text("telemetry:\n  enabled: true\n")
    prepared_home(load_settings(dagster_home=tmp_path))
    assert own.read_text() == "telemetry:\n  enabled: true\n"
    (line,) = capsys.readouterr().err.splitlines()
    left_out = ", ".join(sorted(yaml.safe_load(OURS.read_text()).keys() - {"telemetry"}))
    assert "concurrency" in left_out
    assert line.startswith(f"{own}: does not say {left_out}, which {OURS} does")


def test_a_configuration_that_leaves_nothing_out_is_not_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dagster.yaml").write_text(f"{OURS.read_text()}\nretention: {{}}\n")
    prepared_home(load_settings(dagster_home=tmp_path))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["concurrency: [", "- concurrency"])
def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dagster.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"dagster\.yaml: is not .*; mend it") as error:
        prepared_home(load_settings(dagster_home=tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [".", ".opening.lock", "history", "history/runs.db", "history/runs/index.db"])
def test_what_cannot_be_written_is_found_before_anything_runs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path != tmp_path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    settings = load_settings(dagster_home=tmp_path)
    prepared_home(settings)
    with (
        refused(path),
        pytest.raises(ConfigurationError, match=re.escape(f"DAGSTER_HOME={tmp_path}: {path} cannot be written; make")),
    ):
        prepared_home(settings)


def test_samples_have_the_project_s_instance_settings(tmp_path: Path) -> None:
    home = prepared_home(load_settings(_env_file=None, sample=True, dagster_home=tmp_path / "dagster"))
    assert (home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()


def test_loading_settings_makes_no_folder(tmp_path: Path) -> None:
    load_settings(home=tmp_path / "home", dagster_home=tmp_path / "dagster")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    settings = load_settings(dagster_home=tmp_path / "dagster" / "inside")
    (tmp_path / "dagster").write_text("a file by now")
    with pytest.raises(ConfigurationError, match=r"DAGSTER_HOME=.*inside: cannot be made \(Not a directory\)"):
        prepared_home(settings)


def test_an_instance_keeps_what_runs_print_out_of_its_files(tmp_path: Path) -> None:
    with open_instance(load_settings(dagster_home=tmp_path / "dagster")) as instance:
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"
