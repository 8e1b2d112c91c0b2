"""A changing table and the store that it is landed in, without Dagster: a load that copies."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dlt_sources.fetch import Download
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.bronze.table_landing import LandedTable, TableLander
from lakehouse.bronze.table_source import TableConnection
from lakehouse.partition import WHOLE
from tests.changing_tables import Database


def copied(download: Download, folder: Path) -> Path:
    """Land a file as it is, as dlt does what it does not open."""
    return Path(shutil.copy(download.path, folder / "landed.parquet"))


@dataclass
class House:
    database: Database
    store: BronzeStore
    connection: TableConnection
    warned: list[str] = field(default_factory=list)
    loads: int = 0

    def land(self, *, is_full: bool = False, since: datetime | None = None, with_keys: bool = False) -> LandedTable:
        def load(download: Download, folder: Path) -> Path:
            self.loads += 1
            return copied(download, folder)

        lander = TableLander(self.store, self.connection, is_full=is_full, since=since, with_keys=with_keys)
        return lander.land(load, self.warned.append)

    def history(self) -> list[Landing]:
        """Oldest first."""
        return [*self.store.history("booking", WHOLE)][::-1]

    def rows(self, landing: Landing) -> list[dict[str, Any]]:
        if not landing.has_file:
            return []
        path = Path(self.store.uri(landing).removeprefix("file://"))
        return list(pq.read_table(path).to_pylist())

    def landed(self, landing: Landing) -> list[tuple[int, str]]:
        """Number and fare of each booking, in the file's order."""
        return [(row["booking_id"], str(row["fare"])) for row in self.rows(landing)]
