"""Every source, an entry each: its asset, sensor or schedule, freshness, status and lineage follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from dlt_sources import jsonplaceholder, tlc
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.contracts import jsonplaceholder as jsonplaceholder_contracts
from lakehouse.bronze.contracts import tlc as tlc_contracts
from lakehouse.bronze.source import Freshness, Polled, Scheduled, Source, SourceAddress
from lakehouse.exceptions import ConfigurationError

_TLC = SourceAddress("tlc", default="https://d37ci6vzurychx.cloudfront.net", sample="")

# TLC publishes a month of yellow and green 47 to 62 days after its end (TLC.md, Publication), so up to
# 31 + 62 - 47 = 46 days pass between two. It warns when one is late, and fails when the next is, too.
_TRIPS = Freshness(warn=timedelta(days=47), fail=timedelta(days=78))

# A month of FHV comes up to 93 days after its end: 31 + 93 - 47 = 77.
_LATE_TRIPS = Freshness(warn=timedelta(days=78), fail=timedelta(days=109))

SOURCES: tuple[Source, ...] = (
    Source(
        asset="taxi_bronze",
        contract=tlc_contracts.YELLOW,
        address=_TLC,
        file=lambda address, month: tlc.month_file(address, tlc.YELLOW, month),
        verify=tlc.verify_trips,
        resource=lambda download: tlc.trips_source(tlc.YELLOW, download),
        cadence=Polled(),
        freshness=_TRIPS,
    ),
    Source(
        asset="green_bronze",
        contract=tlc_contracts.GREEN,
        address=_TLC,
        file=lambda address, month: tlc.month_file(address, tlc.GREEN, month),
        verify=tlc.verify_trips,
        resource=lambda download: tlc.trips_source(tlc.GREEN, download),
        cadence=Polled(),
        freshness=_TRIPS,
    ),
    Source(
        asset="fhv_bronze",
        contract=tlc_contracts.FHV,
        address=_TLC,
        file=lambda address, month: tlc.month_file(address, tlc.FHV, month),
        verify=tlc.verify_trips,
        resource=lambda download: tlc.trips_source(tlc.FHV, download),
        cadence=Polled(),
        freshness=_LATE_TRIPS,
    ),
    Source(
        asset="zones_bronze",
        contract=tlc_contracts.ZONES,
        address=_TLC,
        file=lambda address, _: tlc.zones_file(address),
        verify=tlc.verify_zones,
        resource=tlc.zones_source,
        cadence=Polled(),  # and never late: TLC has hardly ever changed it
    ),
    Source(
        asset="users_bronze",
        contract=jsonplaceholder_contracts.USERS,
        address=SourceAddress("users", default="https://jsonplaceholder.typicode.com/users", sample="users"),
        file=lambda address, _: jsonplaceholder.users_file(address),
        verify=jsonplaceholder.verify_users,
        resource=jsonplaceholder.users_source,
        normalizes=True,
        cadence=Scheduled("daily", cron="0 6 * * *"),  # six o'clock exists once on every day of the year
        freshness=Freshness(warn=timedelta(hours=26), fail=timedelta(days=2)),
    ),
)


def contracts_of(sources: tuple[Source, ...]) -> Mapping[str, Contract]:
    """The contract of each source's bronze asset.

    Raises:
        ConfigurationError: two sources are one asset, or one dataset.
    """
    for what, names in (("asset", [s.asset for s in sources]), ("dataset", [s.dataset.name for s in sources])):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigurationError(f"src/lakehouse/bronze/sources.py: two sources have the {what} {', '.join(twice)}")
    return {source.asset: source.contract for source in sources}
