"""A generated month of yellow taxi trips of any size for the benchmarks: `lakehouse.sample.trips` as a command.

python -m bench.generate --rows 3000000 --month 2024-05 --out /tmp/yellow.parquet
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dlt_sources import tlc
from lakehouse.partition import Month
from lakehouse.sample.trips import write_month

ROWS = 3_000_000
"""About those of a real month."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--month", type=Month.parse, default=Month(2024, 5), help="YYYY-MM")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write")
    arguments = parser.parse_args()
    started = time.perf_counter()
    done = write_month(arguments.out, tlc.YELLOW, arguments.month, arguments.rows, arguments.seed)
    print(
        f"{done.path}: {done.rows:,} rows ({done.duplicates:,} duplicates, {done.outside:,} outside the month, "
        f"{done.backwards:,} drop-offs before pickup), {done.path.stat().st_size / 1e6:.1f} MB, "
        f"{time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    main()
