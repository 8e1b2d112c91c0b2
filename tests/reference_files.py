"""A zone lookup and an answer of the users API, made up and small, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ZONES_PATH = "misc/taxi_zone_lookup.csv"


def zones_csv(count: int = 263) -> str:
    """A lookup of ``count`` zones and the two that stand for the unknown and the outside, as TLC writes it."""
    lines = ['"LocationID","Borough","Zone","service_zone"']
    lines += [f'{number},"Queens","Zone {number}","Boro Zone"' for number in range(1, count + 1)]
    lines += ['264,"Unknown","N/A","N/A"', '265,"N/A","Outside of NYC","N/A"']
    return "\r\n".join(lines) + "\r\n"


def user(number: int, **changes: Any) -> dict[str, Any]:
    """A user as the API describes one."""
    described: dict[str, Any] = {
        "id": number,
        "name": f"Name {number}",
        "username": f"user{number}",
        "email": f"user{number}@example.com",
        "address": {
            "street": f"Street {number}",
            "suite": f"Apt. {number}",
            "city": f"City {number}",
            "zipcode": f"1000{number}-0000",
            "geo": {"lat": f"{number}.5", "lng": f"-{number}.25"},
        },
        "phone": f"1-555-000{number}",
        "website": f"user{number}.example.com",
        "company": {"name": f"Company {number}", "catchPhrase": "A phrase", "bs": "a business"},
    }
    return {**described, **changes}


def publish(source: Path) -> None:
    """Put both where a project's source folder has them."""
    (source / ZONES_PATH).parent.mkdir(parents=True, exist_ok=True)
    (source / ZONES_PATH).write_bytes(zones_csv().encode())
    (source / "users.json").write_text(json.dumps([user(1), user(2)]))
