"""The project against a script written by hand: one generated month of yellow trips, from its source to gold.

    python -m bench.month --rows 3000000 --repetitions 5

``house`` is an ordinary Dagster run of ``taxi_bronze``, ``taxi_silver`` and ``trips_gold``, as ``lakehouse run``
makes it, from a ``file://`` source into a home where a small month has been run before. ``bare`` is what a careful
engineer would write for the same file without any of it: copy it, hash it, read it by its own schema, cast, drop the
rejects, fold duplicates, order, write zstd level 3, hash, add up by zone, write. Both take turns, each in a process of
its own, with the same threads and memory limit, after a month of a thousand rows; neither's start-up is counted. What
they wrote must agree.

The breakdown is exclusive: each line is without the lines that are called inside it, so that they add up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.by_hand import COLUMNS, by_hand
from bench.generate import ROWS
from bench.measure import Spans, child, merged, middle, noise, peak_megabytes, show
from dlt_sources import tlc
from lakehouse.month import Month
from lakehouse.sample.source import month_file, prepare
from lakehouse.sample.trips import write_month
from lakehouse.settings import PROJECT_ROOT, load_settings, point_dlt_at_project

MONTH = Month(2024, 5)
SELECTION = "taxi_bronze,taxi_silver,trips_gold"


def bare(source: Path, folder: Path, threads: int, memory: str) -> dict[str, Any]:
    """The script by hand."""
    import duckdb

    config: dict[str, Any] = {"threads": threads, "memory_limit": memory, "temp_directory": str(folder)}
    with duckdb.connect(config=config) as db:
        by_hand(db, source, MONTH.previous(), folder / "small")
    before = peak_megabytes()
    started = time.perf_counter()
    with duckdb.connect(config=config) as db:
        silver, gold = by_hand(db, source, MONTH, folder / "month")
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak": peak_megabytes(), "before": before, **_summary(silver, gold)}


def house(source: Path, home: Path, threads: int, memory: str) -> dict[str, Any]:
    """Two Dagster runs: the small month, then the one that is measured."""
    from lakehouse.cli.runs import open_instance, run_months
    from lakehouse.cli.selection import select
    from lakehouse.definitions import build_definitions
    from lakehouse.warehouse.profile import open_warehouse

    dagster = home / "dagster"
    dagster.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster)
    settings = load_settings(
        home=home / "data",
        dagster_home=dagster,
        tlc_url=f"file://{source}",
        threads=threads,
        memory_limit=memory,
        first_month=MONTH.previous(),
    ).model_copy(update={"sample": True})  # or the home would refuse generated months
    point_dlt_at_project()
    definitions = build_definitions(settings)
    with open_instance(settings) as instance:
        first = select(definitions, f"infrastructure,zones_bronze,zones_silver,{SELECTION}")
        _require(list(run_months(definitions, instance, first, [MONTH.previous()])))
        spans = _spans()
        before = peak_megabytes()
        chosen = select(definitions, SELECTION)
        spans.take()
        started = time.perf_counter()
        outcome = list(run_months(definitions, instance, chosen, [MONTH]))
        seconds = time.perf_counter() - started
    _require(outcome)
    peak = peak_megabytes()
    warehouse = open_warehouse(settings, _models(settings))
    files = [
        warehouse.tables.published(_models(settings)[key].table, MONTH).files[0]
        for key in ("taxi_silver", "trips_gold")
    ]
    warehouse.close()
    rejected = sum(asset.rejected or 0 for asset in outcome[0].assets)
    answer = {"seconds": seconds, "peak": peak, "before": before, "spans": spans.take(), "rejected": rejected}
    return answer | _summary(*files)


def _models(settings: Any) -> Any:
    from lakehouse.bronze.contracts import CONTRACTS
    from lakehouse.models.reader import load_models

    return load_models(settings.sql, CONTRACTS)


def _require(outcomes: list[Any]) -> None:
    for outcome in outcomes:
        if not outcome.succeeded:
            raise RuntimeError(f"{outcome.month} failed: {'; '.join(outcome.failures)}")


def _spans() -> Spans:
    """Every part of a run that could cost something, under a name."""
    from dlt_sources import tlc
    from lakehouse.assets import bronze, sql_models
    from lakehouse.bronze.store import BronzeStore
    from lakehouse.models import dialect
    from lakehouse.warehouse.local import landed_file
    from lakehouse.warehouse.local import warehouse as duckdb_iceberg
    from lakehouse.warehouse.local.engine import DuckDbEngine
    from lakehouse.warehouse.local.tables import IcebergTables
    from lakehouse.warehouse.local.warehouse import DuckDbIcebergWarehouse

    spans = Spans()
    spans.wrap(tlc, "fetch_month", "bronze: copy, hash and verify")
    spans.wrap(bronze, "_land", "bronze: dlt")
    spans.wrap(BronzeStore, "adopt", "bronze: hash and move")
    spans.wrap(BronzeStore, "is_intact", "bronze: hash and move")
    spans.wrap(sql_models, "_lineage", "column lineage")
    spans.wrap(landed_file.LandedFile, "_check_values", "value scan")
    spans.wrap(landed_file.LandedFile, "require_intact", "hash of the landed file")
    spans.wrap(landed_file.LandedFile, "present", "views of the inputs")
    spans.wrap(DuckDbEngine, "__enter__", "open and close DuckDB")
    spans.wrap(DuckDbEngine, "__exit__", "open and close DuckDB")
    spans.wrap(DuckDbEngine, "parquet_view", "views of the inputs")
    spans.wrap(DuckDbEngine, "copy", _copied)
    spans.wrap(os, "fsync", "fsync")
    spans.wrap(DuckDbIcebergWarehouse, "_audit", "audit")
    spans.wrap(duckdb_iceberg, "hash_file", "hash of what was written")
    spans.wrap(IcebergTables, "publish", "Iceberg commits")
    spans.wrap(IcebergTables, "ensure", "Iceberg tables looked up")
    spans.wrap(IcebergTables, "published", "Iceberg tables looked up")
    spans.wrap(dialect, "render", "SQL rendered")
    return spans


def _copied(*call: Any) -> str:
    """Told apart by what is selected: silver alone has rejects, and reads bronze."""
    layer = "silver" if "bronze" in call[1] else "gold"
    return f"copy of {layer}'s {Path(call[-1]).name}"


def _summary(silver: Path, gold: Path) -> dict[str, Any]:
    """Rows, and hashes of their values that do not depend on their order: outside the measured time."""
    import duckdb

    names = ", ".join([*COLUMNS, "taxi_type", "is_reversal", "duration_seconds", "copies"])
    query = f"SELECT COUNT(*), SUM(copies - 1), SUM(hash({names}))::VARCHAR FROM read_parquet('{silver}')"
    with duckdb.connect() as db:
        rows, duplicates, values = db.execute(query).fetchall()[0]
        (sums,) = db.execute(f"SELECT SUM(hash(g))::VARCHAR FROM read_parquet('{gold}') AS g").fetchall()[0]
    megabytes = silver.stat().st_size / 1e6
    return {"rows": rows, "duplicates": int(duplicates), "values": f"{values} {sums}", "megabytes": megabytes}


def compare(source: Path, repetitions: int, threads: int, memory: str) -> None:
    """Both by turns, and what it comes to."""
    runs: dict[str, list[dict[str, Any]]] = {"house": [], "bare": []}
    for repetition in range(repetitions):
        for which in ("house", "bare") if repetition % 2 == 0 else ("bare", "house"):
            with tempfile.TemporaryDirectory(dir=source.parent, prefix=f"{which}-") as folder:
                wanted = [f"--as={which}", f"--source={source}", f"--folder={folder}", f"--threads={threads}"]
                runs[which].append(json.loads(child("bench.month", *wanted, f"--memory={memory}")))
            last = runs[which][-1]
            print(
                f"{repetition + 1}/{repetitions} {which:<6}{last['seconds']:7.2f} s  peak {last['peak']:5.0f} MB",
                flush=True,
            )
    ours, hand = runs["house"], runs["bare"]
    if len({(run["rows"], run["duplicates"], run["values"]) for run in ours + hand}) != 1:
        raise SystemExit("house and bare wrote different rows: the comparison would mean nothing")
    table: list[tuple[object, ...]] = [
        (str(i), a["seconds"], b["seconds"], a["seconds"] / b["seconds"], round(a["peak"]), round(b["peak"]))
        for i, (a, b) in enumerate(zip(ours, hand, strict=True), start=1)
    ]
    middles = [middle(run[key] for run in each) for key in ("seconds", "peak") for each in (ours, hand)]
    ratio = middle(a["seconds"] / b["seconds"] for a, b in zip(ours, hand, strict=True))
    table.append(("median", middles[0], middles[1], ratio, round(middles[2]), round(middles[3])))
    best = [min(run["seconds"] for run in each) for each in (ours, hand)]
    table.append(("best", *best, best[0] / best[1], "", ""))
    show("Yellow month, source to gold", ("", "house s", "bare s", "ratio", "house peak MB", "bare peak MB"), table)
    print(
        f"  {ours[0]['rows']:,} rows, {ours[0]['rejected']:,} rejected, {ours[0]['duplicates']:,} copies folded, "
        f"{ours[0]['megabytes']:.1f} MB of silver; resident before work: house "
        f"{middle(run['before'] for run in ours):.0f} MB, bare {middle(run['before'] for run in hand):.0f} MB"
    )
    total = middle(run["seconds"] for run in ours)
    parts = merged([run["spans"] for run in ours])
    rest = middle(run["seconds"] - sum(run["spans"].values()) for run in ours)
    rows = [(name, seconds, f"{seconds / total:.0%}") for name, seconds in parts.items() if seconds >= 0.005]
    rows.append(("Dagster and everything else", rest, f"{rest / total:.0%}"))
    show(f"Where house spends {total:.3f} s", ("part (median)", "s", "share"), rows)
    print("\n" + noise({name: [run["seconds"] for run in each] for name, each in runs.items()}))


def publish(source: Path, rows: int) -> None:
    """The source: a month of ``rows`` records, the month before it to warm up with, and zones; all generated."""
    prepare(source, ())
    write_month(month_file(source, tlc.YELLOW, MONTH.previous()), tlc.YELLOW, MONTH.previous(), rows=1000)
    # In a process of its own: a child's peak of memory begins at what its parent had used.
    child("bench.generate", f"--rows={rows}", f"--month={MONTH}", f"--out={month_file(source, tlc.YELLOW, MONTH)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.month", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--memory", default="800MB")
    parser.add_argument("--source", type=Path, help="a source folder made before, to use again")
    parser.add_argument("--as", dest="child", choices=("house", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measured = house if arguments.child == "house" else bare
        print(json.dumps(measured(arguments.source, arguments.folder, arguments.threads, arguments.memory)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-month-") as folder:
        source = (arguments.source or Path(folder) / "source").resolve()
        if not month_file(source, tlc.YELLOW, MONTH).exists():
            publish(source, arguments.rows)
        compare(source, arguments.repetitions, arguments.threads, arguments.memory)


if __name__ == "__main__":
    main()
