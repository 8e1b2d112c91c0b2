"""Dagster's folder: whose it is, and what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.cli.instance import open_instance, prepared_home
from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import PROJECT_ROOT, load_settings


def test_a_dagster_home_elsewhere_is_made_but_not_configured(tmp_path: Path) -> None:
    home = prepared_home(load_settings(dagster_home=tmp_path / "elsewhere"))
    assert list(home.iterdir()) == []


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
