"""What there is to say of a source: where it is, how it is fetched, when it is asked, and when it is late."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dlt_sources.dataset import Dataset
from dlt_sources.fetch import Download, Verify
from dlt_sources.remote_file import Address, RemoteFile
from lakehouse.bronze.contract import Contract
from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import Partition

if TYPE_CHECKING:
    from dlt.sources import DltSource


@dataclass(frozen=True)
class SourceAddress:
    """Where a source is unless ``LAKEHOUSE_<NAME>_URL`` says otherwise.

    ``sample`` is its path at the server of generated sample data; without one it is left out of the sample project,
    and so is what is made of it.
    """

    name: str
    default: str
    sample: str | None = None

    def __post_init__(self) -> None:
        if re.fullmatch("[a-z][a-z0-9_]*", self.name) is None:
            raise ConfigurationError(f"source address '{self.name}': use small letters, digits and _, as in a variable")


@dataclass(frozen=True)
class Polled:
    """The release sensor asks, without fetching, whether there is something new or restated.

    For what answers with an ETag, or at least with a date and a length.
    """


@dataclass(frozen=True)
class Scheduled:
    """A schedule ``<dataset>_<name>`` fetches it: what cannot be asked without being fetched."""

    name: str
    cron: str
    timezone: str = "America/New_York"


Cadence = Polled | Scheduled


@dataclass(frozen=True)
class Freshness:
    """How long a source may stay silent before the UI warns, and before it says that what follows is stale."""

    warn: timedelta
    fail: timedelta


@dataclass(frozen=True, kw_only=True)
class Source:
    """One dataset: all that the house knows of it but its SQL.

    ``file`` is what is asked for of a partition, ``verify`` looks at what came, ``resource`` is the dlt source that
    lands it (None: the skeleton that definitions are made from). ``normalizes`` says that dlt makes the landed file
    from the source's answer, rather than pass it on. Without ``freshness`` it is never late.
    """

    asset: str
    contract: Contract
    address: SourceAddress
    file: Callable[[Address, Partition], RemoteFile]
    verify: Verify
    resource: Callable[[Download | None], DltSource]
    cadence: Cadence
    freshness: Freshness | None = None
    normalizes: bool = False

    @property
    def dataset(self) -> Dataset:
        return self.contract.dataset
