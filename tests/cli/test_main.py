"""What a command's exit code says to the script that called it."""

from __future__ import annotations

import pytest

from tests.commands import lakehouse
from tests.project import Project


def test_ctrl_c_ends_a_command_with_the_exit_code_that_shells_know(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lakehouse.warehouse.profile.open_project", interrupted)
    result = lakehouse(project, "query", "SELECT 1 AS x")
    assert (result.exit_code, result.output, result.errors) == (130, "", ("interrupted",))
