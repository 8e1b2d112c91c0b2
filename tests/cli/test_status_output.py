"""A status as a person reads it: months that follow each other are one range, and all fits a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.cli.blocks import WIDEST
from lakehouse.cli.status_output import write
from lakehouse.partition import WHOLE, Month, Partition, month_range
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.warehouse.status import Entry, State, Status
from tests.loading import CONTRACTS, models_of

MONTHS = month_range(Month(2011, 1), Month(2025, 12))
PUBLISHED = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)


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


def everything(state: State, months: tuple[Month, ...]) -> Status:
    """Every asset of the project in a state, with the largest months there are: 20 million rows, 500 MB."""
    assets = [(asset, f"bronze.{asset}", contract.dataset.is_partitioned) for asset, contract in CONTRACTS.items()]
    assets += [(m.key, m.table.name, m.is_partitioned) for m in models_of(PROJECT_ROOT / "sql")]

    def entry(asset: str, table: str, partition: Partition) -> Entry:
        if state in (State.MISSING, State.NOTHING):
            return Entry(asset, table, partition, state)
        version = "9e107d9d372b" if table.startswith("bronze.") else "8736428374628374628"
        return Entry(asset, table, partition, state, 20_123_456, 500_000_000, version, PUBLISHED)

    partitions = [(asset, table, months if monthly else (WHOLE,)) for asset, table, monthly in assets]
    return Status(tuple(entry(asset, table, part) for asset, table, parts in partitions for part in parts))


def settings() -> Settings:
    return load_settings(home=Path("/home/someone/nyc-lakehouse/data"))


@pytest.mark.parametrize("state", State)
def test_a_status_of_all_months_there_are_fits_a_terminal(capsys: pytest.CaptureFixture[str], state: State) -> None:
    write(everything(state, tuple(MONTHS)), settings(), "table")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > WIDEST] == []
    assert len(lines) > 1


def test_months_with_holes_between_them_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    gaps = tuple(MONTHS)[::3]
    write(everything(State.NOTHING, gaps), settings(), "table")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > WIDEST] == []
    assert all(" ".join(lines).count(str(month)) == 3 for month in gaps)  # of each monthly dataset


def test_nothing_is_left_out_however_wide_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    months = (Month(2024, 1), Month(2024, 2))
    status = everything(State.STALE, months)
    write(status, settings(), "table")
    output = capsys.readouterr().out
    monthly = [asset for asset in status.assets if len(status.of(asset)) > 1]
    assert output.count("20,123,456 stale") == len(months) * len(monthly)
    assert all(re.search(rf"\b{asset}\b", output) for asset in monthly)
    for asset in status.assets:
        entries = status.of(asset)
        (amounts, version) = (line.split() for line in output.splitlines() if line.split()[:1] == [entries[0].table])
        of_months = [str(len(entries))] if asset in monthly else []
        rows, megabytes = 20_123_456 * len(entries), 500 * len(entries)
        assert amounts[1:] == [f"{rows:,}", *of_months, f"{megabytes:,.1f}", str(len(entries)), "stale"]
        assert version[1:] == [entries[0].version, "2026-02-28", "23:59", "UTC"]


def test_a_layer_stays_together(capsys: pytest.CaptureFixture[str]) -> None:
    write(everything(State.STALE, (Month(2024, 1),)), settings(), "table")
    headings = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith(" month ")]
    assert [{asset.split("_")[-1] for asset in assets} for assets in headings] == [{"bronze"}, {"silver"}, {"gold"}]


def test_a_home_that_is_too_long_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    home = Path("/a/folder/in/a/folder") / ("x" * 50)
    write(Status(()), load_settings(home=home), "table")
    assert capsys.readouterr().out.splitlines()[:2] == ["local profile, home", str(home)]
