"""A project of its own for a test: a home, a Dagster instance and a source folder, used as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.cli.interruption import Interruption
from lakehouse.cli.outcomes import RunOutcome, Step
from lakehouse.cli.runs import run_months
from lakehouse.cli.selection import months_to_run, select
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month, Partition
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.profile import open_warehouse
from lakehouse.warehouse.protocol import Warehouse
from tests import green_files, reference_files
from tests.loading import CONTRACTS, models_of

GREEN_PIPELINE = "+key:green_gold"
"""What a test of trips runs unless it says otherwise: the green tables and all that they need."""


@dataclass
class Project:
    """Everything lies under ``folder``; the sources are ``folder/source`` unless the addresses say otherwise.

    There a zone lookup and two users are published from the start (made up, see ``reference_files``); months of
    trips are for the test to publish.
    """

    folder: Path
    tlc_url: str = ""
    users_url: str = ""
    sql: Path = PROJECT_ROOT / "sql"
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.source / "trip-data").mkdir(parents=True, exist_ok=True)
        self.dagster_home.mkdir(exist_ok=True)
        (self.dagster_home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
        reference_files.publish(self.source)
        self.tlc_url = self.tlc_url or f"file://{self.source}"
        self.users_url = self.users_url or f"file://{self.source}/users.json"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def dagster_home(self) -> Path:
        return self.folder / "dagster"

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "home": self.home,
            "dagster_home": self.dagster_home,
            "addresses": {"tlc": self.tlc_url, "users": self.users_url},
            "first_month": Month(2011, 1),
            "sql": self.sql,
            "threads": 2,
        }
        return load_settings(**{**values, **changes})

    @property
    def bronze(self) -> LocalBronzeStore:
        """Landed files, and their records."""
        settings = self.settings()
        return LocalBronzeStore(settings.home, of_samples=settings.sample)

    def warehouse(self) -> Warehouse:
        settings = self.settings()
        return open_warehouse(settings, models_of(settings.sql), CONTRACTS, self.bronze)

    @contextmanager
    def tables(self) -> Iterator[IcebergTables]:
        """The Iceberg tables themselves, as another tool would open them."""
        settings = self.settings()
        tables = IcebergTables(settings.home, of_samples=settings.sample)
        try:
            yield tables
        finally:
            tables.close()

    def publish(self, month: Month, rows: Any, era: green_files.Era = "since 2023-02") -> Path:
        """Put a green month's file at the source."""
        return green_files.write(self.source / green_files.source_path(month), rows, era)

    def run(self, *months: Month, selection: str = GREEN_PIPELINE) -> list[RunOutcome]:
        """Dagster runs in this process, one a month, as ``lakehouse run`` makes them."""
        return self.run_each([(selection, months)])

    def run_each(self, ranges: Iterable[tuple[str, Iterable[Month]]]) -> list[RunOutcome]:
        """The months of each selection, one range after the other."""
        definitions = build_definitions(self.settings())
        outcomes: list[RunOutcome] = []
        with self.instance() as instance:
            for selection, months in ranges:
                chosen = select(definitions, selection)
                wanted = [month for m in months for month in months_to_run(chosen, m, m)]
                outcomes += run_months(definitions, instance, chosen, wanted, unwatched, Interruption())
        return outcomes

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.dagster_home))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query over the published tables."""
        warehouse = self.warehouse()
        try:
            result: list[dict[str, Any]] = warehouse.query(sql).to_pylist()
        finally:
            warehouse.close()
        return result

    def command_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_"))}
        ours = {
            "LAKEHOUSE_HOME": str(self.home),
            "LAKEHOUSE_TLC_URL": self.tlc_url,
            "LAKEHOUSE_USERS_URL": self.users_url,
            "LAKEHOUSE_FIRST_MONTH": "2011-01",
            "LAKEHOUSE_SQL": str(self.sql),
            "DAGSTER_HOME": str(self.dagster_home),
        }
        return {**kept, **ours, **self.environment}

    def lakehouse(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The ``lakehouse`` command in a process of its own."""
        return self._process([str(Path(sys.executable).parent / "lakehouse"), *arguments], environment)

    def dagster(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The ``dagster`` command, in a folder without an ``.env`` that would point it elsewhere."""
        return self._process([str(Path(sys.executable).parent / "dagster"), *arguments], environment)

    def python(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Python code in a process of its own."""
        return self._process([sys.executable, "-c", code], environment)

    def _process(self, command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.command_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def files(self) -> dict[str, int]:
        """Every file under the home with its time of modification, to tell whether anything was written.

        But for when a source answered last, which is noted whatever it answers.
        """
        return {
            str(path.relative_to(self.home)): path.stat().st_mtime_ns
            for path in sorted(self.home.rglob("*"))
            if path.is_file() and path.name != ".observed"
        }

    def snapshots(self) -> dict[str, int]:
        """How many Iceberg snapshots each table has."""
        with self.tables() as tables:
            names = [".".join(name) for space in ("silver", "gold") for name in tables.catalog.list_tables(space)]
            return {name: len(tables.catalog.load_table(name).snapshots()) for name in names}


def unwatched(_: Partition, __: Step) -> None:
    """Nobody wants to know how a run goes on."""


def json_rows(completed: subprocess.CompletedProcess[str]) -> Any:
    """What ``lakehouse query --format json`` printed."""
    return json.loads(completed.stdout)
