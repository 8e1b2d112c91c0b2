"""What readers see of a house: each month of each table as of one moment, and what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.files import path_of
from lakehouse.models.model import Models
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.schema import TableSpec
from lakehouse.warehouse.iceberg.files import data_files
from lakehouse.warehouse.local.commits import PUBLICATION_PROPERTY
from lakehouse.warehouse.local.private_pyiceberg import Pointer
from lakehouse.warehouse.local.records import content_of, holds_its_content, newest_snapshots
from lakehouse.warehouse.local.tables import IcebergTables
from lakehouse.warehouse.protocol import Warehouse
from tests.loading import models_of
from tests.project import Project

_LEDGER = """
SELECT
  ledger.dataset,
  CAST(ledger.month AS STRING) AS month,
  ledger.bronze_sha256 AS sha256,
  landed.records,
  ledger.bronze_rows,
  ledger.silver_rows,
  ledger.duplicate_copies,
  ledger.rejected_rows,
  ledger.is_balanced
FROM silver.row_ledger AS ledger
LEFT JOIN (
  SELECT dataset, month, sha256, MAX(`rows`) AS records
  FROM bronze.landings
  GROUP BY dataset, month, sha256
) AS landed
  ON ledger.dataset = landed.dataset AND ledger.month = landed.month AND ledger.bronze_sha256 = landed.sha256
ORDER BY ledger.dataset, ledger.month, ledger.bronze_rows DESC
"""


@dataclass(frozen=True)
class Held:
    """A month of a table: what its data files hold, byte for byte, and the publication that it is of."""

    content: tuple[str, ...]
    publication: str | None


@dataclass(frozen=True)
class Accounted:
    """A row of the ledger, and how many records the file has that it is of, be that the current one or not."""

    dataset: str
    month: str
    sha256: str
    records: int | None
    bronze_rows: int
    silver_rows: int
    duplicate_copies: int
    rejected_rows: int
    is_balanced: bool

    @property
    def accounted_for(self) -> tuple[int, int, int]:
        return self.silver_rows, self.duplicate_copies, self.rejected_rows


Place = tuple[str, Partition]
"""A table, and a month of it or the whole."""


@dataclass(frozen=True)
class House:
    """All tables as of one moment, and the ledger as of one soon after."""

    held: Mapping[Place, Held]
    ledger: tuple[Accounted, ...]


@dataclass(frozen=True)
class Reader:
    """Looks at a house as often as it is asked to."""

    models: Models
    months: tuple[Month, ...]
    warehouse: Warehouse
    tables: IcebergTables
    known: dict[tuple[Pointer, Partition], tuple[Held, list[Path]]] = field(default_factory=dict)
    """Metadata never change; the files that they name might."""

    def look(self) -> House:
        """What is there now."""
        return House(self.held(self.tables.pointers()), self.ledger())

    def ledger(self) -> tuple[Accounted, ...]:
        """What the ledger says now."""
        return tuple(Accounted(**row) for row in self.warehouse.query(_LEDGER).to_pylist())

    def held(self, pointers: Mapping[str, Pointer]) -> Mapping[Place, Held]:
        """All tables as of the moment of these pointers, each file read in full.

        Raises:
            AssertionError: a file is damaged, or the tables of a month are of two publications.
        """
        held: dict[Place, Held] = {}
        for model in self.models:
            for partition in self.months if model.is_partitioned else (WHOLE,):
                specs = [spec for spec in (model.table, model.rejected) if spec is not None]
                held |= {(spec.name, partition): self._held(spec, partition, pointers) for spec in specs}
                publications = {held[spec.name, partition].publication for spec in specs}
                assert len(publications) == 1, f"{partition.of(model.key)}: of two publications {publications}"
        return held

    def _held(self, spec: TableSpec, partition: Partition, pointers: Mapping[str, Pointer]) -> Held:
        if spec.name not in pointers:
            return Held((), None)
        key = pointers[spec.name], partition
        if key not in self.known:
            self.known[key] = self._read(spec, *key)
        held, paths = self.known[key]
        for path in paths:
            assert holds_its_content(path), path
        return held

    def _read(self, spec: TableSpec, pointer: Pointer, partition: Partition) -> tuple[Held, list[Path]]:
        table = self.tables.at(pointer)
        paths = [path_of(file.file_path) for file in data_files(table, spec, partition)]
        snapshot = newest_snapshots(table).get(partition)
        publication = snapshot.summary[PUBLICATION_PROPERTY] if snapshot and snapshot.summary else None
        return Held(tuple(sorted(map(content_of, paths))), publication), paths


@contextmanager
def reader(project: Project, months: tuple[Month, ...]) -> Iterator[Reader]:
    """Whoever reads a house while others write it."""
    warehouse = project.warehouse()
    try:
        with project.tables() as tables:
            yield Reader(models_of(project.sql), months, warehouse, tables)
    finally:
        warehouse.close()


def look(project: Project, months: tuple[Month, ...]) -> House:
    """What is there now."""
    with reader(project, months) as opened:
        return opened.look()
