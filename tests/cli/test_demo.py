"""``lakehouse demo`` on small months: what it says is what the files hold, and a second run has nothing to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dlt_sources import tlc
from dlt_sources.dataset import MonthlyDataset
from lakehouse.cli.demo import DEMO_MONTHS
from lakehouse.partition import Month
from lakehouse.sample.source import FIRST_VERSION, ROWS, month_file, prepare, publish
from lakehouse.settings import Settings, load_settings
from tests.commands import Command, dagster_in_memory, free_port, lakehouse
from tests.project import Project
from tests.sample.scaled import scaled

RESTATED, ANOTHER = DEMO_MONTHS[1], DEMO_MONTHS[-1].next()


class Demo:
    """A home of sample data, and commands in it."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder, environment={"LAKEHOUSE_SAMPLE_PORT": str(free_port())})
        self.settings: Settings = load_settings(
            sample=True, home=self.project.home, dagster_home=self.project.dagster_home
        )
        self.source = self.settings.home / "source"
        prepare(self.source, (), ROWS)
        for month in DEMO_MONTHS:
            publish(self.source, month, scaled(0.01), FIRST_VERSION)

    def rows(self, dataset: MonthlyDataset) -> int:
        return sum(pq.read_metadata(month_file(self.source, dataset, month)).num_rows for month in DEMO_MONTHS)

    def __call__(self, *arguments: str) -> Command:
        return lakehouse(self.project, *arguments)


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(demo: Demo) -> Command:
    return demo("demo")


def summary(output: str, asset: str) -> list[int]:
    """Numbers of an asset's line in the closing table, without its seconds."""
    table = output[output.index("months, each a Dagster run") :]
    (line,) = (line for line in table.splitlines() if line.split()[:1] == [asset])
    return [int(number.replace(",", "")) for number in line.split()[1:-1]]


def test_every_row_of_the_sources_is_in_the_closing_table(demo: Demo, first: Command) -> None:
    assert (first.exit_code, first.errors) == (0, ())
    for dataset, key in ((tlc.YELLOW, "taxi"), (tlc.GREEN, "green"), (tlc.FHV, "fhv")):
        landed = summary(first.output, f"{key}_bronze")
        assert landed == [demo.rows(dataset)]
        assert sum(summary(first.output, f"{key}_silver")) == landed[0]


def test_it_says_that_its_data_are_samples_before_and_with_every_answer(first: Command) -> None:
    assert first.output.startswith("SAMPLE DATA: generated, no real trips and no real people.")
    assert first.output.count("(sample data)") == 3


def test_its_answers_are_those_of_the_files(demo: Demo, first: Command) -> None:
    trips = 0
    for month in DEMO_MONTHS:
        table = pq.read_table(month_file(demo.source, tlc.YELLOW, month))
        trips += pc.sum(pc.less(table["total_amount"], 0)).as_py()
    answer = first.output[first.output.index("How many yellow trips were voided") :]
    reversals = [int(line.split()[2]) for line in answer.splitlines() if re.match(r" 20\d\d-", line)]
    assert len(reversals) == len(DEMO_MONTHS)
    assert 0.9 * trips <= sum(reversals) <= trips  # copies are folded, and some reversals are rejected


def test_it_ends_with_commands_that_go_on_from_there(first: Command) -> None:
    assert "lakehouse --sample status" in first.output
    assert "lakehouse --sample dev" in first.output


def test_a_second_run_has_nothing_to_do_and_says_so(demo: Demo, first: Command) -> None:
    assert first.exit_code == 0
    again = demo("demo")
    assert (again.exit_code, again.errors) == (0, ())
    assert "Nothing to do: all 4 months are as the sample source serves them." in again.output
    assert "(sample data)" not in again.output


def test_a_restated_month_is_loaded_anew(demo: Demo, first: Command) -> None:
    assert first.exit_code == 0
    said = demo("sample", "publish", str(RESTATED), "--restate")
    assert len(said.output.splitlines()) == 3
    again = demo("--sample", "run", "--from", str(RESTATED), "--to", str(RESTATED))
    changed = [line.split()[0] for line in again.output.splitlines() if "rows" in line and "unchanged" not in line]
    assert {key for key in changed if key.endswith(("bronze", "silver"))} == {
        *("taxi_bronze", "green_bronze", "fhv_bronze", "taxi_silver", "green_silver", "fhv_silver")
    }


def test_a_month_that_is_not_published_is_not_there_to_run(demo: Demo, first: Command) -> None:
    assert first.exit_code == 0
    result = demo("--sample", "run", "--from", str(ANOTHER), "--select", "+green_gold")
    assert result.exit_code == 3
    assert f"green {ANOTHER}: http://127.0.0.1:" in result.output
    assert "it is not published (yet)" in result.output
    assert result.output.splitlines()[-1] == "1 month: 0 made, 0 unchanged, 1 waiting, 0 failed"


def test_the_sample_home_answers_queries_and_the_other_one_stays_empty(demo: Demo, first: Command) -> None:
    assert first.exit_code == 0
    sql = "SELECT COUNT(*) AS n FROM gold.trips_by_pickup_location"
    assert demo("--sample", "query", sql).exit_code == 0
    assert demo("query", sql).exit_code == 2
    assert not (demo.project.home / "catalog.db").exists()


def test_only_months_that_there_are_samples_of_can_be_published(demo: Demo) -> None:
    result = demo("sample", "publish", str(Month(2024, 1)))
    assert (result.exit_code, result.errors) == (2, ("Error: 2024-01: there is sample data from 2022-12 to 2023-04",))


def test_a_published_month_is_left_alone_unless_it_is_to_be_restated(demo: Demo) -> None:
    before = month_file(demo.source, tlc.GREEN, DEMO_MONTHS[0]).stat()
    result = demo("sample", "publish", str(DEMO_MONTHS[0]))
    assert result.output == "2022-12 is published already; --restate gives it other records\n"
    assert month_file(demo.source, tlc.GREEN, DEMO_MONTHS[0]).stat() == before


def test_a_month_that_fails_fails_the_demo(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse.cli.demo.DEMO_MONTHS", DEMO_MONTHS[1:3])
    file = month_file(demo.source, tlc.FHV, DEMO_MONTHS[2])
    content = file.read_bytes()
    file.write_bytes(b"<html></html>")
    result = demo("demo")
    file.write_bytes(content)
    assert result.exit_code == 1
    assert result.errors[-1] == f"failed: {DEMO_MONTHS[2]}"
    assert "Nothing to do" not in result.output
