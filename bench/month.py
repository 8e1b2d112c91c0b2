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
from bench.measure import Spans, child, merged, middle, noise, peak_megabytes, show, take_samples_for_real, unwatched
from dlt_sources import tlc
from lakehouse.cli.interruption import Interruption
from lakehouse.partition import Month
from lakehouse.sample.source import ROWS as SAMPLE_ROWS
from lakehouse.sample.source import month_file, prepare
from lakehouse.sample.trips import write_month
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings, point_dlt_at_project

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
    from lakehouse.cli.instance import open_instance
    from lakehouse.cli.runs import run_months
    from lakehouse.cli.selection import select
    from lakehouse.definitions import build_definitions

    dagster = home / "dagster"
    dagster.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", dagster)
    settings = load_settings(
        home=home / "data",
        dagster_home=dagster,
        addresses={"tlc": f"file://{source}"},
        threads=threads,
        memory_limit=memory,
        first_month=MONTH.previous(),
    )
    take_samples_for_real()
    point_dlt_at_project()
    definitions = build_definitions(settings)
    with open_instance(settings) as instance:
        first = select(definitions, f"infrastructure,zones_bronze,zones_silver,{SELECTION}")
        _require(list(run_months(definitions, instance, first, [MONTH.previous()], unwatched, Interruption())))
        spans = _spans()
        before = peak_megabytes()
        chosen = select(definitions, SELECTION)
        spans.take()
        started = time.perf_counter()
        outcome = list(run_months(definitions, instance, chosen, [MONTH], unwatched, Interruption()))
        seconds = time.perf_counter() - started
    _require(outcome)
    peak = peak_megabytes()
    files = _published(settings)
    rejected = sum(asset.rejected or 0 for asset in outcome[0].assets)
    answer = {"seconds": seconds, "peak": peak, "before": before, "spans": spans.take(), "rejected": rejected}
    return answer | _summary(*files)


def _published(settings: Settings) -> list[Path]:
    """The files of the month, of silver and of gold."""
    from lakehouse.warehouse.local.records import IcebergRecords
    from lakehouse.warehouse.local.tables import IcebergTables
    from lakehouse.warehouse.profile import open_project

    models, tables = open_project(settings).models, IcebergTables(settings.home, of_samples=settings.sample)
    records = IcebergRecords(tables)
    files = [file for key in ("taxi_silver", "trips_gold") for file in records.paths(models[key].table, MONTH)]
    tables.close()
    return files


def _require(outcomes: list[Any]) -> None:
    for outcome in outcomes:
        if not outcome.succeeded:
            raise RuntimeError(f"{outcome.partition} failed: {'; '.join(outcome.failures)}")


def _spans() -> Spans:
    """What the time goes to, by calls that do just that."""
    import os

    from lakehouse.assets import bronze, sql_models
    from lakehouse.bronze.connection import Connection
    from lakehouse.bronze.local import LocalBronzeStore
    from lakehouse.models import dialect
    from lakehouse.warehouse import inputs
    from lakehouse.warehouse.landed_input import LandedInput
    from lakehouse.warehouse.local import commits, session, store
    from lakehouse.warehouse.local.records import IcebergRecords
    from lakehouse.warehouse.local.session import LocalSession
    from lakehouse.warehouse.replacement import Replacement

    spans = Spans()
    spans.wrap(Connection, "fetch", "bronze: copy, hash and verify")
    spans.wrap(bronze, "_load", "bronze: dlt")
    spans.wrap(LocalBronzeStore, "adopt", "bronze: hash and move")
    spans.wrap(LocalBronzeStore, "is_intact", "hash of the landed file")
    spans.wrap(sql_models, "_lineage", "column lineage")
    spans.wrap(LandedInput, "_values", "value scan")
    spans.wrap(inputs.Inputs, "relate", "views of the inputs")
    spans.wrap(store, "connect", "open DuckDB")
    spans.wrap(LocalSession, "stage", lambda *call: f"copy of {call[2].name}")
    spans.wrap(os, "fsync", "fsync")
    spans.wrap(Replacement, "_audit", "audit")
    spans.wrap(session, "content_hash", "hash of what was written")
    spans.wrap(commits, "publish", "Iceberg commits")
    spans.wrap(IcebergRecords, "_state", "Iceberg tables looked up")
    spans.wrap(dialect, "render", "SQL rendered")
    return spans


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
    prepare(source, (), SAMPLE_ROWS)
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
