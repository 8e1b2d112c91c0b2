"""Models that a newcomer adds, for a month that their sources have not published, and for one that they have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.cli.outcomes import Outcome, RunOutcome
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from tests import green_files
from tests.project import Project

PUBLISHED, UNPUBLISHED = Month(2024, 1), Month(2024, 2)
MODELS = {
    "gold_of_gold": (
        "grain: [month]\npartition: month\n",
        "  month: {type: DATE, description: Month}\n  trips: {type: INT64, description: Trips}\n",
        "SELECT month, SUM(trip_count) AS trips FROM gold.green_trips_by_payment_type\n"
        "WHERE month >= CAST(@partition_start AS DATE) AND month < CAST(@partition_end AS DATE) GROUP BY month\n",
    ),
    "of_rejected": (
        "grain: [first_day]\npartition: first_day\n",
        "  first_day: {type: DATE, description: Month}\n  trips: {type: INT64, description: Trips}\n",
        "SELECT CAST(@partition_start AS DATE) AS first_day, COUNT(*) AS trips FROM silver.green_trips_rejected\n"
        "WHERE CAST(@partition_start AS DATE) < CAST(@partition_end AS DATE)\n",
    ),
    "of_wholes": (
        "grain: [first_day]\npartition: first_day\n",
        "  first_day: {type: DATE, description: Month}\n  zones: {type: INT64, description: Zones}\n",
        "SELECT CAST(@partition_start AS DATE) AS first_day, COUNT(*) AS zones FROM silver.zones\n"
        "WHERE CAST(@partition_start AS DATE) < CAST(@partition_end AS DATE)\n",
    ),
    "of_all_months": (
        "grain: [payment_type_name]\n",
        "  payment_type_name: {type: STRING, description: How}\n  trips: {type: INT64, description: Trips}\n",
        "SELECT payment_type_name, SUM(trip_count) AS trips FROM gold.green_trips_by_payment_type\n"
        "GROUP BY payment_type_name\n",
    ),
}
SELECTION = ",".join(f"+key:{key}_gold" for key in MODELS)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(PROJECT_ROOT / "sql", folder / "sql")
    for key, model in MODELS.items():
        write(folder / "sql" / "gold" / f"{key}_gold.sql", key, *model)
    project = Project(folder / "project", sql=folder / "sql")
    project.publish(PUBLISHED, green_files.trips(PUBLISHED, 3))
    return project


def write(path: Path, key: str, header: str, columns: str, sql: str) -> None:
    path.write_text(f"/*\ndescription: Of a newcomer\ntable: gold.{key}\n{header}columns:\n{columns}*/\n{sql}")


def made(outcome: RunOutcome) -> dict[str, bool]:
    """Whether something of each newcomer's model was made."""
    assert outcome.failures == ()
    return {asset.key: not asset.waits_for for asset in outcome.assets if asset.key.removesuffix("_gold") in MODELS}


@pytest.mark.parametrize("history", ["of a new home", "after a month that was made"])
def test_what_is_made_of_a_month_that_is_not_published_waits_whatever_was_made_before(
    project: Project, history: str
) -> None:
    if history != "of a new home":
        assert set(made(project.run(PUBLISHED, selection=SELECTION)[0]).values()) == {True}
    (outcome,) = project.run(UNPUBLISHED, selection=SELECTION)
    assert outcome.outcome is Outcome.WAITING
    assert made(outcome) == {
        "gold_of_gold_gold": False,
        "of_rejected_gold": False,
        "of_wholes_gold": True,
        "of_all_months_gold": history != "of a new home",
    }
