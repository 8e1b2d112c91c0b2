"""Generated zones and users: names that say they are samples, in the layouts of TLC and of JSONPlaceholder."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from dlt_sources.tlc import ZONE_COLUMNS
from lakehouse.sample.whole_file import written_whole

_BOROUGHS = {"EWR": 1, "Queens": 68, "Bronx": 42, "Manhattan": 70, "Staten Island": 21, "Brooklyn": 61}
"""Zones of each borough, numbered in this order: about as many as TLC has, at other numbers."""

NAMED_ZONES = sum(_BOROUGHS.values())
UNKNOWN = NAMED_ZONES + 1
OUTSIDE = NAMED_ZONES + 2
"""The two numbers that stand for no zone are TLC's own: 264 and 265."""

_SERVICE_ZONES = {"EWR": "EWR", "Manhattan": "Yellow Zone"}
_AIRPORTS = (2, 3)
_USERS_BY_CITY = {
    "Sampleton": 9,
    "North Sampleton": 7,
    "Port Sample": 6,
    "Sample Heights": 5,
    "Sample Springs": 5,
    "Lower Samplebury": 4,
    "Samplemouth": 3,
    "Sample-on-Hudson": 1,
}


def borough_of(zone: int) -> str:
    """The borough of a zone, 1 to 263.

    Raises:
        ValueError: there is no such zone.
    """
    left = zone
    for borough, zones in _BOROUGHS.items():
        if 1 <= left <= zones:
            return borough
        left -= zones
    raise ValueError(f"{zone} is not one of the zones 1 to {NAMED_ZONES}")


def write_zones(path: Path) -> None:
    """Write a lookup of 265 sample zones, quoted and with the line ends that TLC uses."""
    zones = [(number, borough_of(number)) for number in range(1, NAMED_ZONES + 1)]
    rows = [
        (number, borough, f"{borough} sample zone {number}", _service(number, borough)) for number, borough in zones
    ]
    nowhere = [(UNKNOWN, "Unknown", "N/A", "N/A"), (OUTSIDE, "N/A", "Outside of NYC", "N/A")]
    with written_whole(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerows([ZONE_COLUMNS, *rows, *nowhere])


def write_users(path: Path) -> None:
    """Write forty sample users as the API answers with them, more in some cities than in others."""
    cities = [city for city, users in _USERS_BY_CITY.items() for _ in range(users)]
    users = [_user(number, city) for number, city in enumerate(cities, start=1)]
    with written_whole(path) as aside:
        aside.write_text(json.dumps(users, indent=2) + "\n", encoding="utf-8")


def _service(number: int, borough: str) -> str:
    return "Airports" if number in _AIRPORTS else _SERVICE_ZONES.get(borough, "Boro Zone")


def _user(number: int, city: str) -> dict[str, Any]:
    place = list(_USERS_BY_CITY).index(city)
    return {
        "id": number,
        "name": f"Sample User {number}",
        "username": f"sample_user_{number}",
        "email": f"sample.user.{number}@example.com",
        "address": {
            "street": f"{number} Sample Street",
            "suite": f"Suite {100 + number}",
            "city": city,
            "zipcode": f"{place:05d}-{number:04d}",
            "geo": {"lat": f"{40.5 + place / 20 + number / 1000:.4f}", "lng": f"{-74.2 + place / 20:.4f}"},
        },
        "phone": f"1-555-555-01{number:02d}",
        "website": f"sample-user-{number}.example.com",
        "company": {
            "name": f"Sample Company {1 + number % 12}",
            "catchPhrase": "Generated for a demonstration",
            "bs": "no real business",
        },
    }
