"""How a range of months is shown while it runs: a line for each asset when it is done, one for each month."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.cli.broken_pipe import say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from lakehouse.cli.outcomes import AssetOutcome, RunOutcome, Step
    from lakehouse.partition import Partition

_INDENT = " " * 9


class Progress:
    """Writes lines to standard output, reasons of failures to standard error.

    On a terminal a last line says what is going on and is wiped when it is over; elsewhere there is none.
    """

    def __init__(self, months: Sequence[Partition]) -> None:
        self._months = list(months)
        self._started = time.perf_counter()
        self._status: Status | None = None
        self._console: Console | None = None

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Show what is going on for as long as this is entered."""
        from rich.console import Console

        self._console = Console(highlight=False)
        with self._console.status("starting", spinner="dots") as self._status:
            yield self

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._started

    def watch(self, partition: Partition, step: Step) -> None:
        """Told of each asset as a run comes to it and is done with it."""
        from lakehouse.cli.outcomes import AssetFailure, AssetOutcome

        if isinstance(step, AssetOutcome):
            self._say(asset_line(step))
        elif isinstance(step, AssetFailure):
            self._say(f"{_INDENT}{step.key:<16}    FAILED")
        elif self._status is not None:
            self._status.update(f"{self.place(partition)}  {step.key}")

    def place(self, partition: Partition) -> str:
        """Where in the range a month stands, and how long the rest takes if it is like what is done."""
        done, all_ = self._months.index(partition), len(self._months)
        name = partition.key or "run"
        return f"{name} ({done + 1} of {all_}{self._left(done)})" if all_ > 1 else name

    def finish(self, outcome: RunOutcome) -> None:
        """Sum up a month."""
        facts = [
            f"{outcome.partition.key or 'run':<7}",
            f"{'ok' if outcome.succeeded else 'FAILED':<6} {outcome.seconds:6.2f} s",
            f"run {outcome.run_id[:8]}",
        ]
        if outcome.waits_for and outcome.succeeded:
            facts.append(f"made of what is published, waiting for {', '.join(outcome.waits_for)}")
        self._say("  ".join(facts))
        for failure in outcome.failures:
            self._say(f"{_INDENT}{failure}", err=True)

    def _say(self, line: str, *, err: bool = False) -> None:
        """Write a line; on a terminal above the last one, which only its own console knows how to move."""
        if self._console is not None and self._console.is_terminal and (not err or sys.stderr.isatty()):
            from rich.text import Text

            self._console.print(Text(line), soft_wrap=True)
        else:
            say(line, err=err)

    def _left(self, done: int) -> str:
        if not done:
            return ""
        seconds = self.seconds / done * (len(self._months) - done)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"


def summary(outcomes: Sequence[RunOutcome]) -> str:
    """The last line: how many months, or runs without one, came out how."""
    from lakehouse.cli.outcomes import Outcome

    of_months = all(outcome.partition.key for outcome in outcomes)
    noun = f"{'month' if of_months else 'run'}{'' if len(outcomes) == 1 else 's'}"
    counts = (f"{sum(outcome.outcome is each for outcome in outcomes)} {each}" for each in Outcome)
    return f"{len(outcomes)} {noun}: {', '.join(counts)}"


def asset_line(asset: AssetOutcome) -> str:
    """What became of one asset, as one line."""
    facts = [f"{asset.seconds:6.2f} s"]
    if asset.rows is not None:
        facts.append(f"{asset.rows:>12,} rows")
    if asset.rejected:
        facts.append(f"{asset.rejected:,} rejected")
    if asset.duplicates:
        facts.append(f"{asset.duplicates:,} duplicate{'s' if asset.duplicates > 1 else ''}")
    if asset.unchanged:
        facts.append("unchanged")
    if asset.note is not None:
        facts.append(asset.note)
    if rate := asset.rows_a_second:
        facts.append(f"{rate:,.0f} rows/s")
    if asset.warnings:
        facts.append(f"warnings: {', '.join(asset.warnings)}")
    return f"{_INDENT}{asset.key:<16} {'  '.join(facts)}"
