"""Samples through the whole project, from their server to gold; and that they and real records never meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from dlt_sources import tlc
from lakehouse.cli.outcomes import RunOutcome
from lakehouse.partition import WHOLE, Month
from lakehouse.sample.server import SampleServer
from lakehouse.sample.source import ROWS, month_file, prepare, publish
from lakehouse.sample.trips import Generated, write_month
from lakehouse.settings import Settings
from lakehouse.warehouse.profile import open_bronze
from tests import fhv_files, green_files, yellow_files
from tests.commands import dagster_in_memory
from tests.loading import CONTRACTS
from tests.project import Project
from tests.sample.scaled import scaled

OLD, NEW = Month(2023, 1), Month(2023, 2)
ROWS_A_MONTH = 8_000
DATASETS = (tlc.YELLOW, tlc.GREEN, tlc.FHV)
BRONZE = f"infrastructure,{','.join(CONTRACTS)}"


@dataclass
class SampleProject(Project):
    """A project whose settings are those of samples, with a source at a port of its own."""

    port: int = 0

    def settings(self, **changes: Any) -> Settings:
        return super().settings(**{"sample": True, "sample_port": self.port, **changes})


@dataclass(frozen=True)
class Ran:
    """A sample project after a run of both months, and what its source had been given."""

    project: SampleProject
    outcomes: list[RunOutcome]
    generated: dict[tuple[str, Month], Generated]


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("samples")
    source = folder / "samples"
    generated = {
        (dataset.name, month): write_month(month_file(source, dataset, month), dataset, month, ROWS_A_MONTH)
        for dataset in DATASETS
        for month in (OLD, NEW)
    }
    prepare(source, (OLD, NEW), ROWS)
    with SampleServer(source, 0) as server:
        project = SampleProject(folder, port=server.port)
        yield Ran(project, project.run(OLD, NEW, selection="*"), generated)


def ledger(project: Project, month: Month) -> dict[str, tuple[int, ...]]:
    """Bronze rows, silver rows, copies and rejected rows by reason of each dataset."""
    rows = project.rows(f"SELECT * FROM silver.row_ledger WHERE month = DATE '{month.first_day}'")
    assert all(row["is_balanced"] for row in rows)
    terms = ("bronze_rows", "silver_rows", "duplicate_copies", "rejected_rows")
    reasons = ("rejected_pickup_outside_month", "rejected_dropoff_before_pickup")
    return {row["dataset"]: tuple(row[term] for term in (*terms, *reasons)) for row in rows}


def put_in(generated: Generated) -> tuple[int, ...]:
    rejected = generated.outside + generated.backwards
    kept = generated.rows - generated.duplicates - rejected
    return (generated.rows, kept, generated.duplicates, rejected, generated.outside, generated.backwards)


def test_every_asset_takes_samples_of_both_eras(ran: Ran) -> None:
    assert [failure for outcome in ran.outcomes for failure in outcome.failures] == []
    warnings = {asset.key: asset.warnings for outcome in ran.outcomes for asset in outcome.assets if asset.warnings}
    assert warnings == {}


@pytest.mark.parametrize("month", [OLD, NEW], ids=str)
def test_the_ledger_counts_what_the_generator_put_in(ran: Ran, month: Month) -> None:
    expected = {name: put_in(done) for (name, of), done in ran.generated.items() if of == month}
    assert min(term for terms in expected.values() for term in terms) >= 2
    assert ledger(ran.project, month) == expected


@pytest.mark.parametrize(("dataset", "table"), [("yellow", "silver.yellow_trips"), ("green", "silver.green_trips")])
def test_reversals_are_those_that_the_generator_put_in(ran: Ran, dataset: str, table: str) -> None:
    rows = ran.project.rows(
        f"SELECT CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month, COUNTIF(is_reversal) AS reversals FROM {table} "
        "GROUP BY month"
    )
    assert {row["month"]: row["reversals"] for row in rows} == {
        month.first_day: ran.generated[dataset, month].reversals for month in (OLD, NEW)
    }


def test_gold_names_sample_zones_and_counts_sample_users_by_city(ran: Ran) -> None:
    zones = ran.project.rows("SELECT DISTINCT month, zone, taxi_type FROM gold.trips_by_pickup_location")
    assert {row["month"] for row in zones} == {date(2023, 1, 1), date(2023, 2, 1)}
    assert {row["taxi_type"] for row in zones} == {"yellow", "fhv"}
    assert all("sample zone" in row["zone"] or row["zone"] in ("N/A", "Outside of NYC") for row in zones)
    assert len({row["zone"] for row in zones}) > 150
    cities = ran.project.rows("SELECT city, user_count FROM gold.user_counts_by_city ORDER BY user_count DESC")
    assert [tuple(row.values()) for row in cities[:2]] == [("Sampleton", 9), ("North Sampleton", 7)]


def test_a_restated_month_is_landed_beside_the_one_before_and_takes_its_place(project: Project) -> None:
    source = project.folder / "samples"
    prepare(source, [NEW], scaled(0.1))
    with SampleServer(source, 0) as server:
        samples = SampleProject(project.folder, port=server.port)
        outcomes = samples.run(NEW, selection="infrastructure,zones_bronze,zones_silver,green_bronze,green_silver")
        publish(source, NEW, scaled(0.1), 2)
        outcomes += samples.run(NEW, selection="infrastructure,zones_bronze,green_bronze,green_silver")
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    unchanged = {asset.key: asset.unchanged for asset in outcomes[1].assets}
    assert (unchanged["zones_bronze"], unchanged["green_bronze"], unchanged["green_silver"]) == (True, False, False)
    landings = samples.rows("SELECT is_current FROM bronze.landings WHERE dataset = 'green' ORDER BY observed_at")
    assert [row["is_current"] for row in landings] == [False, True]


def test_a_home_for_real_data_refuses_every_kind_of_sample(ran: Ran, project: Project) -> None:
    with SampleServer(ran.project.folder / "samples", 0) as server:
        project.tlc_url, project.users_url = server.url, f"{server.url}/users"
        (outcome,) = project.run(NEW, selection=BRONZE)
    assert {failure.key for failure in outcome.failed} == set(CONTRACTS)
    for failure in outcome.failed:
        assert f"{server.url}/" in failure.message
        assert (
            "serves generated sample data, and this home is for real data; nothing was kept: set the source's address "
            "to the real one, or LAKEHOUSE_SAMPLE=true for a home of samples" in failure.message
        )
    assert nothing_landed(project)


def test_a_home_for_real_data_refuses_samples_from_a_folder_too(ran: Ran, project: Project) -> None:
    source = ran.project.folder / "samples"
    project.tlc_url, project.users_url = f"file://{source}", f"file://{source}"
    (outcome,) = project.run(OLD, selection=BRONZE)
    assert {failure.key for failure in outcome.failed} == set(CONTRACTS)
    assert nothing_landed(project)


def test_a_home_of_samples_refuses_every_kind_of_file_without_the_mark(project: Project) -> None:
    project.publish(NEW, green_files.trips(NEW, 5))
    yellow_files.write(project.source / yellow_files.source_path(NEW), yellow_files.trips(NEW, 4))
    fhv_files.write(project.source / fhv_files.source_path(NEW), fhv_files.trips(NEW, 3))
    with SampleServer(project.source, 0) as server:
        samples = SampleProject(project.folder, port=server.port)
        (outcome,) = samples.run(NEW, selection=BRONZE)
    assert {failure.key for failure in outcome.failed} == set(CONTRACTS)
    for failure in outcome.failed:
        assert (
            "does not serve sample data, and LAKEHOUSE_SAMPLE=true; nothing was kept: unset it to load real data, or "
            "end what else listens there" in failure.message
        )
    assert nothing_landed(samples)


def nothing_landed(project: Project) -> bool:
    """Whether the home has no landing, and no file either but of when sources answered."""
    bronze = open_bronze(project.settings())
    months = [
        (contract.dataset.name, NEW if contract.dataset.is_partitioned else WHOLE) for contract in CONTRACTS.values()
    ]
    files = [
        path for path in project.settings().home.glob("bronze/**/*") if path.is_file() and path.name != ".observed"
    ]
    return files == [] and all(bronze.current(dataset, month) is None for dataset, month in months)
