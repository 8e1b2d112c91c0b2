"""Real months by the commands a person types, each in a process of its own, held against pandas."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import dagster as dg
import pytest

from lakehouse.month import Month
from tests import green_files
from tests.project import Project
from tests.real_data.independent_green import assert_same, compute

MONTHS = ("2023-01", "2023-02", "2023-03")
GOLD_BY_MONTH = "SELECT * FROM gold.green_trips_by_payment_type ORDER BY month, payment_type"


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, list[dict[str, str]]]:
    """Gold rows of each month by pandas, as text: the form every output has."""
    files = {month: real_data / "tlc" / green_files.source_path(Month.parse(month)) for month in MONTHS}
    return {month: [_as_text(row) for row in compute(file, month).gold] for month, file in files.items()}


@pytest.fixture(scope="module")
def ranged(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after ``lakehouse run`` over the three months."""
    project = Project(tmp_path_factory.mktemp("range"), tlc_url=f"file://{real_data / 'tlc'}")
    completed = project.lakehouse("run", "--from", MONTHS[0], "--to", MONTHS[-1], "--select", "+green_gold")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "3 of 3 runs succeeded" in completed.stdout
    return project


@pytest.fixture(scope="module")
def printed(ranged: Project) -> dict[str, CompletedProcess[str]]:
    """What ``lakehouse query`` prints in each format, all three at once."""
    with ThreadPoolExecutor() as pool:
        started = {
            style: pool.submit(ranged.lakehouse, "query", GOLD_BY_MONTH, "--format", style)
            for style in ("json", "csv", "table")
        }
    completed = {style: process.result() for style, process in started.items()}
    assert {style: process.returncode for style, process in completed.items()} == dict.fromkeys(completed, 0)
    return completed


def test_dagster_asset_materialize_takes_a_month_from_file_to_gold(
    tmp_path: Path, real_data: Path, golden: Mapping[str, list[dict[str, str]]]
) -> None:
    project = Project(tmp_path, tlc_url=f"file://{real_data / 'tlc'}")

    completed = project.dagster(
        *("asset", "materialize", "-m", "lakehouse.definitions", "--select", "*", "--partition", "2023-01")
    )

    assert completed.returncode == 0, completed.stdout + completed.stderr
    _assert_gold(["2023-01"], golden, [_as_text(row) for row in project.rows(GOLD_BY_MONTH)])


def test_lakehouse_run_makes_one_successful_dagster_run_for_each_month(ranged: Project) -> None:
    with ranged.instance() as instance:
        runs = instance.get_runs()

    assert sorted(run.tags["dagster/partition"] for run in runs) == list(MONTHS)
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


def test_lakehouse_query_prints_the_gold_of_pandas_as_json(
    printed: Mapping[str, CompletedProcess[str]], golden: Mapping[str, list[dict[str, str]]]
) -> None:
    rows = json.loads(printed["json"].stdout, parse_float=Decimal)

    _assert_gold(MONTHS, golden, [_as_text(row) for row in rows])


def test_lakehouse_query_prints_the_gold_of_pandas_as_csv(
    printed: Mapping[str, CompletedProcess[str]], golden: Mapping[str, list[dict[str, str]]]
) -> None:
    rows = list(csv.DictReader(io.StringIO(printed["csv"].stdout)))

    _assert_gold(MONTHS, golden, rows)


def test_lakehouse_query_prints_the_gold_of_pandas_as_a_table(
    printed: Mapping[str, CompletedProcess[str]], golden: Mapping[str, list[dict[str, str]]]
) -> None:
    header, _, *lines = [line.strip() for line in printed["table"].stdout.splitlines() if line.strip()]
    count = lines.pop()
    names, *cells = (re.split(r"\s{2,}", line) for line in (header, *lines))
    rows = [
        {name: "" if cell == "-" else cell.replace(",", "") for name, cell in zip(names, row, strict=True)}
        for row in cells
    ]

    assert count == f"{sum(map(len, golden.values()))} rows"
    _assert_gold(MONTHS, golden, rows)


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    """Amounts with two decimals, a missing value empty."""
    return {
        name: "" if value is None else f"{value:.2f}" if isinstance(value, Decimal) else str(value)
        for name, value in row.items()
    }


def _assert_gold(
    months: Sequence[str], golden: Mapping[str, list[dict[str, str]]], actual: Sequence[Mapping[str, str]]
) -> None:
    expected = [row for month in months for row in golden[month]]
    keys = [(row["month"], row["payment_type"]) for row in actual]
    assert keys == [(row["month"], row["payment_type"]) for row in expected], "rows of gold, in order"
    for row, golden_row in zip(actual, expected, strict=True):
        where = f"{row['month'][:7]} gold of payment type {row['payment_type'] or 'missing'}"
        assert_same(where, golden_row, row)
