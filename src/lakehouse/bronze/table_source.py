"""What there is to say of a changing table as a source, and how it is read with the settings' patience."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_sources.changing_table import ChangingTable
from dlt_sources.fetch import Download
from dlt_sources.remote_file import Address, HttpPolicy
from dlt_sources.table_reading import Begin, TableReading, read_table, remote_table, table_source
from lakehouse.bronze.connection import address_of, policy_of
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.source import Freshness, Scheduled, SourceAddress
from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from dlt.sources import DltSource

OLTP = SourceAddress("oltp", default="")
"""The database that rows change in, at ``LAKEHOUSE_OLTP_URL``."""

DATABASES: tuple[SourceAddress, ...] = (OLTP,)
"""Every database that there is a setting for."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """One changing table: all that the house knows of it but its SQL. Without ``freshness`` it is never late."""

    asset: str
    contract: Contract
    dataset: ChangingTable
    address: SourceAddress
    cadence: Scheduled
    freshness: Freshness | None = None

    def __post_init__(self) -> None:
        """Refuse what does not belong together.

        Raises:
            ConfigurationError: the contract is of another dataset, or the dataset of another database.
        """
        if self.contract.dataset != self.dataset:
            raise ConfigurationError(f"{self.asset}: its contract is of {self.contract.dataset.name}")
        if self.dataset.database != self.address.name:
            raise ConfigurationError(f"{self.asset}: {self.dataset.name} is of the database {self.dataset.database}")

    def resource(self, download: Download | None) -> DltSource:
        """The dlt source that lands a file of it, byte for byte; without one it yields nothing."""
        return table_source(self.dataset, download)


@dataclass(frozen=True)
class TableConnection:
    """Asks one table. Raises what :func:`dlt_sources.table_reading.read_table` does."""

    source: TableSource
    address: Address
    policy: HttpPolicy

    @property
    def dataset(self) -> ChangingTable:
        return self.source.dataset

    @property
    def url(self) -> str:
        """The table's address as records have it, without secrets."""
        return f"{remote_table(self.dataset, self.address).address}#{self.dataset.table}"

    def read(self, into: Path, begin: Begin, *, with_keys: bool) -> TableReading:
        """Read a window of the table, and its keys of the same moment if they are wanted."""
        return read_table(self.dataset, self.address, self.policy, into, begin, with_keys=with_keys)


def connect_table(settings: Settings, source: TableSource) -> TableConnection:
    """A table with these settings; nothing is asked yet.

    Raises:
        ConfigurationError: these are settings of samples, and there are none of it.
    """
    return TableConnection(source, address_of(settings, source.address), policy_of(settings))
