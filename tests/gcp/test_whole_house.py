"""The whole house under ``LAKEHOUSE_PROFILE=gcp``, as a person runs it, on emulators of BigQuery and Cloud Storage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import dagster as dg
import pytest

from lakehouse.assets.check_results import newest_evaluation
from lakehouse.partition import Month
from tests.bronze.between import Answer, Between
from tests.commands import Command, lakehouse
from tests.emulators.emulator import Cloud
from tests.gcp.keys import Google, write_key
from tests.project import Project

MONTH = Month(2020, 4)


class JobsNoted(Between):
    """Stands before the emulator of BigQuery and keeps what is asked of it that makes a job."""

    def __init__(self, emulator: str) -> None:
        super().__init__(emulator)
        self.configurations: list[dict[str, Any]] = []

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        place = urlsplit(path).path
        assert not (method == "POST" and place.endswith("/queries")), "a job without a configuration of its own"
        if method == "POST" and place.endswith("/jobs"):
            self.configurations.append(json.loads(body)["configuration"])
        return super()._forwarded(method, path, headers, body)


@dataclass(frozen=True)
class InCloud:
    """A project whose settings name a place in the emulated cloud, and credentials for it."""

    project: Project
    environment: Mapping[str, str]
    noted: JobsNoted

    def says(self, *arguments: str) -> Command:
        return lakehouse(self.project, *arguments, **self.environment)


@pytest.fixture
def house(tmp_path: Path, cloud: Cloud, google: Google, real_data: Path) -> Iterator[InCloud]:
    with JobsNoted(cloud.bigquery) as noted:
        yield house_at(noted, tmp_path, cloud, google, real_data)


def house_at(noted: JobsNoted, tmp_path: Path, cloud: Cloud, google: Google, real_data: Path) -> InCloud:
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
            "BIGQUERY_EMULATOR_HOST": noted.address,
            "STORAGE_EMULATOR_HOST": cloud.storage,
        },
        noted,
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


def evaluation_of(instance: dg.DagsterInstance, asset: str, check: str) -> dg.AssetCheckEvaluation:
    found = newest_evaluation(instance, dg.AssetCheckKey(dg.AssetKey(asset), check))
    assert found is not None, asset
    return found


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

    with instance_of(house) as instance:
        warned = {name: evaluation_of(instance, name, "usual_cost") for name in tables}
    assert all(each.passed and each.metadata["bytes_billed"].value == 0 for each in warned.values())

    status = house.says("status", "--format", "json")
    assert '"silver.green_trips"' in status.output
    counted = house.says("query", "SELECT COUNT(*) AS n FROM silver.green_trips", "--format", "csv")
    assert counted.output.split() == ['"n"', "35606"]
    ledger = "SELECT dataset, bronze_rows, silver_rows, is_balanced FROM silver.row_ledger ORDER BY dataset"
    told = [house.says("query", ledger, "--format", "csv", *flag).output.splitlines() for flag in ((), ("--recount",))]
    assert told[0] == told[1]
    assert told[0][1:] == ['"fhv",1000,1000,true', '"green",35612,35606,true', '"yellow",1000,1000,true']
    assert not unlabelled(house.noted.configurations)
    assert not uncapped(house.noted.configurations)
    kinds = Counter(kind for each in house.noted.configurations for kind in ("query", "load") if kind in each)
    assert kinds["load"] >= 5
    assert kinds["query"] > 100
    months = [each for each in house.noted.configurations if each["labels"].get("month") == str(MONTH)]
    assert len(months) > 50
    assert all({"asset", "month", "run"} <= each["labels"].keys() for each in months)


def unlabelled(configurations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Jobs that are not known for ours, and our place's."""
    ours = {"managed-by": "lakehouse", "prefix": ""}
    return [each for each in configurations if not ours.items() <= each.get("labels", {}).items()]


def uncapped(configurations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Queries that may bill more than the cap."""
    return [
        each for each in configurations if "query" in each and each["query"].get("maximumBytesBilled") != str(20 << 30)
    ]


def test_a_job_without_a_label_or_a_cap_is_found() -> None:
    labels = {"managed-by": "lakehouse", "prefix": ""}
    right = {"labels": labels, "query": {"maximumBytesBilled": str(20 << 30)}}
    assert not unlabelled([right, {"labels": labels, "load": {}}])
    assert not uncapped([right, {"labels": labels, "load": {}}])
    assert len(unlabelled([{**right, "labels": {"prefix": ""}}, {"load": {}}])) == 2
    assert len(uncapped([{**right, "query": {}}, {**right, "query": {"maximumBytesBilled": "1"}}])) == 2
