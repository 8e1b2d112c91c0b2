"""What ``docs/add-a-source.md`` says is all there is to do: its files, added to a copy of the project, run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.settings import PROJECT_ROOT
from tests.http_source import SourceServer

_CHAPTER = (PROJECT_ROOT / "docs" / "add-a-source.md").read_text()
_FILE = re.compile(r"^`(?P<path>[\w./-]+)`[^\n]*\n\n```\w+\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_SOURCES = "src/lakehouse/bronze/sources.py"
_PARTS = ("src", "dlt_sources", "sql")

_MOST_FILES = 4

_TRIPS = pa.table(
    {
        "hvfhs_license_num": ["HV0003", "HV0005", " HV0005 "],
        "pickup_datetime": pa.array([datetime(2024, 1, 1), datetime(2024, 1, 31, 23), datetime(2024, 2, 1)]),
        "PULocationID": [132, 138, 1],
        "trip_miles": [1.25, 2.5, 0.1],
        "base_passenger_fare": [10.0, 20.5, 1.0],
        "driver_pay": [7.0, 14.0, 1.0],
    }
)
_HOTSPOTS = [
    {
        "objectid": "1",
        "borough": "MN",
        "free": True,
        "activated": "2015-01-01T00:00:00.000",
        "at": {"latitude": "40.75"},
    },
    {"objectid": "2", "borough": "BK", "free": "false", "activated": None, "at": {"latitude": 41}},
]

_FACTS = """
import json
from datetime import datetime

import dagster as dg
from lakehouse.assets.freshness import limits_by_asset
from lakehouse.bronze.sources import contracts_of
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month
from lakehouse.settings import load_settings
from lakehouse.warehouse.profile import open_project
from lakehouse.warehouse.status import read_status

settings = load_settings()
definitions = build_definitions(settings)
project = open_project(settings)
graph = definitions.resolve_asset_graph()
instance = dg.DagsterInstance.get()
repository = definitions.get_repository_def()
keys = ("hvfhv_bronze", "hvfhv_silver", "hotspots_bronze", "hotspots_silver")


def names(keys):
    return sorted(key.to_user_string() for key in keys)


def requested(name):
    context = dg.build_sensor_context(instance=instance, definitions=definitions)
    return [
        {"month": each.partition_key, "assets": names(each.asset_selection)}
        for each in repository.get_sensor_def(name).evaluate_tick(context).run_requests
    ]


def freshness(key):
    limits = limits_by_asset(project.sources, project.models)[dg.AssetKey(key)]
    return [limits.warn.days, limits.fail.days]


def lineage(key):
    metadata = instance.get_latest_materialization_event(dg.AssetKey(key)).asset_materialization.metadata
    found = metadata["dagster/column_lineage"].value.deps_by_column
    return {name: [[d.asset_key.to_user_string(), d.column_name] for d in deps] for name, deps in found.items()}


month = Month(2024, 1)
status = read_status(
    project.warehouse, project.models, contracts_of(project.sources), project.bronze, month, Month(2024, 2)
)
schedule = repository.get_schedule_def("hotspots_weekly")
print(
    json.dumps(
        {
            "groups": {key: graph.get(dg.AssetKey(key)).group_name for key in keys},
            "partitioned": [key for key in keys if graph.get(dg.AssetKey(key)).partitions_def is not None],
            "parents": {key: names(graph.get(dg.AssetKey(key)).parent_keys) for key in keys},
            "freshness": {key: freshness(key) for key in keys},
            "lineage": {key: lineage(key) for key in ("hvfhv_silver", "hotspots_silver")},
            "schedule": [schedule.cron_schedule, names(schedule.job.selection.resolve(graph))],
            "requested": requested("releases"),
            "status": {
                key: [[e.partition.key, e.state.value, e.rows] for e in status.of(key)] for key in keys
            },
            "rows": {
                table: project.warehouse.query(f"SELECT * FROM {table}").to_pylist()
                for table in ("silver.hvfhv_trips", "silver.hvfhv_trips_rejected", "silver.hotspots")
            },
            "ledger": project.warehouse.query("SELECT * FROM silver.row_ledger").to_pylist(),
        },
        default=str,
    )
)
"""


@dataclass(frozen=True)
class Example:
    """One example of the chapter: path → what it says of that file."""

    title: str
    files: dict[str, str]


def examples() -> dict[str, Example]:
    parts = re.split(r"^## (.+)$", _CHAPTER, flags=re.MULTILINE)
    found = (
        Example(title, {match["path"]: match["text"] for match in _FILE.finditer(text)})
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    )
    return {example.title: example for example in found if example.files}


def add(example: Example, root: Path) -> None:
    for path, text in example.files.items():
        file = root / path
        if path == _SOURCES:
            file.write_text(with_entry(file.read_text(), text))
        else:
            assert not file.exists(), path
            file.write_text(text)


def with_entry(sources: str, text: str) -> str:
    """The list of sources with the imports and the entry that an example gives."""
    imports, _, entry = text.partition("\n\n")
    assert sources.count("\n)\n") == 1
    assert sources.count("\nfrom lakehouse.bronze.source import ") == 1
    sources = sources.replace("\n)\n", f"\n{entry.rstrip()}\n)\n")
    return sources.replace(
        "\nfrom lakehouse.bronze.source import ", f"\n{imports}\nfrom lakehouse.bronze.source import "
    )


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for part in _PARTS
        for path in (root / part).rglob("*")
        if path.suffix in (".py", ".sql")
    }


@dataclass(frozen=True)
class Copy:
    """A copy of the project with both examples added, and the files that each of them changed."""

    root: Path
    environment: dict[str, str]
    changed: dict[str, set[str]]

    def python(self, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def lakehouse(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.python("from lakehouse.cli.main import main; main()", *arguments, **environment)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    root, served = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("served")
    for part in _PARTS:
        shutil.copytree(PROJECT_ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    changed = {}
    for title, example in examples().items():
        before = files_of(root)
        add(example, root)
        changed[title] = {path for path, content in files_of(root).items() if before.get(path) != content}
    (served / "trip-data").mkdir()
    for month in ("2024-01", "2024-02"):
        pq.write_table(_TRIPS, served / "trip-data" / f"fhvhv_tripdata_{month}.parquet")
    (served / "hotspots.json").write_text(json.dumps(_HOTSPOTS))
    (root / "dagster").mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", root / "dagster")
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT_ROOT / name, root)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_"))}
    with SourceServer(served) as server:
        environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
            "DAGSTER_HOME": str(root / "dagster"),
            "LAKEHOUSE_LAST_MONTH": "2024-02",
            "LAKEHOUSE_TLC_URL": server.url,
            "LAKEHOUSE_HVFHV_URL": server.url,
            "LAKEHOUSE_HOTSPOTS_URL": f"{server.url}/hotspots.json",
        }
        yield Copy(root, environment, changed)


@pytest.fixture(scope="module")
def facts(copy: Copy) -> dict[str, Any]:
    """What there is once a month was run."""
    chosen = "+key:hvfhv_silver,+key:hotspots_silver"
    ran = copy.lakehouse("run", "--from", "2024-01", "--to", "2024-01", "--select", chosen)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = copy.python(_FACTS)
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_each_example_is_at_most_four_files(copy: Copy) -> None:
    assert set(copy.changed) == {"A file a month", "An API"}
    for title, changed in copy.changed.items():
        assert changed == set(examples()[title].files), title
        assert len(changed) <= _MOST_FILES


def test_the_examples_are_as_lint_wants_them_once_imports_are_sorted(copy: Copy) -> None:
    shutil.copy(PROJECT_ROOT / "pyproject.toml", copy.root)
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["check", "--select", "I", "--fix", "--quiet", "."], ["check", "."], ["format", "--check", "."]):
        checked = subprocess.run([*ruff, *arguments], cwd=copy.root, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_assets_partitions_and_edges_follow_from_it(facts: dict[str, Any]) -> None:
    assert facts["groups"] == {
        "hvfhv_bronze": "bronze_layer",
        "hvfhv_silver": "silver_layer",
        "hotspots_bronze": "bronze_layer",
        "hotspots_silver": "silver_layer",
    }
    assert facts["partitioned"] == ["hvfhv_bronze", "hvfhv_silver"]
    assert facts["parents"]["hvfhv_bronze"] == facts["parents"]["hotspots_bronze"] == ["infrastructure"]
    assert (facts["parents"]["hvfhv_silver"], facts["parents"]["hotspots_silver"]) == (
        ["hvfhv_bronze"],
        ["hotspots_bronze"],
    )


def test_its_rows_arrive_typed_and_the_month_s_ledger_is_balanced(facts: dict[str, Any]) -> None:
    trips = sorted(facts["rows"]["silver.hvfhv_trips"], key=lambda row: str(row["pickup_at"]))
    assert [(row["license_number"], row["fare"], row["trip_miles"]) for row in trips] == [
        ("HV0003", "10.00", "1.25"),
        ("HV0005", "20.50", "2.50"),
    ]
    (rejected,) = facts["rows"]["silver.hvfhv_trips_rejected"]
    assert (rejected["license_number"], rejected["reject_reason"]) == ("HV0005", "outside_month")
    (ledger,) = [row for row in facts["ledger"] if row["dataset"] == "hvfhv"]
    assert (ledger["bronze_rows"], ledger["silver_rows"], ledger["rejected_rows"]) == (3, 2, 1)
    hotspots = sorted(facts["rows"]["silver.hotspots"], key=lambda row: row["hotspot_id"])
    assert hotspots == [
        {
            "hotspot_id": 1,
            "borough": "MN",
            "is_free": True,
            "activated_at": "2015-01-01 00:00:00",
            "latitude": 40.75,
        },
        {"hotspot_id": 2, "borough": "BK", "is_free": False, "activated_at": None, "latitude": 41.0},
    ]


def test_the_sensor_asks_for_the_new_month_and_what_follows_from_it(facts: dict[str, Any]) -> None:
    (request,) = facts["requested"]
    assert request["month"] == "2024-02"
    assert {"hvfhv_bronze", "hvfhv_silver"} <= set(request["assets"])
    assert not {"hotspots_bronze", "hotspots_silver"} & set(request["assets"])


def test_the_schedule_fetches_what_cannot_be_asked(facts: dict[str, Any]) -> None:
    assert facts["schedule"] == ["0 5 * * 1", ["hotspots_bronze", "hotspots_silver"]]


def test_freshness_is_that_of_the_entry(facts: dict[str, Any]) -> None:
    assert facts["freshness"] == {
        "hvfhv_bronze": [47, 78],
        "hvfhv_silver": [47, 78],
        "hotspots_bronze": [8, 15],
        "hotspots_silver": [8, 15],
    }


def test_status_knows_its_months(facts: dict[str, Any]) -> None:
    assert facts["status"]["hvfhv_bronze"] == [["2024-01", "current", 3], ["2024-02", "nothing", None]]
    assert facts["status"]["hvfhv_silver"] == [["2024-01", "current", 2], ["2024-02", "nothing", None]]
    assert facts["status"]["hotspots_silver"] == [[None, "current", 2]]


def test_lineage_leads_back_to_the_columns_of_file_and_answer(facts: dict[str, Any]) -> None:
    assert facts["lineage"]["hvfhv_silver"]["fare"] == [["hvfhv_bronze", "base_passenger_fare"]]
    assert facts["lineage"]["hotspots_silver"]["is_free"] == [["hotspots_bronze", "free"]]


def test_what_has_no_samples_is_left_out_of_the_sample_project(copy: Copy) -> None:
    listed = copy.python(
        "from lakehouse.settings import load_settings\n"
        "from lakehouse.warehouse.profile import open_project\n"
        "project = open_project(load_settings())\n"
        "print([source.asset for source in project.sources], list(project.models.keys()))",
        LAKEHOUSE_SAMPLE="true",
    )
    assert listed.returncode == 0, listed.stderr
    assert "taxi_bronze" in listed.stdout
    assert "trips_gold" in listed.stdout
    assert "hvfhv" not in listed.stdout
    assert "hotspots" not in listed.stdout
