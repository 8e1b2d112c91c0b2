"""Whatever arrives, within the bounds or beyond them, to fetch it takes little more memory than a good file does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.partition import Month
from tests import green_files
from tests.parquet_files import bytes_of
from tests.raw_source import Connection, RawSource, answer, endlessly
from tests.reference_files import user, zones_csv

PROJECT = Path(__file__).parents[2]
ALLOWED_MB = 220

FETCHES = """
import sys
from pathlib import Path
from dlt_sources.jsonplaceholder import users_source
from dlt_sources.remote_file import HttpPolicy
from dlt_sources.tlc import GREEN
from lakehouse.exceptions import LakehouseError
from lakehouse.partition import Month
from lakehouse.settings import point_dlt_at_project
from tests.asking import fetch_month, fetch_users, fetch_zones

point_dlt_at_project()
url, into = sys.argv[1], Path(sys.argv[2])
policy = HttpPolicy(1, 10.0, largest_bytes=200_000_000)

def most_memory():
    # Of this program alone: the maximum that getrusage knows begins with that of whoever started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))

def load_users(address, name):
    import dlt
    download = fetch_users(address, into, None, policy)
    files = dlt.destinations.filesystem(str(into / name), layout="{table_name}/{file_id}.{ext}")
    pipeline = dlt.pipeline(name, destination=files, dataset_name="bronze", pipelines_dir=str(into / "pipelines"))
    pipeline.run(users_source(download), loader_file_format="parquet")

def of(what):
    for fetch in (
        lambda: fetch_month(f"{url}/{what}", GREEN, Month(2024, 1), into, None, policy),
        lambda: fetch_zones(f"{url}/{what}", into, None, policy),
        lambda: load_users(f"{url}/{what}/users", f"{what}_users"),
        lambda: load_users(f"{url}/{what}/lists", f"{what}_lists"),
        lambda: fetch_month(f"{url}/{what}-repeated", GREEN, Month(2024, 1), into, None, policy),
        lambda: fetch_month(f"{url}/{what}-delta", GREEN, Month(2024, 1), into, None, policy),
        lambda: fetch_month(f"{url}/{what}-distinct", GREEN, Month(2024, 1), into, None, policy),
        lambda: fetch_month(f"{url}/{what}-large", GREEN, Month(2024, 1), into, None, policy),
    ):
        try:
            fetch()
            print(what, "kept")
        except LakehouseError as error:
            print(what, error)
    print(what, most_memory() // 1024)

of("good")
of("bad")
"""


def compressed_zeros(megabytes: int) -> bytes:
    encoder = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    return b"".join(encoder.compress(bytes(1_000_000)) for _ in range(megabytes)) + encoder.flush()


def wide_users() -> bytes:
    """19 MB that are fifteen times as much once Python has them: of each user as many fields as there may be."""
    fields = ", ".join(f'"field_{number}": {1000 + number}' for number in range(970))
    return f"[{','.join([f'{json.dumps(user(1))[:-1]}, {fields}}}'] * 1000)}]".encode()


def users_of_lists() -> bytes:
    """7 MB that are twenty times as much once Python has them: empty lists, as many as an entry may have."""
    body = f'{json.dumps(user(1))[:-1]}, "lists": [{",".join(["[]"] * 320_000)}]}}'
    return f"[{','.join([body] * 7)}]".encode()


def texts(count: int, **options: Any) -> bytes:
    """Texts of a million characters each, the same one again and again."""
    one = pa.array(["x" * 1_000_000])
    return bytes_of(pa.table({"text": pa.chunked_array([one] * count)}), compression="zstd", **options)


def distinct_texts(count: int) -> bytes:
    """Texts of 36 characters, each another, in one row group."""
    names = pc.utf8_lpad(pa.array(range(count)).cast(pa.string()), 36, padding="0")
    return bytes_of(pa.table({"text": names}), compression="zstd", row_group_size=count)


def test_bombs_endless_zones_and_large_answers_of_users_need_little_memory(tmp_path: Path) -> None:
    trips = answer(bytes_of(green_files.table(green_files.trips(Month(2024, 1), 40))))
    good = {
        "/good/trip-data": trips,
        "/good-repeated": trips,
        "/good-delta": trips,
        "/good-distinct": trips,
        "/good-large": trips,
        "/good/misc": answer(zones_csv().encode()),
        "/good/users": answer(json.dumps([user(1)]).encode()),
        "/good/lists": answer(json.dumps([user(1)]).encode()),
        "/bad/lists": answer(users_of_lists()),
        "/bad-repeated": answer(texts(600)),
        "/bad-delta": answer(texts(300, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})),
        "/bad-distinct": answer(distinct_texts(1_500_000)),
        "/bad-large": answer(texts(300, use_dictionary=False)),
        "/bad/trip-data": answer(compressed_zeros(250), headers={"Content-Encoding": "gzip"}),
        "/bad/users": answer(wide_users()),
    }
    zones = endlessly(zones_csv().encode() * 100, b"HTTP/1.1 200 OK\r\n\r\n")

    def serve(connection: Connection) -> object:
        path = connection.request.split()[1].decode()
        found = next((body for begin, body in good.items() if path.startswith(begin)), None)
        return zones(connection) if found is None else connection.send(found)

    with RawSource() as server:
        server.answers(serve)
        said = run(FETCHES, server.url, str(tmp_path / "into"))
    begins: list[Callable[[str], bool]] = [
        *[lambda line: line == "good kept"] * 8,
        lambda line: line.startswith("good "),
        lambda line: "sends more than the 200,000,000 bytes" in line,
        lambda line: "sends more than the 64,000,000 bytes" in line,
        lambda line: line == "bad kept",
        lambda line: line == "bad kept",
        lambda line: line == "bad kept",
        lambda line: line == "bad kept",
        lambda line: line == "bad kept",
        lambda line: "bytes are 300,00" in line,
        lambda line: line.startswith("bad "),
    ]
    assert [begins[at](line) for at, line in enumerate(said)] == [True] * len(begins), said
    before, after = (int(said[at].split()[1]) for at in (8, 17))
    assert after - before <= ALLOWED_MB


def run(program: str, *arguments: str) -> list[str]:
    completed = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])},
    )
    return completed.stdout.splitlines()
