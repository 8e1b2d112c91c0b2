"""A status as a person reads it: months that follow each other are one range."""

from __future__ import annotations

import pytest

from lakehouse.cli.status_output import write
from lakehouse.partition import Month, month_range
from lakehouse.settings import load_settings
from lakehouse.warehouse.status import Entry, State, Status


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.NOTHING, ["never landed  green_bronze  2023-11 to 2024-02, 2024-04"]),
        (State.STALE, ["  lakehouse run --from 2023-11 --to 2024-02", "  lakehouse run --from 2024-04 --to 2024-04"]),
    ],
)
def test_months_around_a_new_year_are_one_range(
    capsys: pytest.CaptureFixture[str], state: State, said: list[str]
) -> None:
    months = [*month_range(Month(2023, 11), Month(2024, 2)), Month(2024, 4)]
    entries = tuple(Entry("green_bronze", "bronze.green_bronze", month, state) for month in months)
    write(Status(entries), load_settings(), "table")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("never landed", "  lakehouse run"))] == said
