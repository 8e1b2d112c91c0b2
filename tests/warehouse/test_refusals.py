"""A landing that a model refuses is marked until a model is made of it, whatever keeps the model from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.exceptions import CheckFailed, ContractViolation, CorruptFile, CorruptLanding
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.landed_input import LandedInput
from tests.green_files import table, trip, trips
from tests.loading import CONTRACTS
from tests.warehouse.implementations import House, LocalImplementation

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)


def bronze(house: House) -> BronzeStore:
    return house.implementation.bronze


def cut(house: House) -> Landing:
    """A landing whose file has lost its footer since."""
    landing = house.land(JANUARY, trips(JANUARY, 3))
    house.implementation.overwrite(landing, b"x" * landing.bytes)
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
    assert bronze(house).refused_at(bad) is None
    with pytest.raises(error):
        house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(bad)
    good = house.land(JANUARY, trips(JANUARY, 5))
    house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(bad)
    assert bronze(house).refused_at(good) is None


def test_a_landing_that_a_model_is_made_of_at_last_is_marked_no_more(house: House) -> None:
    house.publish_zones()
    landing = house.land(JANUARY, trips(JANUARY, 3))
    house.edit("silver/green_silver.sql", ("\nchecks:\n", "\nchecks:\n  - {type: row_count, min: 4}\n"))
    with pytest.raises(CheckFailed):
        house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(landing)
    house.edit("silver/green_silver.sql", ("  - {type: row_count, min: 4}\n", ""))
    house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(landing) is None


def test_a_landing_that_a_published_month_is_made_of_is_marked_no_more(house: House) -> None:
    house.publish_zones()
    landing = house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    bronze(house).refuse(landing, "green_silver", None)
    assert house.replace("green_silver", JANUARY).skipped
    assert bronze(house).refused_at(landing) is None


def test_looking_at_what_there_is_marks_nothing(house: House) -> None:
    house.publish_zones()
    house.land(JANUARY, trips(JANUARY, 3))
    house.replace("green_silver", JANUARY)
    damaged = cut(house)
    house.warehouse.holdings()
    assert bronze(house).refused_at(damaged) is None


# What is not the landing's fault


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[House]:
    """A warehouse whose tables are files that can be damaged."""
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    implementation = LocalImplementation(tmp_path / "home")
    yield House(implementation, sql)
    implementation.close()


def overwrite_zones(house: House) -> None:
    """What ``silver.zones`` holds is no parquet file any more."""
    (file,) = (house.sql.parent / "home" / "warehouse" / "silver" / "zones").rglob("*.parquet")
    file.write_bytes(b"x" * file.stat().st_size)


def test_a_landing_is_not_blamed_for_a_damaged_table_that_is_read_with_it(on_disk: House) -> None:
    on_disk.publish_zones()
    landing = on_disk.land(JANUARY, trips(JANUARY, 3))
    overwrite_zones(on_disk)
    with pytest.raises(CorruptFile) as failed:
        on_disk.replace("green_silver", JANUARY)
    told = str(failed.value)
    assert told.startswith("green_silver 2024-01: silver.zones is damaged (")
    assert told.endswith("nothing was published. Materialize zones_silver again, then this")
    assert bronze(on_disk).refused_at(landing) is None
    on_disk.replace("zones_silver", WHOLE)
    on_disk.replace("green_silver", JANUARY)
    assert len(on_disk.rows("SELECT pickup_at FROM silver.green_trips")) == 3


@pytest.fixture
def landed(on_disk: House) -> LandedInput:
    on_disk.land(JANUARY, trips(JANUARY, 3))
    return LandedInput.find(bronze(on_disk), "green_bronze", CONTRACTS["green_bronze"], JANUARY, rejects=True)


@pytest.mark.parametrize(("error", "is_refused"), [(CorruptFile, False), (CorruptLanding, True)])
def test_a_landing_is_not_blamed_for_a_damaged_table_that_it_goes_into(
    landed: LandedInput, error: type[CorruptFile], is_refused: bool
) -> None:
    with pytest.raises(error), landed.judged_by("green_silver"):
        raise error("cannot be read")
    assert landed.landing is not None
    assert (landed.store.refused_at(landed.landing) is not None) is is_refused


UNWRITABLE = "x" * 300
"""A reader whose mark no file system takes."""


def test_a_mark_that_cannot_be_set_hides_no_error(landed: LandedInput, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CorruptLanding, match="is cut"), landed.judged_by(UNWRITABLE):
        raise CorruptLanding("is cut")
    (warning,) = caplog.messages
    assert warning.startswith("green 2024-01: it could not be noted that xxx")
    assert "File name too long" in warning


def test_a_mark_that_cannot_be_removed_fails_no_month(landed: LandedInput, caplog: pytest.LogCaptureFixture) -> None:
    with landed.judged_by(UNWRITABLE):
        pass
    assert "File name too long" in caplog.text


def test_a_landing_is_not_blamed_for_a_check_that_reads_another_table_unless_others_fail_too(house: House) -> None:
    house.land_zones("LocationID,Borough,Zone,service_zone\n999,A,B,C\n")
    house.replace("zones_silver", WHOLE)
    blocking = ("    name: zones_exist\n    severity: warn\n", "    name: zones_exist\n")
    house.edit("silver/green_silver.sql", blocking)
    landing = house.land(JANUARY, trips(JANUARY, 3))
    with pytest.raises(CheckFailed, match="zones_exist"):
        house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(landing) is None
    house.edit("silver/green_silver.sql", ("\nchecks:\n", "\nchecks:\n  - {type: row_count, min: 4}\n"))
    with pytest.raises(CheckFailed, match="zones_exist"):
        house.replace("green_silver", JANUARY)
    assert bronze(house).refused_at(landing)
