"""Whatever the users' API answers, a run says it in one line, the old users answer, and the next good answer heals it.

What a fetch does with more than a hundred ways to misbehave is in ``tests/dlt_sources/test_misbehaving.py``.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.commands import dagster_in_memory, lakehouse
from tests.project import Project
from tests.raw_source import Answer, RawSource, answer, endlessly, saying
from tests.reference_files import user

ETAG = {"ETag": '"same"'}
WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
HASTY = {
    "LAKEHOUSE_HTTP_ATTEMPTS": "1",
    "LAKEHOUSE_HTTP_TIMEOUT": "1",
    "LAKEHOUSE_HTTP_TOTAL": "2",
    "LAKEHOUSE_LARGEST_FILE": "1MB",
}


def users(count: int, **changes: object) -> bytes:
    return json.dumps([{**user(number), **changes} for number in range(1, count + 1)]).encode()


WAYS: dict[str, tuple[Answer, str]] = {
    "closed in the body": (saying(answer(users(2)[:-9], length=len(users(2)))), "did not deliver (IncompleteRead"),
    "without end": (endlessly(b"[" * 65536, WITHOUT_LENGTH), "more than the 1,000,000 bytes"),
    "a bomb": (
        saying(answer(gzip.compress(bytes(20_000_000)), headers={"Content-Encoding": "gzip"})),
        "more than the 1,000,000 bytes",
    ),
    "too slow": (endlessly(b"[", WITHOUT_LENGTH, every=0.05), "sends too slowly ("),
    "other bytes than their MD5": (
        saying(answer(users(3), headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})),
        "not those of its Content-MD5",
    ),
    "users that silver refuses, under the ETag of the good ones": (
        saying(answer(users(3, id=1), headers=ETAG)),
        "users_silver: blocking check failed",
    ),
}


def test_after_every_bad_answer_the_old_users_answer_and_the_next_good_one_heals_it(tmp_path: Path) -> None:
    project = Project(tmp_path, environment=HASTY)

    def made() -> tuple[int, list[str]]:
        result = lakehouse(project, "run", "--select", "+users_gold")
        return result.exit_code, [line for line in result.errors if "users" in line]

    def count() -> int:
        return int(project.rows("SELECT COUNT(*) AS n FROM silver.users")[0]["n"])

    with dagster_in_memory(), RawSource() as server:
        project.users_url = f"{server.url}/users"
        server.answers(saying(answer(users(2), headers=ETAG)))
        assert made() == (0, [])
        for way, (given, words) in WAYS.items():
            server.answers(given)
            exit_code, lines = made()
            assert (way, exit_code, len(lines)) == (way, 1, 1), lines
            assert words in lines[0], way
            assert server.requests, way
            assert count() == 2
        server.answers(saying(answer(users(4), headers=ETAG)))
        assert made() == (0, [])
        (request,) = server.requests
        assert b"if-none-match" not in request.lower()  # what silver refused has this ETag, too
        assert count() == 4
