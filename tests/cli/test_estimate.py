"""How ``lakehouse estimate`` shows what it is told, and that it says whose command it is; the rest is in tests/gcp."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakehouse.cli.estimate_command import write_estimates
from lakehouse.partition import WHOLE, Month
from lakehouse.warehouse.costs import Estimate
from tests.commands import lakehouse
from tests.project import Project

MIB = 1 << 20
ESTIMATES = [
    Estimate("zones_silver", WHOLE, 7, 70 * MIB, "dry run", "is published: only its checks are read"),
    Estimate("green_silver", Month(2024, 1), 13, 4 << 30, "dry run and sizes", "its file is not loaded"),
    Estimate("fhv_silver", Month(2024, 1), 0, 0, "", "nothing of fhv was ever landed: its size is not known"),
]


def test_a_table_has_a_line_for_each_and_a_total(capsys: pytest.CaptureFixture[str]) -> None:
    write_estimates(ESTIMATES, 6.25, "table")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == "asset month statements bytes_billed price_usd known by note"
    assert lines[2:] == [
        "zones_silver all 7 73,400,320 0.00042 dry run is published: only its checks are read",
        "green_silver 2024-01 13 4,294,967,296 0.024 dry run and sizes its file is not loaded",
        "fhv_silver 2024-01 0 0 0 - nothing of fhv was ever landed: its size is not known",
        "total 20 4,368,367,616 0.025 about: an estimate, not a bill",
    ]


def test_a_program_gets_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    write_estimates(ESTIMATES, 1024.0, "json")
    told = json.loads(capsys.readouterr().out)
    assert [each["price_usd"] for each in told] == [70 / 1024, 4.0, 0.0]
    assert [each["month"] for each in told] == [None, "2024-01", "2024-01"]
    assert told[2]["known_by"] is None
    write_estimates(ESTIMATES, 6.25, "csv")
    assert capsys.readouterr().out.startswith(
        '"asset","month","statements","bytes_billed","price_usd","known_by","note"'
    )


def test_on_this_machine_it_says_in_one_line_that_it_is_of_another_profile(tmp_path: Path) -> None:
    said = lakehouse(Project(tmp_path / "project"), "estimate", "--from", "2024-01", "--to", "2024-02")
    assert said.exit_code == 2
    (line,) = said.errors
    assert line.endswith("billed by nobody: this command is for LAKEHOUSE_PROFILE=gcp")
