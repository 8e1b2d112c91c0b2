"""What our definitions add to the time Dagster and dlt need to be imported.

    python -m bench.load_time --repetitions 9

``bare`` imports dagster, dlt and dagster_dlt; ``ours`` imports lakehouse.definitions and builds the
definitions; ``help`` is the command ``lakehouse --help``. They take turns, each in a process of its own. Then
the modules that ours imports on top of bare, by the time of the package, and those it should not import at all.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from bench.measure import merged, middle, noise, show
from lakehouse.settings import PROJECT_ROOT

BARE = "import dagster, dlt, dagster_dlt"
OURS = (
    "from lakehouse.definitions import build_definitions; from lakehouse.settings import load_settings; "
    "build_definitions(load_settings())"
)
UNWANTED = ("pyiceberg", "duckdb", "pandas", "google.cloud", "pyarrow")

_IMPORTTIME = re.compile(r"import time:\s+(?P<own>\d+) \|\s+\d+ \| *(?P<name>\S+)")


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _own_seconds(code: str, environment: dict[str, str]) -> dict[str, float]:
    """Module → seconds of its own body, without what it imports."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    completed = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    return {found["name"]: int(found["own"]) / 1e6 for found in _IMPORTTIME.finditer(completed.stderr)}


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in ("lakehouse", "google") else parts[0]


def measure(repetitions: int, environment: dict[str, str]) -> None:
    commands = {
        "bare": [sys.executable, "-c", BARE],
        "ours": [sys.executable, "-c", OURS],
        "help": [str(Path(sys.executable).parent / "lakehouse"), "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():  # once for the caches of bytecode and disk
        _seconds(command, environment)
    for _ in range(repetitions):
        for name, command in commands.items():
            seconds[name].append(_seconds(command, environment))
    rows = [
        (
            name,
            middle(each),
            min(each),
            middle(one / bare for one, bare in zip(each, seconds["bare"], strict=True)),
        )
        for name, each in seconds.items()
    ]
    show("Load time", ("", "median s", "best s", "ratio to bare"), rows)
    print("  " + noise(seconds))


def explain(repetitions: int, environment: dict[str, str], modules: int) -> None:
    bare: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    for _ in range(repetitions):
        bare.append(_own_seconds(BARE, environment))
        ours.append(_own_seconds(OURS, environment))
    known = set(bare[0])
    added = {name: seconds for name, seconds in merged(ours).items() if name not in known}
    packages: dict[str, float] = defaultdict(float)
    for name, own in added.items():
        packages[_package(name)] += own
    heaviest = sorted(packages.items(), key=lambda item: -item[1])[:modules]
    title = f"Imported on top of bare: {len(added)} modules, {sum(added.values()):.3f} s (importtime, own time)"
    show(title, ("package", "s"), heaviest)
    show("Heaviest modules on top of bare", ("module", "s"), list(added.items())[:modules])
    rows = []
    for package in UNWANTED:
        of_ours = [name for name in ours[0] if name == package or name.startswith(f"{package}.")]
        of_bare = [name for name in bare[0] if name == package or name.startswith(f"{package}.")]
        rows.append((package, len(of_ours), len(of_bare), "AVOID" if of_ours and not of_bare else ""))
    show("Modules of packages that definitions should not need", ("package", "ours", "bare", ""), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load_time", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--modules", type=int, default=15, help="how many of the heaviest to list")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_"))}
        environment = {**kept, "LAKEHOUSE_HOME": f"{folder}/home", "DAGSTER_HOME": folder}
        measure(arguments.repetitions, environment)
        explain(3, environment, arguments.modules)


if __name__ == "__main__":
    main()
