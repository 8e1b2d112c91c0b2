"""The whole house under ``LAKEHOUSE_PROFILE=gcp``, as a person runs it, on emulators of BigQuery and Cloud Storage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from lakehouse.partition import Month
from tests.commands import Command, lakehouse
from tests.emulators.emulator import Cloud
from tests.gcp.keys import Google, write_key
from tests.project import Project

MONTH = Month(2020, 4)


@dataclass(frozen=True)
class InCloud:
    """A project whose settings name a place in the emulated cloud, and credentials for it."""

    project: Project
    environment: Mapping[str, str]

    def says(self, *arguments: str) -> Command:
        return lakehouse(self.project, *arguments, **self.environment)


@pytest.fixture
def house(tmp_path: Path, cloud: Cloud, google: Google, real_data: Path) -> InCloud:
    name = f"house-{uuid4().hex[:12]}"
    source = real_data / "tlc"
    project = Project(
        tmp_path / "project",
        tlc_url=source.as_uri(),
        users_url=(real_data / "jsonplaceholder" / "users.json").as_uri(),
    )
    return InCloud(
        project,
        {
            "LAKEHOUSE_PROFILE": "gcp",
            "LAKEHOUSE_PROJECT": name,
            "LAKEHOUSE_BUCKET": name,
            "LAKEHOUSE_CREDENTIALS": str(write_key(tmp_path, google.token_uri)),
            "LAKEHOUSE_LAST_MONTH": "2020-05",
            "BIGQUERY_EMULATOR_HOST": cloud.bigquery,
            "STORAGE_EMULATOR_HOST": cloud.storage,
        },
    )


def materialized(house: InCloud) -> dict[str, Mapping[str, Any]]:
    """The newest materialization of each asset: its metadata, by name."""
    with instance_of(house) as instance:
        found = {}
        for key in instance.get_asset_keys():
            event = instance.get_latest_materialization_event(key)
            assert event is not None
            assert event.asset_materialization is not None
            found[key.to_user_string()] = event.asset_materialization.metadata
        return found


@contextmanager
def instance_of(house: InCloud) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(house.project.dagster_home)) as instance:
        yield instance


def jobs(metadata: Mapping[str, Any]) -> Counter[str]:
    """How many jobs of each kind a materialization tells of."""
    kinds = ("load", "stage", "publish", "query")
    return Counter({kind: metadata[f"{kind}_jobs"].value for kind in kinds if f"{kind}_jobs" in metadata})


def test_a_month_goes_all_the_way_and_a_rerun_loads_and_stages_nothing(house: InCloud) -> None:
    run = ("run", "--from", str(MONTH), "--to", str(MONTH))
    first = house.says(*run)
    assert first.exit_code == 0, first
    made = materialized(house)
    tables = {name: metadata for name, metadata in made.items() if name.endswith(("_silver", "_gold"))}
    assert len(made) == 14
    assert len(tables) == 8
    for name, metadata in tables.items():
        assert metadata["job"].value.startswith("lakehouse_"), name
        assert jobs(metadata)["publish"] == 1, name
        assert isinstance(metadata["price_usd"], dg.FloatMetadataValue), name  # 0 here: emulators bill nothing
        assert f"&j=bq:US:{metadata['job'].value}" in metadata["jobs"].value, name
    assert jobs(tables["green_silver"])["load"] == 1
    assert jobs(tables["green_silver"])["stage"] == 2  # its table, and that of its rejected records
    foreseen = json.loads(house.says("estimate", *run[1:], "--format", "json").output)
    again = house.says(*run)
    assert (again.exit_code, "1 unchanged" in again.output) == (0, True), again
    for name, metadata in materialized(house).items():
        if name in tables:
            assert jobs(metadata).keys() == {"query"}, name
            assert metadata["job"].value == tables[name]["job"].value

    assert {each["asset"] for each in foreseen} == tables.keys()
    for each in foreseen:
        done = jobs(materialized(house)[each["asset"]])
        assert (each["statements"], each["known_by"]) == (done["query"], "dry run"), each
        assert each["note"] == "is published: only its checks are read"

    status = house.says("status", "--format", "json")
    assert '"silver.green_trips"' in status.output
    counted = house.says("query", "SELECT COUNT(*) AS n FROM silver.green_trips", "--format", "csv")
    assert counted.output.split() == ['"n"', "35606"]
    ledger = "SELECT dataset, bronze_rows, silver_rows, is_balanced FROM silver.row_ledger ORDER BY dataset"
    told = [house.says("query", ledger, "--format", "csv", *flag).output.splitlines() for flag in ((), ("--recount",))]
    assert told[0] == told[1]
    assert told[0][1:] == ['"fhv",1000,1000,true', '"green",35612,35606,true', '"yellow",1000,1000,true']
