"""Columns of yellow and green taxi trips, by the tariffs and shares of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlt_sources import tlc
from lakehouse.partition import Month
from lakehouse.sample.column import HUNDREDTHS, SampleColumn
from lakehouse.sample.draws import chance, pick, zone_shares
from lakehouse.sample.eras import AIRPORT_FEE, CBD_FEE, CONGESTION_SURCHARGE
from lakehouse.sample.times import Times

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlt_sources.dataset import MonthlyDataset

    Numbers = npt.NDArray[Any]

MONEY = frozenset(
    (
        *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount"),
        *("congestion_surcharge", "airport_fee", "Airport_fee", "cbd_congestion_fee"),
    )
)

NULL_BLOCK_SHARE = 0.06
REVERSAL_SHARE = 0.003
_NO_DISTANCE_SHARE = 0.05
_NO_DURATION_SHARE = 0.001
_LEFT_RUNNING_SHARE = 0.0015
_OUTLIER_SHARE_OF_NULL_BLOCK = 0.004
_LONGEST_HUNDREDTHS = 26_000_000
_CARD, _JFK, _CREATIVE = 1, 2, 1

_RAISE = Month(2023, 1)
"""The tariff went up on 2022-12-19: the first whole month of the new one."""

_YELLOW_PAYMENTS = {_CARD: 0.79, 2: 0.18, 3: 0.006, 4: 0.022, 5: 0.002}
_GREEN_PAYMENTS = {_CARD: 0.635, 2: 0.355, 3: 0.007, 4: 0.0025, 5: 0.0005}
_VENDORS = {_CREATIVE: 0.22, 2: 0.775, 6: 0.005}
_RATES = {1: 0.93, _JFK: 0.028, 3: 0.003, 4: 0.002, 5: 0.027, 99: 0.01}
_PASSENGERS = {0: 0.015, 1: 0.76, 2: 0.13, 3: 0.035, 4: 0.02, 5: 0.02, 6: 0.02}
_TIP_PERCENTS = {0: 0.06, 10: 0.06, 15: 0.13, 18: 0.17, 20: 0.33, 25: 0.17, 30: 0.08}
_YELLOW_PICKUPS = {"Manhattan": 1, "Queens": 0.12, "Brooklyn": 0.04, "Bronx": 0.01, "Staten Island": 0.001, "EWR": 0.01}
_GREEN_PICKUPS = {"Manhattan": 0.5, "Queens": 1, "Brooklyn": 0.9, "Bronx": 0.3, "Staten Island": 0.01, "EWR": 0.01}
_DROPOFFS = {"Manhattan": 1, "Queens": 0.4, "Brooklyn": 0.4, "Bronx": 0.2, "Staten Island": 0.02, "EWR": 0.2}


def taxi_columns(
    rng: np.random.Generator, dataset: MonthlyDataset, month: Month, times: Times, voided: Numbers
) -> tuple[dict[str, SampleColumn], Numbers]:
    """The columns of the trips that begin at ``times`` but for their times, and their durations in seconds.

    ``voided`` are the rows that a reversal will follow: not paid by card, so without a tip to pay back.
    """
    count = len(times.pickup)
    is_yellow = dataset == tlc.YELLOW
    in_block = _null_block(times)
    miles, seconds = _ways(rng, in_block)
    rate = pick(rng, _RATES, count)
    vendor = pick(rng, _VENDORS, count)
    payment = pick(rng, _YELLOW_PAYMENTS if is_yellow else _GREEN_PAYMENTS, count)
    payment[voided] = 4 if is_yellow else 3
    if is_yellow:
        payment[in_block] = 0
    fare = _fares(rng, month, miles, seconds, rate, in_block)
    money = {"fare_amount": fare, **_surcharges(rng, month, times.pickup // 3600, in_block, vendor, is_yellow)}
    by_card = (payment == _CARD) & ~in_block
    money["tip_amount"] = money["fare_amount"] * pick(rng, _TIP_PERCENTS, count) // 100 * by_card
    money["total_amount"] = _total(money, vendor)
    # After the money: nobody was charged for what a faulty meter says.
    outliers = in_block & chance(rng, _OUTLIER_SHARE_OF_NULL_BLOCK, count)
    miles[outliers] = rng.integers(10_000, _LONGEST_HUNDREDTHS, int(outliers.sum()))

    columns = {
        "VendorID": SampleColumn(vendor),
        "PULocationID": SampleColumn(_pickups(rng, count, is_yellow)),
        "DOLocationID": SampleColumn(pick(rng, zone_shares(_DROPOFFS, 0.006, 0.005), count)),
        "trip_distance": SampleColumn(miles, HUNDREDTHS),
        "passenger_count": SampleColumn(pick(rng, _PASSENGERS, count), missing=in_block),
        "RatecodeID": SampleColumn(rate, missing=in_block),
        "store_and_fwd_flag": SampleColumn(pick(rng, {0: 0.995, 1: 0.005}, count), missing=in_block, words=("N", "Y")),
        "payment_type": SampleColumn(payment, missing=None if is_yellow else in_block),
        "trip_type": SampleColumn(pick(rng, {1: 0.97, 2: 0.03}, count), missing=in_block),
        "ehail_fee": _nothing(count),
        **{name: SampleColumn(amounts, HUNDREDTHS) for name, amounts in money.items()},
    }
    for name in ("congestion_surcharge", "Airport_fee"):
        columns[name] = SampleColumn(money[name], HUNDREDTHS, missing=in_block)
    columns["airport_fee"] = columns["Airport_fee"]
    return columns, seconds


def _null_block(times: Times) -> Numbers:
    import numpy as np

    in_block = np.zeros(len(times.pickup), dtype=bool)
    in_block[times.listed :] = True
    return in_block


def _nothing(count: int) -> SampleColumn:
    import numpy as np

    return SampleColumn(np.zeros(count, dtype=np.int8), missing=np.ones(count, dtype=bool))


def _ways(rng: np.random.Generator, in_block: Numbers) -> tuple[Numbers, Numbers]:
    """Distances in hundredths of a mile, and seconds that follow from them at the speed of the traffic."""
    import numpy as np

    count = len(in_block)
    miles = np.exp(0.62 + 0.6 * in_block + 0.85 * rng.standard_normal(count, dtype=np.float32))
    miles_per_hour = np.exp(2.4 + 0.3 * rng.standard_normal(count, dtype=np.float32))
    seconds = np.clip(60 + 3600 * miles / miles_per_hour, 20, 20_000).astype(np.int32)
    seconds[chance(rng, _NO_DURATION_SHARE, count)] = 0
    running = chance(rng, _LEFT_RUNNING_SHARE, count)
    seconds[running] = rng.integers(80_000, 86_400, int(running.sum()))
    hundredths = np.rint(miles * 100).astype(np.int32)
    hundredths[chance(rng, _NO_DISTANCE_SHARE, count)] = 0
    return hundredths, seconds


def _fares(
    rng: np.random.Generator, month: Month, miles: Numbers, seconds: Numbers, rate: Numbers, in_block: Numbers
) -> Numbers:
    """Cents by the meter, which counts fifths of a mile, and minutes of standing; JFK has a flat fare."""
    import numpy as np

    base, step, flat = (300, 70, 7000) if month >= _RAISE else (250, 50, 5200)
    minutes = np.minimum(seconds, 7200) // 60
    fare = base + step * (miles // 20 + minutes * 2 // 5)
    fare = np.where(rate == _JFK, flat, fare)
    # Agreed before the trip, so not in steps of the meter.
    return fare + in_block * rng.integers(0, 100, len(miles), dtype=np.int32)


def _surcharges(
    rng: np.random.Generator, month: Month, hour: Numbers, in_block: Numbers, vendor: Numbers, is_yellow: bool
) -> dict[str, Numbers]:
    """Cents of all parts of the total but the fare and the tip; ``hour`` counts from the month's start."""
    import numpy as np

    count = len(hour)

    def fee(cents: int, share: float, since: Month) -> Numbers:
        return cents * (chance(rng, share if month >= since else 0, count) & ~in_block).astype(np.int32)

    raised = month >= _RAISE
    weekday = (month.first_day.weekday() + hour // 24) % 7
    rush = (weekday < 5) & (hour % 24 >= 16) & (hour % 24 < 20) & ~in_block
    night = ((hour % 24 >= 20) | (hour % 24 < 6)) & ~in_block
    extra = rush * np.int32(250 if raised else 100) + night * np.int32(100 if raised else 50)
    congestion = fee(250, 0.92, CONGESTION_SURCHARGE) if is_yellow else fee(275, 0.26, CONGESTION_SURCHARGE)
    surcharges = {
        # Vendor 1 reports the congestion surcharge here too: so its parts do not add up to the total.
        "extra": extra + congestion * (vendor == _CREATIVE),
        "mta_tax": pick(rng, {0: 0.01, 50: 0.99} if is_yellow else {0: 0.1, 50: 0.78, 150: 0.12}, count),
        "tolls_amount": pick(rng, {0: 0.955, 694 if raised else 655: 0.045}, count),
        "improvement_surcharge": pick(rng, {0: 0.005, 100 if raised else 30: 0.995}, count),
        "congestion_surcharge": congestion,
        "Airport_fee": fee(175 if month >= Month(2023, 4) else 125, 0.08 if is_yellow else 0, AIRPORT_FEE),
    }
    if month >= CBD_FEE:
        surcharges["cbd_congestion_fee"] = fee(75, 0.72 if is_yellow else 0.1, CBD_FEE)
    return surcharges


def _total(money: dict[str, Numbers], vendor: Numbers) -> Numbers:
    counted_in_extra = money["congestion_surcharge"] * (vendor == _CREATIVE)
    total: Numbers = sum(money.values()) - counted_in_extra
    return total


def _pickups(rng: np.random.Generator, count: int, is_yellow: bool) -> Numbers:
    if is_yellow:
        return pick(rng, zone_shares(_YELLOW_PICKUPS, 0.008, 0.0005), count)
    return pick(rng, zone_shares(_GREEN_PICKUPS, 0.002, 0.001), count)
