"""The warehouse against a script written by hand: one generated month of green trips to its silver table.

    python -m bench.silver --rows 3000000 --repetitions 5

``house`` is ``DuckDbIcebergWarehouse.replace(green_silver, month)`` on a landed file, into a new home each time.
``bare`` is what a careful engineer would write for the same file without any of it: read it by its own schema,
cast, drop the rejects, fold duplicates, order, write zstd level 3, rename, hash. Both take turns, each in a
process of its own, with the same threads and memory limit, after a month of a thousand rows; neither's start-up,
nor generating, landing and ``prepare()``, is counted. What they wrote must agree row for row.

The breakdown is exclusive: each line is without the lines that are called inside it, so that they add up.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.generate import ERAS, ROWS, write_month
from bench.measure import Spans, child, merged, middle, noise, peak_megabytes, show
from lakehouse.bronze import BronzeStore, Landing, hash_file
from lakehouse.month import Month
from lakehouse.settings import load_settings

MONTH = Month(2024, 5)

_MONEY = (
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "total_amount",
    "congestion_surcharge",
    "cbd_congestion_fee",
    "ehail_fee",
)
_BARE_COLUMNS = {
    "vendor_id": ("vendorid", "BIGINT"),
    "pickup_at": ("lpep_pickup_datetime", "TIMESTAMP"),
    "dropoff_at": ("lpep_dropoff_datetime", "TIMESTAMP"),
    "passenger_count": ("passenger_count", "BIGINT"),
    "trip_miles": ("trip_distance", "DECIMAL(18, 2)"),
    "rate_code_id": ("ratecodeid", "BIGINT"),
    "store_and_fwd_flag": ("store_and_fwd_flag", "VARCHAR"),
    "pickup_location_id": ("pulocationid", "BIGINT"),
    "dropoff_location_id": ("dolocationid", "BIGINT"),
    "payment_type": ("payment_type", "BIGINT"),
    **{name: (name, "DECIMAL(18, 2)") for name in _MONEY},
    "trip_type": ("trip_type", "BIGINT"),
}


def bare(file: Path, folder: Path, threads: int, memory: str) -> dict[str, Any]:
    """The script by hand."""
    import duckdb

    hash_file(file)
    small = _small_month(folder)
    with duckdb.connect() as db:
        db.execute(f"COPY (FROM '{small}') TO '{folder / 'warm'}' (FORMAT parquet, COMPRESSION zstd)")
    before = peak_megabytes()
    started = time.perf_counter()
    with duckdb.connect(config={"threads": threads, "memory_limit": memory, "temp_directory": str(folder)}) as db:
        source = f"read_parquet('{file}', hive_partitioning = FALSE)"
        described = db.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})").fetchall()
        footer = {name.lower(): name for name, kind in described if kind != '"NULL"'}
        typed = ", ".join(
            f'CAST("{footer[given]}" AS {kind}) AS {name}' if given in footer else f"CAST(NULL AS {kind}) AS {name}"
            for name, (given, kind) in _BARE_COLUMNS.items()
        )
        names = ", ".join(_BARE_COLUMNS)
        partial = folder / ".partial"
        db.execute(
            f"""
            COPY (
              SELECT *, 'green' AS taxi_type, COALESCE(total_amount < 0, FALSE) AS is_reversal,
                DATE_DIFF('second', pickup_at, dropoff_at) AS duration_seconds
              FROM (
                SELECT {names}, COUNT(*) AS copies
                FROM (SELECT {typed} FROM {source})
                WHERE pickup_at >= TIMESTAMP '{MONTH.start}' AND pickup_at < TIMESTAMP '{MONTH.end}'
                  AND COALESCE(dropoff_at >= pickup_at, TRUE)
                GROUP BY ALL
              )
              ORDER BY pickup_at, hash({names})
            ) TO '{partial}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
            """
        )
    final = folder / "green_trips.parquet"
    partial.rename(final)
    with final.open("rb") as written:
        hashlib.file_digest(written, "sha256").hexdigest()
    seconds = time.perf_counter() - started
    peak = peak_megabytes()
    return {"seconds": seconds, "peak": peak, "before": before, **_summary(final)}


def house(file: Path, home: Path, threads: int, memory: str) -> dict[str, Any]:
    """The warehouse, and after it what costs less: the same month again, and gold twice."""
    import duckdb  # noqa: F401 - start-up is not counted

    from lakehouse.contracts import CONTRACTS
    from lakehouse.model_file import load_models
    from lakehouse.profile import open_warehouse

    settings = load_settings(home=home, threads=threads, memory_limit=memory)
    models = load_models(settings.sql, CONTRACTS)
    _land(file, home)
    warehouse = open_warehouse(settings, models)
    warehouse.prepare()
    _land(_small_month(home), home, MONTH.previous())
    for key in ("green_silver", "green_gold"):
        warehouse.replace(models[key], MONTH.previous())
    spans = _spans()
    answer: dict[str, Any] = {"before": peak_megabytes()}
    for label, key in (
        ("", "green_silver"),
        ("skip_", "green_silver"),
        ("gold_", "green_gold"),
        ("gold_skip_", "green_gold"),
    ):
        spans.take()
        started = time.perf_counter()
        result = warehouse.replace(models[key], MONTH)
        answer[f"{label}seconds"] = time.perf_counter() - started
        answer[f"{label}spans"] = spans.take()
        if result.skipped != label.endswith("skip_"):
            raise RuntimeError(f"{key}: skipped is {result.skipped}, which is not what this measures")
        if not label:
            answer |= {
                "peak": peak_megabytes(),
                "rejected": sum(result.ledger.rejected.values() if result.ledger else ()),
            }
    (published,) = warehouse.tables.published(models["green_silver"].table, MONTH).files
    warehouse.close()
    return answer | _summary(published)


def _small_month(folder: Path) -> Path:
    """A month to warm up with: what is loaded and compiled once in a process is start-up, on both sides."""
    small = folder / "small.parquet"
    write_month(small, MONTH.previous(), rows=1000)
    return small


def _land(file: Path, home: Path, month: Month = MONTH) -> None:
    """Land a file as the bronze asset would, but by a link: landing is not what is measured."""
    import pyarrow.parquet as pq

    store, sha256 = BronzeStore(home), hash_file(file)
    landing = Landing(
        dataset="green",
        month=str(month),
        url=f"file://{file}",
        etag=None,
        last_modified=None,
        bytes=file.stat().st_size,
        rows=pq.read_metadata(file).num_rows,
        sha256=sha256,
        observed_at=datetime.now(UTC),
    )
    landed = store.file(landing)
    landed.parent.mkdir(parents=True)
    landed.hardlink_to(file)
    store.record(landing)


def _spans() -> Spans:
    """Every part of ``replace`` that could cost something, under a name."""
    from lakehouse import dialect
    from lakehouse.warehouse import duckdb_iceberg, landed_file
    from lakehouse.warehouse.duckdb_engine import DuckDbEngine
    from lakehouse.warehouse.duckdb_iceberg import DuckDbIcebergWarehouse
    from lakehouse.warehouse.iceberg_tables import IcebergTables

    spans = Spans()
    spans.wrap(landed_file.LandedFile, "check_values", "value scan")
    spans.wrap(landed_file.LandedFile, "present", "views of the inputs")
    spans.wrap(DuckDbEngine, "__enter__", "open and close DuckDB")
    spans.wrap(DuckDbEngine, "__exit__", "open and close DuckDB")
    spans.wrap(DuckDbEngine, "parquet_view", "views of the inputs")
    spans.wrap(DuckDbEngine, "copy", lambda *call: f"copy of {Path(call[-1]).name}")
    spans.wrap(os, "fsync", "fsync")
    spans.wrap(DuckDbIcebergWarehouse, "_audit", "audit")
    spans.wrap(duckdb_iceberg, "hash_file", "hash")
    spans.wrap(landed_file, "hash_file", "hash")
    spans.wrap(IcebergTables, "publish", "Iceberg commits")
    spans.wrap(IcebergTables, "ensure", "Iceberg tables looked up")
    spans.wrap(IcebergTables, "published", "Iceberg tables looked up")
    spans.wrap(dialect, "render", "SQL rendered")
    spans.wrap(dialect, "resolve", "SQL resolved")
    return spans


def _summary(file: Path) -> dict[str, Any]:
    """Rows, and a hash of their values that does not depend on their order: outside the measured time."""
    import duckdb

    names = ", ".join([*_BARE_COLUMNS, "taxi_type", "is_reversal", "duration_seconds", "copies"])
    query = f"SELECT COUNT(*), SUM(copies - 1), SUM(hash({names}))::VARCHAR FROM read_parquet('{file}')"
    with duckdb.connect() as db:
        rows, duplicates, values = db.execute(query).fetchall()[0]
    return {"rows": rows, "duplicates": int(duplicates), "values": values, "megabytes": file.stat().st_size / 1e6}


def compare(file: Path, repetitions: int, threads: int, memory: str) -> None:
    """Both by turns, and what it comes to."""
    runs: dict[str, list[dict[str, Any]]] = {"house": [], "bare": []}
    for repetition in range(repetitions):
        for which in ("house", "bare") if repetition % 2 == 0 else ("bare", "house"):
            with tempfile.TemporaryDirectory(dir=file.parent, prefix=f"{which}-") as folder:
                wanted = [f"--as={which}", f"--file={file}", f"--folder={folder}", f"--threads={threads}"]
                runs[which].append(json.loads(child("bench.silver", *wanted, f"--memory={memory}")))
            last = runs[which][-1]
            print(
                f"{repetition + 1}/{repetitions} {which:<6}{last['seconds']:7.2f} s  peak {last['peak']:5.0f} MB",
                flush=True,
            )
    ours, hand = runs["house"], runs["bare"]
    if len({(run["rows"], run["duplicates"], run["values"]) for run in ours + hand}) != 1:
        raise SystemExit("house and bare wrote different rows: the comparison would mean nothing")
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(ours, hand, strict=True)]
    table = [
        (str(i), a["seconds"], b["seconds"], a["seconds"] / b["seconds"], round(a["peak"]), round(b["peak"]))
        for i, (a, b) in enumerate(zip(ours, hand, strict=True), start=1)
    ]
    medians = {
        name: {key: middle(run[key] for run in each) for key in ("seconds", "peak", "before")}
        for name, each in runs.items()
    }
    best = {name: min(run["seconds"] for run in each) for name, each in runs.items()}
    table.append(
        (
            "median",
            medians["house"]["seconds"],
            medians["bare"]["seconds"],
            middle(ratios),
            round(medians["house"]["peak"]),
            round(medians["bare"]["peak"]),
        )
    )
    table.append(("best", best["house"], best["bare"], best["house"] / best["bare"], "", ""))
    show("Silver month", ("", "house s", "bare s", "ratio", "house peak MB", "bare peak MB"), table)
    print(
        f"  {ours[0]['rows']:,} rows, {ours[0]['rejected']:,} rejected, {ours[0]['duplicates']:,} copies folded, "
        f"{ours[0]['megabytes']:.1f} MB; resident before work: house {medians['house']['before']:.0f} MB, "
        f"bare {medians['bare']['before']:.0f} MB"
    )
    _breakdown("Where house spends it", ours, "")
    for label, title in (
        ("skip_", "Silver again (skipped)"),
        ("gold_", "Gold"),
        ("gold_skip_", "Gold again (skipped)"),
    ):
        _breakdown(title, ours, label)
    print("\n" + noise({name: [run["seconds"] for run in each] for name, each in runs.items()}))


def _breakdown(title: str, runs: list[dict[str, Any]], label: str) -> None:
    total = middle(run[f"{label}seconds"] for run in runs)
    parts = merged([run[f"{label}spans"] for run in runs])
    rest = middle(run[f"{label}seconds"] - sum(run[f"{label}spans"].values()) for run in runs)
    rows = [(name, seconds, f"{seconds / total:.0%}") for name, seconds in parts.items() if seconds >= 0.001]
    show(
        f"{title}: {total:.3f} s",
        ("part (median)", "s", "share"),
        [*rows, ("everything else", rest, f"{rest / total:.0%}")],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.silver", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--era", choices=ERAS, default="since 2023-02")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--file", type=Path, help="a generated month of 2024-05 to use instead of generating one")
    parser.add_argument("--as", dest="child", choices=("house", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measured = house if arguments.child == "house" else bare
        print(json.dumps(measured(arguments.file, arguments.folder, arguments.threads, arguments.memory)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-silver-") as folder:
        file = arguments.file
        if file is None:
            file = Path(folder) / "green.parquet"
            # In a process of its own: a child's peak of memory begins at what its parent had used.
            child(
                "bench.generate",
                f"--rows={arguments.rows}",
                f"--month={MONTH}",
                f"--era={arguments.era}",
                f"--out={file}",
            )
        compare(file.resolve(), arguments.repetitions, arguments.threads, arguments.memory)


if __name__ == "__main__":
    main()
