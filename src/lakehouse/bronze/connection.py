"""A source at the address that the settings give it, asked with their patience."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dlt_sources import http_file
from dlt_sources.dataset import Dataset
from dlt_sources.fetch import Download, fetch
from dlt_sources.remote_file import Address, Clock, HttpPolicy, RemoteVersion, Validators
from lakehouse.bronze.source import Source, SourceAddress
from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import Partition
from lakehouse.setting_values.source_addresses import address_variable
from lakehouse.settings import Settings

_PROBE_ATTEMPTS = 2
_PROBE_TIMEOUT_SECONDS = 5.0
_PROBE_PAUSE_SECONDS = 2.0
_PROBE_TOTAL_SECONDS = 25.0


@dataclass(frozen=True)
class Connection:
    """Asks one source. Every method raises what :func:`dlt_sources.fetch.fetch` does, and
    :class:`ConfigurationError` if the address cannot be used."""

    source: Source
    address: Address
    policy: HttpPolicy

    @property
    def dataset(self) -> Dataset:
        return self.source.dataset

    def url(self, partition: Partition) -> str:
        """What is asked for of a partition; may hold credentials."""
        return self.source.file(self.address, partition).url

    def fetch(self, partition: Partition, into: Path, known: Validators | None, clock: Clock) -> Download | None:
        """Fetch a partition into a folder and verify it; None when it is unchanged since ``known``.

        ``clock`` is asked when the answer begins to come.
        """
        return fetch(self.source.file(self.address, partition), into, known, self.policy, self.source.verify, clock)

    def probe(self, partition: Partition, known: Validators | None) -> RemoteVersion | None:
        """What there is of a partition, not fetched; None when it is unchanged since ``known``.

        Patient for seconds rather than minutes: many are asked in a row.
        """
        brief = HttpPolicy(
            attempts=min(self.policy.attempts, _PROBE_ATTEMPTS),
            timeout_seconds=min(self.policy.timeout_seconds, _PROBE_TIMEOUT_SECONDS),
            max_backoff_seconds=_PROBE_PAUSE_SECONDS,
            total_seconds=min(self.policy.total_seconds, _PROBE_TOTAL_SECONDS),
            largest_bytes=self.policy.largest_bytes,
        )
        return http_file.probe(self.source.file(self.address, partition), known, brief)


def connect(settings: Settings, source: Source) -> Connection:
    """A source with these settings; nothing is asked yet.

    Raises:
        ConfigurationError: these are settings of samples, and there are none of it.
    """
    return Connection(source, address_of(settings, source.address), policy_of(settings))


def policy_of(settings: Settings) -> HttpPolicy:
    """How patiently sources are asked."""
    return HttpPolicy(
        attempts=settings.http_attempts,
        timeout_seconds=settings.http_timeout,
        total_seconds=settings.http_total,
        largest_bytes=settings.largest_file,
    )


def available(settings: Settings, sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources that there are with these settings: of samples only those that have some."""
    return tuple(source for source in sources if not settings.sample or source.address.sample is not None)


def address_of(settings: Settings, declared: SourceAddress) -> Address:
    """Where a source is with these settings, and which of them says so.

    Raises:
        ConfigurationError: these are settings of samples, and there are none of it.
    """
    variable = address_variable(declared.name)
    if not settings.sample:
        return Address(settings.addresses.get(declared.name, declared.default), variable)
    if declared.sample is None:
        raise ConfigurationError(f"LAKEHOUSE_SAMPLE=true: there is no sample data of {declared.name}")
    return Address(f"{settings.sample_url}/{declared.sample}".rstrip("/"), variable)
