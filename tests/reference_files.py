"""A zone lookup and an answer of the users API, made up and small, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

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


def users_table(users: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Users as dlt flattens and lands them: numbers whole, everything else text, its own two columns last."""
    rows = [
        {
            "id": user["id"],
            "name": user["name"],
            "username": user["username"],
            "email": user["email"],
            "address__street": user["address"]["street"],
            "address__suite": user["address"]["suite"],
            "address__city": user["address"]["city"],
            "address__zipcode": user["address"]["zipcode"],
            "address__geo__lat": user["address"]["geo"]["lat"],
            "address__geo__lng": user["address"]["geo"]["lng"],
            "phone": user["phone"],
            "website": user["website"],
            "company__name": user["company"]["name"],
            "company__catch_phrase": user["company"]["catchPhrase"],
            "company__bs": user["company"]["bs"],
            "_dlt_load_id": "1700000000.0",
            "_dlt_id": f"id{user['id']}",
        }
        for user in users
    ]
    types = {name: pa.int64() if name == "id" else pa.string() for name in rows[0]}
    return pa.Table.from_pylist(rows, schema=pa.schema(types))


def publish(source: Path) -> None:
    """Put both where a project's source folder has them."""
    (source / ZONES_PATH).parent.mkdir(parents=True, exist_ok=True)
    (source / ZONES_PATH).write_bytes(zones_csv().encode())
    (source / "users.json").write_text(json.dumps([user(1), user(2)]))
