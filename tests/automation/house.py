"""A project whose release sensor ticks when a test says so, against a real source; what it requests is really run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from lakehouse.bronze.store import Landing
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month, Partition
from tests import fhv_files, green_files, yellow_files
from tests.asking import fetch_zones
from tests.http_source import PATIENT, SourceServer
from tests.project import Project

FIRST, LAST = Month(2023, 1), Month(2023, 8)
"""Partitions of a house unless a test says otherwise: four that are asked for every time, four in turn."""

NEWEST = (Month(2023, 5), Month(2023, 6), Month(2023, 7), LAST)
OLDER = (FIRST, Month(2023, 2), Month(2023, 3), Month(2023, 4))
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(InProcessCodeLocationOrigin(LoadableTargetOrigin()), "__repository__"), "__ASSET_JOB"
)
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class House:
    """Settings may change between ticks, as they do when a person edits them and starts the daemon again."""

    project: Project
    server: SourceServer
    instance: dg.DagsterInstance
    settings: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    later: timedelta = timedelta()
    """How much later than now the next tick is."""

    _definitions: dg.Definitions | None = None
    _seen: int = 0

    def __post_init__(self) -> None:
        self.project.tlc_url = self.server.url
        self.project.users_url = f"{self.server.url}/users.json"
        brief = {"http_attempts": 1, "http_timeout": 1.0}
        self.settings = {"first_month": FIRST, "last_month": LAST, **brief, **self.settings}

    def change(self, **settings: Any) -> None:
        """Edit settings."""
        self.settings |= settings
        self._definitions = None

    def move_tlc(self, url: str) -> None:
        """Say that TLC is elsewhere."""
        self.change(addresses={"tlc": url, "users": self.project.users_url})

    @property
    def definitions(self) -> dg.Definitions:
        """Those that these settings make."""
        if self._definitions is None:
            self._definitions = build_definitions(self.project.settings(**self.settings))
        return self._definitions

    def tick(self) -> SensorExecutionData:
        """One tick of the sensor; its cursor is the next one's."""
        sensor = self.definitions.resolve_sensor_def("releases")
        with (
            patch("lakehouse.automation.sensor._now", lambda: datetime.now(UTC) + self.later),
            dg.build_sensor_context(self.instance, self.cursor, definitions=self.definitions) as context,
        ):
            said = sensor.evaluate_tick(context)
        self.cursor = said.cursor
        return said

    def requests(self) -> Sequence[dg.RunRequest]:
        """What one tick requests."""
        return self.tick().run_requests or []

    def skipped(self) -> str:
        """What a tick that requests nothing says."""
        said = self.tick()
        assert not said.run_requests
        assert said.skip_message is not None
        return said.skip_message

    def execute(self, request: dg.RunRequest) -> bool:
        """Run what was requested in this process; whether it succeeded."""
        return self._execute(request.asset_selection or [], request.partition_key, _tags(request))

    def by_hand(self, month: Partition, *assets: str) -> bool:
        """Run assets as a person does."""
        return self._execute([dg.AssetKey(asset) for asset in assets], month.key, {})

    def _execute(self, assets: Sequence[dg.AssetKey], partition: str | None, tags: dict[str, str]) -> bool:
        result = self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=assets,
            partition_key=partition,
            tags=tags,
            instance=self.instance,
            raise_on_error=False,
            run_config=_QUIET,
        )
        return result.success

    def settle(self) -> None:
        """Run everything that is requested until nothing is."""
        while requests := self.requests():
            for request in requests:
                assert self.execute(request)

    def pretend_whole(self) -> None:
        """Land the zones, and say that what else comes whole is made."""
        store = self.project.bronze
        with store.workspace() as folder:
            download = fetch_zones(self.server.url, folder, None, PATIENT)
            assert download is not None
            landing = Landing(
                dataset="zones",
                month=None,
                url=download.url,
                etag=download.etag,
                last_modified=download.last_modified,
                bytes=download.bytes,
                rows=download.rows,
                sha256=download.sha256,
                observed_at=datetime.now(UTC),
                suffix="csv",
            )
            store.adopt(landing, download.path)
            store.record(landing)
        for key in ("infrastructure", "zones_silver", "zones_bronze"):
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key))
        self.asked()

    def pretend(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> str:
        """A run of a request that came to this status without doing anything; its id."""
        run = dg.DagsterRun(
            job_name=str(request.job_name), status=status, tags=_tags(request), remote_job_origin=ORIGIN
        )
        self.instance.add_run(run)
        return run.run_id

    def publish(self, month: Month, trips: int = 3, *, dataset: str = "green") -> None:
        """Put a month's file at the source; another number of trips is another file."""
        files: Any = {"green": green_files, "yellow": yellow_files, "fhv": fhv_files}[dataset]
        files.write(self.project.source / files.source_path(month), files.trips(month, trips))

    def asked(self) -> list[str]:
        """Names of the files that were asked for since the last time, in order, each once."""
        requests = self.server.requests[self._seen :]
        self._seen += len(requests)
        return list(dict.fromkeys(each.path.rpartition("/")[2] for each in requests))

    def gold(self) -> dict[str, int]:
        """Trips of each month of green's gold table."""
        rows = self.project.rows(
            "SELECT month, SUM(trip_count) AS trips FROM gold.green_trips_by_payment_type GROUP BY month"
        )
        return {f"{row['month']:%Y-%m}": int(row["trips"]) for row in rows}


def _tags(request: dg.RunRequest) -> dict[str, str]:
    """What the daemon puts on a run."""
    return {**request.tags, "dagster/run_key": str(request.run_key)}


def keys(request: dg.RunRequest) -> set[str]:
    """The assets of a request."""
    return {key.to_user_string() for key in request.asset_selection or []}


def months(requests: Sequence[dg.RunRequest]) -> list[str | None]:
    """The months of requests."""
    return [request.partition_key for request in requests]


def file_of(month: Month, dataset: str = "green") -> str:
    """Name of a month's file at the source."""
    return f"{dataset}_tripdata_{month}.parquet"


def path_of(month: Month, dataset: str = "green") -> str:
    """Path of a month's file at the source."""
    return f"/trip-data/{file_of(month, dataset)}"
