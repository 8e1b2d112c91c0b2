"""Assets made as Dagster's runs make them, without a run: landed by the landing, replaced by the warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from dlt_sources.fetch import Download
from lakehouse.assets.bronze import _pipeline
from lakehouse.bronze.connection import connect
from lakehouse.bronze.landing import Lander
from lakehouse.bronze.source import Source
from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import WHOLE, Month
from tests.loading import models_of
from tests.project import Project

GREEN = ("zones_bronze", "zones_silver", "green_bronze", "green_silver", "green_gold")
"""What ``GREEN_PIPELINE`` selects, but for the infrastructure."""


def make(project: Project, month: Month, *assets: str) -> dict[str, bool]:
    """Make assets in this order; whether each was left as it was. The first failure is raised."""
    return dict(making(project, month, *assets))


def load(project: Project, month: Month) -> None:
    """Make everything of a month of green trips."""
    make(project, month, *GREEN)


def making(project: Project, month: Month, *assets: str) -> Iterator[tuple[str, bool]]:
    """What :func:`make` makes, one asset after the other, each when it is published."""
    settings, models = project.settings(), models_of(project.sql)
    sources = {source.asset: source for source in SOURCES}
    with closing(project.warehouse()) as warehouse:
        warehouse.prepare()
        for asset in assets:
            source = sources.get(asset)
            if source is not None:
                lander = Lander(project.bronze, connect(settings, source), of_samples=settings.sample)
                load = partial(_loaded_by_dlt, source) if source.normalizes else _copied
                landed = lander.land(source.dataset.partition(month.key), load, pytest.fail)
                yield asset, landed.is_unchanged
            else:
                model = models[asset]
                replaced = warehouse.replace(model, month if model.is_partitioned else WHOLE, "a run of the tests")
                yield asset, replaced.skipped


def _copied(download: Download, folder: Path) -> Path:
    return Path(shutil.copy(download.path, folder / "landed"))


def _loaded_by_dlt(source: Source, download: Download, folder: Path) -> Path:
    """What dlt makes of an answer that it normalizes."""
    _pipeline(source.dataset, folder).run(source.resource(download), loader_file_format="parquet")
    (file,) = (folder / "bronze" / source.dataset.name).iterdir()
    return file
