"""What keeps ``lakehouse dev`` from starting; that it serves, and ends all it started, is tested in ``tests/ui``."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from filelock import FileLock

from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import load_settings, require_own_instance
from tests.commands import free_port, lakehouse
from tests.project import Project


def test_a_port_that_something_else_has_is_refused_at_once(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = lakehouse(project, "dev", "--port", str(port))
    assert result.exit_code == 2
    assert f"--port {port}: 127.0.0.1:{port} cannot be listened on" in result.errors[0]


@pytest.mark.parametrize("port", ["0", "-1", "99999", "three"])
def test_a_port_that_there_is_not_is_refused(project: Project, port: str) -> None:
    assert lakehouse(project, "dev", "--port", port).exit_code == 2


def test_an_instance_is_served_once(project: Project) -> None:
    with FileLock(project.dagster_home / ".dev.lock"):
        result = lakehouse(project, "dev", "--port", str(free_port()))
    assert result.exit_code == 2
    assert f"DAGSTER_HOME={project.dagster_home}: another lakehouse dev serves this instance" in result.errors[0]


def test_plain_dagster_records_no_runs_of_samples_among_those_of_real_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    settings = load_settings(sample=True, home=tmp_path / "data")
    with pytest.raises(ConfigurationError, match="samples have a Dagster instance of their own"):
        require_own_instance(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    require_own_instance(load_settings(sample=True, home=tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    require_own_instance(load_settings(home=tmp_path / "data"))
