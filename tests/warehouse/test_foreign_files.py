"""A file is what its name says, or refused, naming what it looks like; what was published stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.exceptions import CheckFailed, ContractViolation
from lakehouse.partition import WHOLE, Month, Partition
from tests import fhv_files, green_files, reference_files, yellow_files
from tests.warehouse.implementations import House

MONTH = Month(2024, 1)
_FHVHV = {
    **dict.fromkeys(("hvfhs_license_num", "dispatching_base_num", "originating_base_num"), "HV0003"),
    **dict.fromkeys(("request_datetime", "on_scene_datetime", "pickup_datetime"), datetime(2024, 1, 5, 12)),
    "dropoff_datetime": datetime(2024, 1, 5, 13),
    **dict.fromkeys(("PULocationID", "DOLocationID", "trip_time"), 100),
    **dict.fromkeys(("trip_miles", "base_passenger_fare", "tolls", "bcf", "sales_tax"), 1.5),
    **dict.fromkeys(("congestion_surcharge", "airport_fee", "tips", "driver_pay"), 2.5),
    **dict.fromkeys(("shared_request_flag", "shared_match_flag", "access_a_ride_flag"), "N"),
    **dict.fromkeys(("wav_request_flag", "wav_match_flag"), "N"),
}
"""A trip of Uber or Lyft, with the columns of TLC's files of them."""


def fhvhv() -> pa.Table:
    return pa.Table.from_pylist([_FHVHV] * 5)


def yellow(era: yellow_files.Era = "since 2023-02") -> pa.Table:
    return yellow_files.table(yellow_files.trips(MONTH, 5), era)


def green(month: Month = MONTH) -> pa.Table:
    return green_files.table(green_files.trips(month, 5), "since 2023-02")


def fhv(month: Month = MONTH) -> pa.Table:
    return fhv_files.table([fhv_files.trip(month, number) for number in range(5)], "whole ids")


def zones() -> pa.Table:
    return pa.table({"LocationID": [1], "Borough": ["EWR"], "Zone": ["Newark"], "service_zone": ["EWR"]})


Land = Callable[[House, pa.Table], Any]
AS: dict[str, tuple[str, Partition, Land, Callable[[], pa.Table]]] = {
    "yellow": ("taxi_silver", MONTH, lambda house, table: house.land_yellow(MONTH, table), yellow),
    "green": ("green_silver", MONTH, lambda house, table: house.land(MONTH, table), green),
    "fhv": ("fhv_silver", MONTH, lambda house, table: house.land_fhv(MONTH, table), fhv),
}
FOREIGN: dict[str, tuple[str, Callable[[], pa.Table], str]] = {
    "fhvhv without money as fhv": (
        "fhv",
        lambda: fhvhv().select(["hvfhs_license_num", "dispatching_base_num", "pickup_datetime", "dropoff_datetime"]),
        "looks like a file of fhvhv, the trips of Uber and Lyft (it has hvfhs_license_num)",
    ),
    "fhvhv as fhv": ("fhv", fhvhv, "looks like a file of fhvhv, the trips of Uber and Lyft (it has hvfhs_license_num"),
    "fhvhv as yellow": ("yellow", fhvhv, "looks like a file of fhvhv"),
    "fhvhv as green": ("green", fhvhv, "looks like a file of fhvhv"),
    "green as yellow": ("yellow", green, "looks like a file of green (it has lpep_pickup_datetime"),
    "yellow as green": ("green", yellow, "looks like a file of yellow (it has tpep_pickup_datetime"),
    "yellow as fhv": ("fhv", yellow, "looks like a file of yellow"),
    "green as fhv": ("fhv", green, "looks like a file of green"),
    "fhv as yellow": ("yellow", fhv, "looks like a file of fhv (it has dispatching_base_num"),
    "fhv as green": ("green", fhv, "looks like a file of fhv "),
    "yellow of 2009": ("yellow", lambda: yellow("2009"), "looks like a file of yellow of 2009"),
    "yellow of 2010": ("yellow", lambda: yellow("2010"), "looks like a file of yellow of 2010"),
    "zones as green": ("green", zones, "looks like the zone lookup (it has LocationID, service_zone)"),
    "users as fhv": ("fhv", lambda: reference_files.users_table([reference_files.user(1)]), "required column dispatch"),
    "last month's green": ("green", lambda: green(MONTH.previous()), "its records are of 2023-12: 5 rows"),
    "last month's yellow": (
        "yellow",
        lambda: yellow_files.table(yellow_files.trips(MONTH.previous(), 5), "since 2023-02"),
        "its records are of 2023-12: 5 rows",
    ),
    "next month's fhv": ("fhv", lambda: fhv(MONTH.next()), "its records are of 2024-02: 5 rows"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_file_is_refused_by_what_it_looks_like_and_what_was_published_stays(house: House, what: str) -> None:
    name, foreign, words = FOREIGN[what]
    model, partition, land, own = AS[name]
    land(house, own())
    before = house.replace(model, partition)
    land(house, foreign())
    with pytest.raises((ContractViolation, CheckFailed)) as refused:
        house.replace(model, partition)
    assert words in str(refused.value)
    assert f"{MONTH}" in str(refused.value)
    land(house, own())
    again = house.replace(model, partition)
    assert (again.content, again.effect.value) == (before.content, "unchanged")


def test_other_things_than_users_are_refused(house: House, tmp_path: Path) -> None:
    """What the same API answers at another address."""
    file = tmp_path / "posts.parquet"
    pq.write_table(pa.table({"id": [1], "user_id": [1], "title": ["A title"], "body": ["A text"]}), file)
    house.implementation.land("users_bronze", WHOLE, file)
    with pytest.raises(ContractViolation, match=r"required column address__city .*is missing"):
        house.replace("users_silver", WHOLE)
