"""What landing a changing table costs beside its query alone.

    python -m bench.changing_table --rows 1000000

A PostgreSQL server of its own holds bookings. By turns all of them are landed, as a run does it but for Dagster, and
read by hand: the same query through ADBC, its batches written to one parquet file as they come. Both in one process,
whose peak of memory is told. Then a window of 10,000 changes, the same with the keys of all rows, and one without rows.

Last, the same rows as a resource that dlt runs, which is not how they are landed: it makes times with a zone of those
without one, and a window that is empty, or known already, needs no loader at all.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import middle, noise, peak_megabytes, show
from dlt_sources.changing_table import landed_schema
from dlt_sources.fetch import Download
from dlt_sources.postgres_table import postgres_snapshot
from dlt_sources.table_reading import remote_table
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.table_landing import LandedTable, TableLander
from lakehouse.settings import point_dlt_at_project
from tests.changing_tables import LOOK_BACK, PATIENCE, PostgresDatabase, connection_to
from tests.postgres import postgres_server

QUERY = "SELECT booking_id, zone, fare::text AS fare, status, is_shared, distance, booked_on, updated_at FROM {table}"


def fill(database: PostgresDatabase, rows: int) -> None:
    database.do(
        f"INSERT INTO {database.table} SELECT g, 1 + g % 263, (g % 10000) / 100.0, 'new', g % 7 = 0, g / 7.0, "
        f"date '2024-01-01' + g % 365, timestamp '2024-01-01' + g * interval '1 second' "
        f"FROM generate_series(1, {rows}) g"
    )
    database.do(f"CREATE INDEX ON {database.table} (updated_at, booking_id)")


def by_hand(database: PostgresDatabase, file: Path) -> None:
    import pyarrow.parquet as pq
    from adbc_driver_postgresql import dbapi

    query = QUERY.format(table=database.table)
    with dbapi.connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"{query} ORDER BY updated_at, booking_id")
        batches = cursor.fetch_record_batch()
        with pq.ParquetWriter(file, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


def by_dlt(database: PostgresDatabase, folder: Path, low: datetime | None) -> None:
    import dlt
    import pyarrow as pa

    from dlt_sources.dataset import fresh_schema
    from lakehouse.assets.landing_folder import LandingFolder

    connection = connection_to(database)
    remote = remote_table(connection.dataset, connection.address)

    def batches() -> Iterator[Any]:
        with postgres_snapshot(connection.dataset, remote, PATIENCE) as snapshot:
            schema = landed_schema(snapshot.columns)
            for batch in snapshot.rows(snapshot.columns, low):
                yield pa.Table.from_batches([batch]).cast(schema)

    @dlt.source(schema=fresh_schema("oltp", "direct"), max_table_nesting=0)
    def table() -> Any:
        return dlt.resource(batches, name="booking", write_disposition="append")

    destination = LandingFolder(bucket_url=str(folder), layout="{table_name}/{file_id}.{ext}")
    pipeline = dlt.pipeline(
        "bench", destination=destination, dataset_name="bronze", pipelines_dir=str(folder / "pipelines")
    )
    pipeline.run(table(), loader_file_format="parquet")


def copied(download: Download, folder: Path) -> Path:
    """As dlt does what it passes on unopened."""
    return Path(shutil.copy(download.path, folder / "landed.parquet"))


def land(database: PostgresDatabase, home: Path, *, with_keys: bool = False) -> LandedTable:
    store = LocalBronzeStore(home, of_samples=False)
    return TableLander(store, connection_to(database), with_keys=with_keys).land(copied, print)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    point_dlt_at_project()
    with postgres_server() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = PostgresDatabase(url)
        fill(database, given.rows)
        by_hand(database, folder / "warm.parquet")
        land(database, folder / "warm")
        hand, landed = [], []
        for number in range(given.repetitions):
            hand.append(seconds(lambda: by_hand(database, folder / "hand.parquet")))
            landed.append(seconds(lambda number=number: land(database, folder / f"home{number}")))  # type: ignore[misc]
        peak = peak_megabytes()
        home = folder / "home0"
        changed = "fare = fare + 1, updated_at = now() AT TIME ZONE 'UTC'"
        database.do(f"UPDATE {database.table} SET {changed} WHERE booking_id <= 10000")
        window = seconds(lambda: land(database, home))
        with_keys = seconds(lambda: land(database, home, with_keys=True))
        same = seconds(lambda: land(database, home))
        database.do(f"DELETE FROM {database.table} WHERE booking_id <= 10000")
        empty = seconds(lambda: land(database, home))
        dlts = [seconds(lambda number=number: by_dlt(database, folder / f"dlt{number}", None)) for number in range(3)]  # type: ignore[misc]
        few = seconds(lambda: by_dlt(database, folder / "few", datetime.now(UTC) - LOOK_BACK))
    ratio = middle(landed) / middle(hand)
    rows = [
        ("by hand", middle(hand), 1.0),
        ("landed", middle(landed), ratio),
        ("a resource of dlt's", middle(dlts), middle(dlts) / middle(hand)),
        ("a resource of dlt's, no rows", few, few / middle(hand)),
        ("window of 10,000 changes", window, window / middle(hand)),
        ("the same again and all keys", with_keys, with_keys / middle(hand)),
        ("the same again", same, same / middle(hand)),
        ("window without rows", empty, empty / middle(hand)),
    ]
    show(f"{given.rows:,} rows of PostgreSQL", ("", "seconds", "of by hand"), rows)
    print(f"\npeak memory of by hand and landed: {peak:,.0f} MB")
    print(noise({"by hand": hand, "landed": landed}))


if __name__ == "__main__":
    main()
