"""What ``lakehouse status`` says of runs, of months that failed, and of the checks of each month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lakehouse.cli.blocks import TextColumn, wrapped, write_blocks
from lakehouse.partition import Month

if TYPE_CHECKING:
    from lakehouse.automation.check_history import CheckOutcome
    from lakehouse.automation.queue import RunAtHand, RunsAtHand


@dataclass(frozen=True)
class RunsStatus:
    """Runs that are not over, and months of each asset whose newest run failed."""

    runs: RunsAtHand
    red: Mapping[str, tuple[Month, ...]]


@dataclass(frozen=True)
class RunsUnreadable:
    """Why nobody can tell what runs are doing: tables can be told of all the same."""

    why: str


def write_runs(found: RunsStatus | RunsUnreadable) -> None:
    """A line for each run under way or dead, why others wait, and which months failed."""
    if isinstance(found, RunsUnreadable):
        _say("runs", f"cannot be told of: {found.why}")
        return
    for run in found.runs.under_way:
        _say("under way", str(run))
    if found.runs.why_waiting is not None:
        _say("waiting", found.runs.why_waiting)
    for run in found.runs.dead:
        _say("dead", f"{run}: its process is gone; the daemon, or the next lakehouse run, tells Dagster so")
    for months, assets in _together(found.red).items():
        spans = ", ".join(map(str, months))
        _say("failed last", f"{', '.join(assets)} of {spans}; the version before still stands, where there is one")


def runs_as_plain(found: RunsStatus | RunsUnreadable | None) -> dict[str, object]:
    """The same for a program; null is what nobody can tell."""
    if isinstance(found, RunsUnreadable):
        return {"runs": None, "failed": None, "unreadable": found.why}
    if found is None:
        return {"runs": {"under_way": [], "waiting": [], "dead": []}, "failed": []}
    return {
        "runs": {
            name: [_plain(run) for run in runs]
            for name, runs in (
                ("under_way", found.runs.under_way),
                ("waiting", found.runs.waiting),
                ("dead", found.runs.dead),
            )
        },
        "failed": [{"asset": asset, "month": str(month)} for asset, months in found.red.items() for month in months],
    }


def write_checks(outcomes: Iterable[CheckOutcome]) -> None:
    """A line for each asset and month: how many checks passed, and below each that did not, what it says."""
    held = list(outcomes)
    for asset in dict.fromkeys(each.asset for each in held):
        of_asset = [each for each in held if each.asset == asset]
        partitions = sorted({each.partition for each in of_asset}, key=str)
        lines = [(each, [one for one in of_asset if one.partition == each]) for each in partitions]
        click.echo(asset)
        write_blocks(
            TextColumn("", tuple(partition.key or "all" for partition, _ in lines)),
            [[_counted(state, lines) for state in ("passed", "warned", "failed")]],
        )
        for partition, results in lines:
            if names := [each.check for each in results if not each.passed]:
                _say(partition.key or "all", ", ".join(names))
        click.echo()
    if not held:
        click.echo("no check was ever evaluated")


def checks_as_plain(outcomes: Iterable[CheckOutcome]) -> list[dict[str, object]]:
    """The same for a program, with what each result says."""
    return [
        {
            "asset": each.asset,
            "check": each.check,
            "month": each.partition.key,
            "state": each.state,
            "description": each.description,
        }
        for each in outcomes
    ]


def _counted(state: str, lines: Sequence[tuple[object, Sequence[CheckOutcome]]]) -> TextColumn:
    counts = (sum(each.state == state for each in results) for _, results in lines)
    return TextColumn(state, tuple(str(count) if count else "-" for count in counts), is_numeric=True)


def _plain(run: RunAtHand) -> dict[str, object]:
    return {
        "run": run.run_id,
        "month": run.partition,
        "requested_by": run.requested_by,
        "since": run.since.isoformat(),
    }


def _together(red: Mapping[str, tuple[Month, ...]]) -> Mapping[tuple[Month, ...], list[str]]:
    """Assets that failed for the same months."""
    found: dict[tuple[Month, ...], list[str]] = {}
    for asset, months in red.items():
        found.setdefault(months, []).append(asset)
    return found


def _say(what: str, words: str) -> None:
    click.echo(wrapped(f"{what:<13} ", words))
