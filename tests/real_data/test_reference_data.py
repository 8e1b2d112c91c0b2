"""TLC's zone lookup and the users of JSONPlaceholder, whole and exact."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.commands import lakehouse
from tests.project import Project
from tests.real_data import independent
from tests.real_data.published import ZONES_PATH, real_project

USERS_TYPES = {"user_id": int, "latitude": float, "longitude": float}


@pytest.fixture(scope="module")
def project(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after one run of zones and users."""
    project = real_project(tmp_path_factory.mktemp("reference"), real_data)
    result = lakehouse(project, "run", "--select", "+zones_silver,+users_gold")
    assert (result.exit_code, result.errors) == (0, ())
    return project


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows with Python's own values, so that a float for an int or a None for a text shows."""
    columns = {name: frame[name].astype("object").tolist() for name in frame}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_the_landed_zone_lookup_is_byte_for_byte_the_published_one(project: Project, real_data: Path) -> None:
    [landed] = [file for file in (project.home / "bronze" / "zones").rglob("*") if file.is_file()]

    assert landed.read_bytes() == (real_data / "tlc" / ZONES_PATH).read_bytes()


def test_silver_has_each_of_the_265_zones_as_published(project: Project, real_data: Path) -> None:
    expected = _records(independent.zones(real_data / "tlc" / ZONES_PATH))
    assert len(expected) == 265

    zones = project.rows("SELECT * FROM silver.zones ORDER BY location_id")

    assert zones == sorted(expected, key=lambda zone: int(str(zone["location_id"])))


def test_not_available_is_a_name_that_tlc_gives_and_not_a_null(project: Project) -> None:
    zones = project.rows("SELECT * FROM silver.zones WHERE location_id >= 264 ORDER BY location_id")

    assert [list(zone.values()) for zone in zones] == [
        [264, "Unknown", "N/A", "N/A"],
        [265, "N/A", "Outside of NYC", "N/A"],
    ]


def test_silver_has_each_of_the_ten_users_in_every_column(project: Project, real_data: Path) -> None:
    expected = _records(independent.users(real_data / "jsonplaceholder" / "users.json"))
    assert len(expected) == 10

    users = project.rows("SELECT * FROM silver.users ORDER BY user_id")

    assert users == expected
    assert [list(user) for user in users] == [list(user) for user in expected], "order of columns"
    for user in users:
        assert {name: type(value) for name, value in user.items()} == {
            name: USERS_TYPES.get(name, str) for name in user
        }


def test_gold_counts_one_user_in_each_of_ten_cities(project: Project, real_data: Path) -> None:
    expected = independent.user_counts_by_city(independent.users(real_data / "jsonplaceholder" / "users.json"))
    assert len(expected) == 10

    cities = project.rows("SELECT * FROM gold.user_counts_by_city ORDER BY city")

    assert cities == list(expected)
