"""A landing that a model refuses is marked until a model is made of it, whatever keeps the model from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import CheckFailed, ContractViolation, CorruptFile
from lakehouse.partition import Month
from tests.green_files import table, trip, trips
from tests.warehouse.implementations import House

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def bronze(house: House) -> LocalBronzeStore:
    return LocalBronzeStore(house.sql.parent / "home", of_samples=False)


def cut(house: House) -> Landing:
    """A landing whose file has lost its footer since."""
    landing = house.land(JANUARY, trips(JANUARY, 3))
    file = bronze(house).file(landing)
    file.write_bytes(b"x" * landing.bytes)
    return landing


REFUSED: dict[str, tuple[type[Exception], Callable[[House], Landing]]] = {
    "a check": (CheckFailed, lambda house: house.land(JANUARY, trips(FEBRUARY, 30))),
    "a value": (
        ContractViolation,
        lambda house: house.land(JANUARY, [trip(JANUARY, 1, passenger_count=2.5)], "until 2023-01"),
    ),
    "a column": (
        ContractViolation,
        lambda house: house.land(JANUARY, table(trips(JANUARY, 3)).drop_columns(["lpep_pickup_datetime"])),
    ),
    "damage": (CorruptFile, cut),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_landing_that_a_model_refuses_is_marked_and_the_next_one_is_not(house: House, what: str) -> None:
    error, land = REFUSED[what]
    house.publish_zones()
    bad = land(house)
    assert not bronze(house).is_refused(bad)
    with pytest.raises(error):
        house.replace("green_silver", JANUARY)
    assert bronze(house).is_refused(bad)
    good = house.land(JANUARY, trips(JANUARY, 5))
    house.replace("green_silver", JANUARY)
    assert bronze(house).is_refused(bad)
    assert not bronze(house).is_refused(good)


def test_a_landing_that_a_model_is_made_of_at_last_is_marked_no_more(house: House) -> None:
    house.publish_zones()
    landing = house.land(JANUARY, trips(JANUARY, 3))
    house.edit("silver/green_silver.sql", ("\nchecks:\n", "\nchecks:\n  - {type: row_count, min: 4}\n"))
    with pytest.raises(CheckFailed):
        house.replace("green_silver", JANUARY)
    assert bronze(house).is_refused(landing)
    house.edit("silver/green_silver.sql", ("  - {type: row_count, min: 4}\n", ""))
    house.replace("green_silver", JANUARY)
    assert not bronze(house).is_refused(landing)


def test_a_landing_that_a_published_month_is_made_of_is_marked_no_more(house: House) -> None:
    house.publish_zones()
    landing = house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    bronze(house).refuse(landing, "green_silver")
    assert house.replace("green_silver", JANUARY).skipped
    assert not bronze(house).is_refused(landing)


def test_looking_at_what_there_is_marks_nothing(house: House) -> None:
    house.publish_zones()
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    damaged = cut(house)
    house.warehouse.holdings()
    assert not bronze(house).is_refused(damaged)
