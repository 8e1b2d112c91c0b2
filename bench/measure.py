"""What the benchmarks share: seconds spent in named calls, children with a peak of memory, small tables."""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from lakehouse.settings import PROJECT_ROOT

NOISY_SPREAD = 1.25
"""Slowest over fastest repetition from which a table says that the machine was busy."""


class Spans:
    """Seconds in wrapped calls, each without the wrapped calls inside it, so that they add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def wrap(self, owner: Any, name: str, label: str | Callable[..., str]) -> None:
        """Time every call of ``owner.name``; a callable label is given the call's arguments."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            started = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                elapsed = time.perf_counter() - started
                self.seconds[label if isinstance(label, str) else label(*args)] += elapsed - self._inner.pop()
                if self._inner:
                    self._inner[-1] += elapsed

        setattr(owner, name, timed)

    def take(self) -> dict[str, float]:
        """What was counted so far; counting starts anew."""
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken


def unwatched(_: object, __: object) -> None:
    """Nobody looks at how a run goes on."""


def peak_megabytes() -> float:
    """Peak of this process's resident memory since it started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(module: str, *arguments: str) -> str:
    """Run ``python -m module`` without our settings in its environment; returns the last line it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_"))}
    completed = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT_ROOT,
        env=kept,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return completed.stdout.splitlines()[-1]


def middle(values: Iterable[float]) -> float:
    return float(median(values))


def merged(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median of each label over repetitions (absent is zero), the largest first."""
    labels = {label for part in parts for label in part}
    medians = {label: middle(part.get(label, 0.0) for part in parts) for label in labels}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    print(f"\n{title}")
    for row in [list(header), *cells]:
        first, *rest = row
        print("  " + "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def noise(named: Mapping[str, Sequence[float]]) -> str:
    """How far repetitions lie apart, in words."""
    spreads = {name: max(seconds) / min(seconds) for name, seconds in named.items()}
    words = ", ".join(f"{name} {spread:.2f}" for name, spread in spreads.items())
    load = os.getloadavg()[0]
    verdict = "NOISY: trust the ratios only" if max(spreads.values()) > NOISY_SPREAD else "quiet"
    return f"slowest/fastest: {words}; load average {load:.1f} on {os.cpu_count()} cores; {verdict}"


def take_samples_for_real() -> None:
    """Let a home of real data take generated months: one of samples would fetch from the sample server alone."""
    from dlt_sources import tlc, verify

    for module in (tlc, verify):
        vars(module)["SAMPLE_MARK"] = "marked in no file"
