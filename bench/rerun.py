"""What a month costs that is already there: ``lakehouse run`` over months that nothing has changed.

    python -m bench.rerun --months 5 --rows 60000

Small generated months of yellow trips are landed and published once, up to ``trips_gold``; then all are run again,
through ``run_months`` in one process as the command does it. The first rerun carries what is imported
and built only once and is not counted. Beside it, by turns: the same number of Dagster runs of as many assets that
do nothing, which is the floor. Then where the time of a rerun goes, by wrapped calls, and what cProfile sees.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from bench.measure import Spans, merged, middle, noise, show, take_samples_for_real, unwatched
from dlt_sources import tlc
from lakehouse.cli.interruption import Interruption
from lakehouse.cli.runs import run_months
from lakehouse.cli.selection import Selection, months_to_run, select
from lakehouse.definitions import build_definitions
from lakehouse.partition import WHOLE, Month, Partition, month_range
from lakehouse.sample.source import ROWS as SAMPLE_ROWS
from lakehouse.sample.source import month_file, prepare
from lakehouse.sample.trips import write_month
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings, point_dlt_at_project

FIRST = Month(2024, 1)
CHAIN = ("taxi_bronze", "taxi_silver", "trips_gold")
BEFORE = ("infrastructure", "zones_bronze", "zones_silver")
"""What a range of months runs once."""


def _project(folder: Path, months: Sequence[Month], rows: int) -> Settings:
    prepare(folder / "source", (), SAMPLE_ROWS)
    for month in months:
        write_month(month_file(folder / "source", tlc.YELLOW, month), tlc.YELLOW, month, rows)
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    take_samples_for_real()
    return load_settings(
        home=folder / "home",
        dagster_home=dagster_home,
        addresses={"tlc": f"file://{folder / 'source'}"},
        first_month=FIRST,
    )


def _floor_definitions() -> dg.Definitions:
    """As many assets as ours, in the same order and partitions, that do nothing."""

    def asset(name: str, deps: list[str]) -> dg.AssetsDefinition:
        @dg.asset(
            name=name,
            deps=deps,
            partitions_def=dg.MonthlyPartitionsDefinition(str(FIRST), fmt="%Y-%m", end_offset=-1),
        )
        def nothing() -> None:
            return None

        return nothing

    assets = [asset(name, list(CHAIN[max(0, i - 1) : i])) for i, name in enumerate(CHAIN)]
    return dg.Definitions(assets=assets, executor=dg.in_process_executor)


def _spans() -> Spans:
    from dlt_sources import tlc
    from lakehouse.assets import bronze as bronze_asset
    from lakehouse.assets import sql_models
    from lakehouse.bronze.local import LocalBronzeStore
    from lakehouse.warehouse.warehouse import StoreWarehouse

    spans = Spans()
    spans.wrap(StoreWarehouse, "prepare", "infrastructure: prepare")
    spans.wrap(StoreWarehouse, "replace", lambda *call: f"replace {call[1].key}")
    spans.wrap(sql_models, "_lineage", "lineage")
    spans.wrap(tlc, "fetch_month", "bronze: fetch")
    spans.wrap(bronze_asset, "_load", "bronze: dlt")
    spans.wrap(bronze_asset, "_materialized", "bronze: footer and metadata")
    for method in ("sweep", "current", "is_intact", "adopt", "record"):
        spans.wrap(LocalBronzeStore, method, "bronze: store (records, hashes)")
    return spans


def _run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, selection: Selection, months: Sequence[Partition]
) -> list[float]:
    """Seconds of each month."""
    seconds = []
    started = time.perf_counter()
    for outcome in run_months(definitions, instance, selection, months, unwatched, Interruption()):
        seconds.append(time.perf_counter() - started)
        if not outcome.succeeded:
            raise SystemExit(f"{outcome.partition} failed: {'; '.join(outcome.failures)}")
        started = time.perf_counter()
    return seconds


def measure(folder: Path, count: int, rows: int, repetitions: int, lines: int) -> None:
    months = list(month_range(FIRST, Month(FIRST.year + (count - 1) // 12, 1 + (count - 1) % 12)))
    settings = _project(folder, months, rows)
    point_dlt_at_project()
    ours, floor = build_definitions(settings), _floor_definitions()
    spans = _spans()
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        both = {name: (each, select(each, ",".join(CHAIN))) for name, each in (("ours", ours), ("floor", floor))}
        wanted = months_to_run(both["ours"][1], months[0], months[-1])
        _run(ours, instance, select(ours, ",".join(BEFORE)), [WHOLE])
        first = _run(ours, instance, both["ours"][1], wanted)
        _run(floor, instance, both["floor"][1], wanted[:1])
        seconds: dict[str, list[float]] = {"ours": [], "floor": []}
        parts: list[dict[str, float]] = []
        for _ in range(repetitions):
            for name, (definitions, selection) in both.items():
                spans.take()
                each = _run(definitions, instance, selection, wanted)
                seconds[name].extend(each)
                if name == "ours":
                    parts.append({label: total / count for label, total in spans.take().items()})
        profile = cProfile.Profile()
        profile.enable()
        _run(ours, instance, both["ours"][1], wanted)
        profile.disable()
    _report(first, seconds, parts, rows)
    _show_profile(profile, count, lines)


def _report(
    first: Sequence[float], seconds: dict[str, list[float]], parts: Sequence[dict[str, float]], rows: int
) -> None:
    table = [("first time (computed)", middle(first[1:] or first), min(first))]
    table += [(f"{name}, again", middle(each), min(each)) for name, each in seconds.items()]
    show(f"Seconds a month of {rows:,} rows", ("", "median s", "best s"), table)
    print("  first month of all, with what happens once: " + f"{first[0]:.3f} s")
    total = middle(seconds["ours"])
    spent = merged(parts)
    dagster = ("Dagster and everything else", total - sum(spent.values()))
    rows_ = [(name, own, f"{own / total:.0%}") for name, own in [*spent.items(), dagster]]
    show("Where a rerun's month goes (exclusive)", ("part", "s", "share"), rows_)
    print("  " + noise(seconds))


def _show_profile(profile: cProfile.Profile, count: int, lines: int) -> None:
    statistics: Any = pstats.Stats(profile)
    by_cumulative = sorted(statistics.stats.items(), key=lambda item: -item[1][3])
    interesting = [
        (f"{'/'.join(Path(file).parts[-2:])}:{line} {name}", calls / count, own / count, cumulative / count)
        for (file, line, name), (_, calls, own, cumulative, _) in by_cumulative
    ]
    header = ("function", "calls", "own s", "with callees s")
    show("cProfile, a month: by own time", header, sorted(interesting, key=lambda row: -row[2])[:lines])
    show("cProfile, a month: by time with callees", header, interesting[: lines * 3])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rerun", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--months", type=int, default=5)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--lines", type=int, default=15, help="how many lines of the profile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-rerun-") as folder:
        measure(Path(folder).resolve(), arguments.months, arguments.rows, arguments.repetitions, arguments.lines)


if __name__ == "__main__":
    main()
