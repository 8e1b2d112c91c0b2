"""Months of green trips that look like TLC's: by the hour, by who records them, by how they are paid."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pyarrow as pa

from lakehouse.partition import Month
from tests import green_files

MONTH = Month(2024, 1)
ROWS = 600
_OF_A_DAY = (8, 5, 3, 2, 2, 3, 7, 12, 15, 14, 12, 12, 13, 13, 14, 15, 16, 18, 19, 17, 14, 12, 11, 9)
"""How many of them begin in each hour, of green in 2024-01, roughly."""

Row = dict[str, Any]


def rows(month: Month) -> list[Row]:
    """The trips of a month, as many and as like each other in all months as TLC's are."""
    draw = Random(f"green {month}")  # noqa: S311 - nobody is to be kept from guessing it
    hours = draw.choices(range(24), _OF_A_DAY, k=ROWS)
    days = (month.end - month.start).days
    return [_trip(draw, month, number, draw.randrange(days), hour) for number, hour in enumerate(hours)]


def _trip(draw: Random, month: Month, number: int, day: int, hour: int) -> Row:
    begun = month.start + timedelta(days=day, hours=hour, seconds=draw.randrange(3600))
    miles = round(draw.lognormvariate(0.7, 0.7), 2)
    fare = round(3.0 + 3.5 * miles + draw.random(), 2)
    is_card = draw.random() < 0.6
    tip = round(0.2 * fare, 2) if is_card else 0.0
    is_void = number % 300 == 299
    sign = -1 if is_void else 1
    is_dispatched = number % 20 == 19
    amounts = {
        "fare_amount": sign * fare,
        "extra": sign * (1.0 if hour >= 20 or hour < 6 else 0.0),
        "mta_tax": sign * 0.5,
        "tip_amount": sign * tip,
        "tolls_amount": 0.0,
        "improvement_surcharge": sign * 1.0,
        "congestion_surcharge": sign * (2.75 if number % 3 == 0 else 0.0),
    }
    return green_files.trip(
        month,
        number,
        VendorID=1 if number % 7 == 0 else 2,
        lpep_pickup_datetime=begun,
        lpep_dropoff_datetime=begun + timedelta(seconds=240 + int(miles * 240)),
        PULocationID=draw.choice((74, 75, 41, 42, 95, 166, 82, 43, 236, 244)),
        DOLocationID=draw.choice((236, 238, 74, 75, 42, 41, 263, 239, 138, 265)),
        RatecodeID=None if is_dispatched else 1 if number % 30 else 5,
        store_and_fwd_flag=None if is_dispatched else "N",
        passenger_count=None if is_dispatched else draw.choice((1, 1, 1, 1, 2, 5)),
        payment_type=None if is_dispatched else 4 if is_void else 1 if is_card else 2,
        trip_type=None if is_dispatched else 1 if number % 30 else 2,
        trip_distance=miles,
        total_amount=round(sum(amounts.values()), 2),
        cbd_congestion_fee=0.0,
        **amounts,
    )


def table(month: Month) -> pa.Table:
    return green_files.table(rows(month), "since 2023-02")
