"""What is made of sample data says so wherever it is looked at: on assets, beside rows, in the tables themselves."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.definitions import build_definitions
from lakehouse.home import ensure_home_kind
from lakehouse.partition import WHOLE
from lakehouse.settings import Settings
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.profile import open_project
from tests.project import Project
from tests.reference_files import user, users_table
from tests.warehouse.implementations import LocalImplementation

HEADED = f"{SAMPLE_NOTE}\n\n| user_id |"


@pytest.fixture(params=[True, False], ids=["samples", "real data"])
def settings(request: pytest.FixtureRequest, project: Project) -> Settings:
    return project.settings(sample=request.param)


def materialized(settings: Settings, folder: Path, *users: dict[str, object]) -> dg.ExecuteInProcessResult:
    """A run of ``users_silver`` over users that have been landed."""
    file = folder / "users.parquet"
    pq.write_table(users_table(users), file)
    ensure_home_kind(settings.home, of_samples=settings.sample)
    implementation = LocalImplementation(settings.home)
    implementation.land("users_bronze", WHOLE, file)
    implementation.close()
    with dg.DagsterInstance.ephemeral() as instance:
        return (
            build_definitions(settings)
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(asset_selection=[dg.AssetKey("users_silver")], instance=instance, raise_on_error=False)
        )


def test_a_preview_stands_below_the_note(settings: Settings, tmp_path: Path) -> None:
    (event,) = materialized(settings, tmp_path, user(1)).get_asset_materialization_events()
    preview = str(event.materialization.metadata["preview"].value)
    assert preview.startswith(HEADED if settings.sample else "| user_id |")
    assert preview.count(SAMPLE_NOTE) == settings.sample


def test_rows_that_fail_a_check_stand_below_the_note(settings: Settings, tmp_path: Path) -> None:
    checks = materialized(settings, tmp_path, user(1), user(1, name="Another")).get_asset_check_evaluations()
    (shown,) = [str(each.metadata["sample"].value) for each in checks if "sample" in each.metadata]
    assert shown.startswith(HEADED if settings.sample else "| user_id |")


def test_every_table_says_so_to_its_readers(settings: Settings) -> None:
    project = open_project(settings)
    project.warehouse.prepare()
    project.warehouse.close()
    tables = IcebergTables(settings.home, of_samples=settings.sample)
    specs = project.models.specs()
    properties = {spec.name: tables.catalog.load_table(spec.name).properties for spec in specs}
    tables.close()
    assert {each.get("lakehouse.sample") for each in properties.values()} == ({"true"} if settings.sample else {None})
    assert all(each["comment"].startswith(SAMPLE_NOTE) == settings.sample for each in properties.values())
    assert all(spec.description in properties[spec.name]["comment"] for spec in specs)
