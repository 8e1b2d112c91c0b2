"""All that the sources serve, in versions; and what a house holds that was made of one version and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import Month
from tests import direct, fhv_files, green_files, reference_files, yellow_files
from tests.faults.house import House, look
from tests.loading import models_of
from tests.project import Project

VERSIONS = 3
USERS_PATH = "users.json"

BRONZE = ("taxi_bronze", "green_bronze", "fhv_bronze", "zones_bronze", "users_bronze")


def publish(project: Project, month: Month, version: int) -> None:
    """Let the sources serve a version of a month of trips, of the zones and of the users.

    Of every two versions the rows, those that are rejected and those that are there twice differ in number.
    """
    green = green_files.trips(month, 60 + 7 * version)
    project.publish(month, [*green, *green[:version], *(green_files.outside(month, n) for n in range(2 - version))])
    yellow = yellow_files.trips(month, 80 + 9 * version)
    dropped_before = {"tpep_dropoff_datetime": yellow[0]["tpep_pickup_datetime"].replace(year=2009)}
    odd = [yellow_files.trip(month, 1000 + n, **dropped_before) for n in range(version)]
    yellow_files.write(project.source / yellow_files.source_path(month), [*yellow, *yellow[version:2], *odd])
    fhv = fhv_files.trips(month, 70 + 5 * version)
    baseless = [fhv_files.trip(month, 1000 + n, dispatching_base_num=None) for n in range((version + 1) % VERSIONS)]
    fhv_files.write(project.source / fhv_files.source_path(month), [*fhv, *fhv[:version], *baseless])
    zones = reference_files.zones_csv().replace("Queens", f"Borough {version}")
    (project.source / reference_files.ZONES_PATH).write_bytes(zones.encode())
    users = [reference_files.user(number) for number in range(1, 41 + version)]
    (project.source / USERS_PATH).write_text(json.dumps(users))


def served(project: Project, month: Month) -> Mapping[str, str | None]:
    """Hash of what was landed last, by dataset."""
    landings = {
        source.dataset.name: project.bronze.current(source.dataset.name, source.dataset.partition(month.key))
        for source in SOURCES
    }
    return {name: None if landing is None else landing.served_sha256 for name, landing in landings.items()}


@dataclass(frozen=True)
class Clean:
    """What was landed of one version of a month in an empty house, and what was made of it."""

    served: Mapping[str, str | None]
    house: House


@dataclass(frozen=True)
class CleanHouses:
    """Houses in folders of their own, made when they are asked for."""

    folder: Path

    @cache  # noqa: B019 - it lives as long as the tests that ask
    def of(self, month: Month, version: int) -> Clean:
        """All datasets of a version of a month."""
        folder = self.folder / f"{month}-{version}"
        folder.mkdir()
        project = Project(folder)
        publish(project, month, version)
        direct.make(project, month, *BRONZE, *(model.key for model in models_of(project.sql)))
        return Clean(served(project, month), look(project, (month,)))
