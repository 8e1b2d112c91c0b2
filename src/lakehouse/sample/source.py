"""The folder that samples are published in, laid out as TLC's distribution is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

from dlt_sources import tlc
from lakehouse.partition import Month
from lakehouse.sample.reference import write_users, write_zones

if TYPE_CHECKING:
    from dlt_sources.dataset import MonthlyDataset

ROWS: Mapping[str, int] = MappingProxyType({"yellow": 300_000, "green": 7_000, "fhv": 120_000})
"""Records of a month of each dataset: a tenth of a real one."""

FIRST_VERSION = 1
"""Of a month that was never restated."""

USERS_FILE = "users.json"

_TRIPS = "trip-data"
_DATASETS = (tlc.YELLOW, tlc.GREEN, tlc.FHV)


def publish(folder: Path, month: Month, rows: Mapping[str, int], version: int) -> tuple[Path, ...]:
    """Write the files of a month at TLC's paths, over those that are there; they appear whole, and all at once.

    ``rows`` is how many records each dataset has, such as :data:`ROWS`. Another ``version`` has other records: a
    restated month.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".") as aside:  # of the month's files none is seen before the others
        written = [(_write(Path(aside), each, month, rows, version), each) for each in _DATASETS]
        (folder / _TRIPS).mkdir(exist_ok=True)
        return tuple(path.replace(month_file(folder, dataset, month)) for path, dataset in written)


def prepare(folder: Path, months: Iterable[Month], rows: Mapping[str, int]) -> tuple[Path, ...]:
    """Write what is missing of zones, users and the months; what is there stays as it is. Returns what was written."""
    written = []
    zones, users = folder / tlc.ZONES_PATH, folder / USERS_FILE
    for path, write in ((zones, write_zones), (users, write_users)):
        if not path.exists():
            write(path)
            written.append(path)
    for month in months:
        missing = [dataset for dataset in _DATASETS if not month_file(folder, dataset, month).exists()]
        written += [_write(folder, dataset, month, rows, FIRST_VERSION) for dataset in missing]
    return tuple(written)


def month_file(folder: Path, dataset: MonthlyDataset, month: Month) -> Path:
    """Where a month of a dataset is published."""
    return folder / tlc.month_path(dataset, month)


def _write(folder: Path, dataset: MonthlyDataset, month: Month, rows: Mapping[str, int], version: int) -> Path:
    from lakehouse.sample.trips import write_month

    path = month_file(folder, dataset, month)
    write_month(path, dataset, month, rows=rows[dataset.name], seed=version)
    return path
