"""What generated zones and users look like, and that they say what they are."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lakehouse.sample.reference import borough_of, write_users, write_zones
from tests import reference_files
from tests.asking import fetch_users, fetch_zones
from tests.http_source import PATIENT


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zones") / "taxi_zone_lookup.csv"
    write_zones(path)
    return path


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("users") / "users.json"
    write_users(path)
    loaded: list[dict[str, Any]] = json.loads(path.read_text())
    return loaded


def test_zones_are_numbered_as_tlc_numbers_them(zones: Path) -> None:
    with zones.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["LocationID", "Borough", "Zone", "service_zone"]
    assert [int(row[0]) for row in rows[1:]] == list(range(1, 266))
    assert rows[-2:] == [["264", "Unknown", "N/A", "N/A"], ["265", "N/A", "Outside of NYC", "N/A"]]
    assert len({row[2] for row in rows[1:]}) == 265
    assert all(row[2] == f"{row[1]} sample zone {row[0]}" for row in rows[1:-2])
    boroughs = Counter(row[1] for row in rows[1:-2])
    assert set(boroughs) == {"EWR", "Queens", "Bronx", "Manhattan", "Staten Island", "Brooklyn"}
    assert boroughs["EWR"] == 1
    assert {row[3] for row in rows[1:-2]} == {"EWR", "Airports", "Boro Zone", "Yellow Zone"}


def test_zones_are_quoted_as_tlc_quotes_them(zones: Path) -> None:
    lines = zones.read_bytes().split(b"\r\n")
    assert lines[0] == b'"LocationID","Borough","Zone","service_zone"'
    assert lines[1] == b'1,"EWR","EWR sample zone 1","EWR"'
    assert lines[-2:] == [b'265,"N/A","Outside of NYC","N/A"', b""]
    assert b"\n" not in b"".join(lines)


def test_zones_are_laid_out_as_the_real_lookup_and_none_is_of_it(zones: Path, real_data: Path) -> None:
    real = (real_data / "tlc" / "misc" / "taxi_zone_lookup.csv").read_bytes().split(b"\r\n")
    ours = zones.read_bytes().split(b"\r\n")
    assert len(ours) == len(real)
    assert ours[0] == real[0]
    assert ours[-3:] == real[-3:]
    assert set(ours[1:-3]).isdisjoint(real)


@pytest.mark.parametrize("zone", [0, 264, -1])
def test_what_is_not_a_zone_has_no_borough(zone: int) -> None:
    with pytest.raises(ValueError, match=f"{zone} is not one of the zones 1 to 263"):
        borough_of(zone)


def test_zones_and_users_are_recognised_as_samples(tmp_path: Path) -> None:
    (tmp_path / "trip-data").mkdir()
    write_zones(tmp_path / "misc" / "taxi_zone_lookup.csv")
    write_users(tmp_path / "users.json")
    zones = fetch_zones(f"file://{tmp_path}", tmp_path / "fetched", None, PATIENT)
    users = fetch_users(f"file://{tmp_path}/users.json", tmp_path / "fetched", None, PATIENT)
    assert zones is not None
    assert users is not None
    assert (zones.rows, zones.is_sample, users.rows, users.is_sample) == (265, True, 40, True)


def test_real_zones_and_users_are_not_taken_for_samples(real_data: Path, tmp_path: Path) -> None:
    zones = fetch_zones(f"file://{real_data}/tlc", tmp_path, None, PATIENT)
    users = fetch_users(f"file://{real_data}/jsonplaceholder/users.json", tmp_path, None, PATIENT)
    assert zones is not None
    assert users is not None
    assert (zones.is_sample, users.is_sample) == (False, False)


def test_users_have_the_shape_that_the_api_gives_them(users: list[dict[str, Any]]) -> None:
    assert {shape(user) for user in users} == {shape(reference_files.user(1))}


def test_users_are_nobody_and_live_in_some_cities_more_than_in_others(users: list[dict[str, Any]]) -> None:
    assert [user["username"] for user in users] == [f"sample_user_{number}" for number in range(1, 41)]
    assert all(user["email"].endswith("@example.com") for user in users)
    assert all(user["website"].endswith(".example.com") for user in users)
    assert all(user["company"]["name"].startswith("Sample ") for user in users)
    cities = Counter(user["address"]["city"] for user in users)
    assert all("ample" in city for city in cities)
    assert len(cities) == 8
    assert len(set(cities.values())) >= 6
    for column in ("id", "name", "email", "phone"):
        assert len({user[column] for user in users}) == 40


def test_zones_and_users_are_the_same_every_time(zones: Path, users: list[dict[str, Any]], tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.csv")
    write_users(tmp_path / "users.json")
    assert (tmp_path / "zones.csv").read_bytes() == zones.read_bytes()
    assert json.loads((tmp_path / "users.json").read_text()) == users


def shape(value: Any) -> Any:
    """Names and types, however deep."""
    if isinstance(value, dict):
        return tuple((name, shape(inner)) for name, inner in value.items())
    return type(value)
