"""What there is of each dataset and month, and what is missing: the answer of ``lakehouse status``."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore, Landing, is_there
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import WHOLE, Month, Partition, month_range
from lakehouse.results import Publication, Remark
from lakehouse.warehouse.begun import has_begun
from lakehouse.warehouse.protocol import Warehouse


class State(StrEnum):
    """Of one month of one asset."""

    CURRENT = "current"
    """A run would change nothing; of a landed file: the newest there is here, of the size that was landed."""
    STALE = "stale"
    """What it is made of, or its model, has changed since: run it again."""
    MISSING = "missing"
    """What it is made of is there, it is not."""
    NOTHING = "nothing"
    """Neither is there."""
    DAMAGED = "damaged"
    """Its table cannot be read."""


@dataclass(frozen=True)
class Entry:
    """One month, or the whole, of one asset. Of bronze ``version`` is the hash of the landed file."""

    asset: str
    table: str
    partition: Partition
    state: State
    rows: int | None = None
    bytes: int | None = None
    version: str | None = None
    published_at: datetime | None = None


@dataclass(frozen=True)
class Status:
    """All entries, those of an asset together, in the order of their making.

    ``remarks`` are what readers of the tables should know, ``damage`` tells of tables that cannot be read.
    """

    entries: tuple[Entry, ...]
    remarks: tuple[Remark, ...] = ()
    damage: tuple[str, ...] = ()

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.asset for entry in self.entries))

    def of(self, asset: str) -> tuple[Entry, ...]:
        """The entries of an asset, in order of months."""
        return tuple(entry for entry in self.entries if entry.asset == asset)

    @property
    def wanting(self) -> tuple[Entry, ...]:
        """What a run would mend."""
        return tuple(entry for entry in self.entries if entry.state in (State.STALE, State.MISSING))

    @property
    def gaps(self) -> Mapping[str, tuple[Month, ...]]:
        """Months of each dataset that were never landed."""
        return {
            asset: tuple(
                e.partition for e in self.of(asset) if isinstance(e.partition, Month) and e.state == State.NOTHING
            )
            for asset in self.assets
            if self.of(asset)[0].table.startswith("bronze.")
        }

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain values, for a program."""
        return [
            {
                "asset": e.asset,
                "table": e.table,
                "month": e.partition.key,
                "state": e.state.value,
                "rows": e.rows,
                "bytes": e.bytes,
                "version": e.version,
                "published_at": e.published_at.isoformat() if e.published_at else None,
            }
            for e in self.entries
        ]


def read_status(
    warehouse: Warehouse,
    models: Models,
    contracts: Mapping[str, Contract],
    bronze: BronzeStore,
    first: Month,
    last: Month,
) -> Status:
    """What there is of every asset from ``first`` to ``last``; nothing is computed, no source is asked."""
    months, bronze = tuple(month_range(first, last)), bronze.at_once()
    entries: list[Entry] = []
    there: dict[str, set[Partition]] = {}
    for key, contract in contracts.items():
        for partition in _partitions(contract.dataset.is_partitioned, months):
            if contract.dataset.has_begun(partition):
                landing = bronze.current(contract.dataset.name, partition)
                entries.append(_landed(bronze, key, partition, landing))
                if landing is not None:
                    there.setdefault(f"bronze.{key}", set()).add(partition)
    holdings = warehouse.holdings()
    for model in models:
        held = holdings[model.key]
        there[model.table.name] = set(held.partitions)
        for partition in _partitions(model.is_partitioned, months):
            if not has_begun(model, models, contracts, partition):
                continue
            if held.damage is not None:
                entries.append(Entry(model.key, model.table.name, partition, State.DAMAGED))
            else:
                entries.append(_published(model, partition, held.partitions.get(partition), there))
    remarks = (remark for held in holdings.values() for remark in held.remarks)
    in_range = tuple(remark for remark in remarks if remark.partition is WHOLE or remark.partition in months)
    return Status(tuple(entries), in_range, tuple(held.damage for held in holdings.values() if held.damage is not None))


def _partitions(is_partitioned: bool, months: tuple[Month, ...]) -> tuple[Partition, ...]:
    return months if is_partitioned else (WHOLE,)


def _landed(bronze: BronzeStore, key: str, partition: Partition, landing: Landing | None) -> Entry:
    table = f"bronze.{key}"
    if landing is None:
        return Entry(key, table, partition, State.NOTHING)
    state = State.CURRENT if is_there(bronze, landing) else State.STALE
    return Entry(key, table, partition, state, landing.rows, landing.bytes, landing.sha256[:12], landing.observed_at)


def _published(
    model: SqlModel,
    partition: Partition,
    publication: Publication | None,
    there: Mapping[str, AbstractSet[Partition]],
) -> Entry:
    name = model.table.name
    if publication is None:
        ready = _is_ready(model, partition, there)
        return Entry(model.key, name, partition, State.MISSING if ready else State.NOTHING)
    state = State.CURRENT if publication.is_current else State.STALE
    return Entry(
        model.key,
        name,
        partition,
        state,
        publication.rows,
        publication.bytes,
        publication.version,
        publication.published_at,
    )


def _is_ready(model: SqlModel, partition: Partition, there: Mapping[str, AbstractSet[Partition]]) -> bool:
    """Whether there is anything to make a month of: of a monthly model only what comes by the month counts."""
    tables = [f"bronze.{model.bronze_asset}"] if model.bronze_asset else list(model.references)
    if partition is WHOLE:
        return any(there.get(table) for table in tables)
    return any(partition in there.get(table, ()) for table in tables)
