"""The answer of ``lakehouse status`` on a terminal, or as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click

from lakehouse.cli.output import write_lines
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import Settings
from lakehouse.warehouse.status import Entry, State, Status

_MARKS = {State.CURRENT: "", State.STALE: " stale", State.MISSING: "missing", State.NOTHING: "-"}


def write(status: Status, settings: Settings, style: str) -> None:
    """Write a status to standard output as ``table`` or ``json``."""
    if style == "json":
        click.echo(json.dumps({**_facts(settings), "assets": status.as_rows()}, indent=2))
        return
    click.echo(f"{settings.profile} profile, {'SAMPLE DATA, ' if settings.sample else ''}home {settings.home}")
    _write_months(status)
    _write_tables(status)
    _write_gaps(status)


def _facts(settings: Settings) -> dict[str, object]:
    return {"profile": settings.profile, "sample": settings.sample, "home": str(settings.home)}


def _write_months(status: Status) -> None:
    """A line for each month that has anything, a column for each monthly table: its rows."""
    monthly = [asset for asset in status.assets if status.of(asset)[0].partition is not WHOLE]
    tables = {asset: {entry.partition: entry for entry in status.of(asset)} for asset in monthly}
    months = sorted({e.partition for rows in tables.values() for e in rows.values() if isinstance(e.partition, Month)})
    held = [month for month in months if any(_is_there(rows.get(month)) for rows in tables.values())]
    if held:
        lines = [[str(month), *(_cell(rows.get(month)) for rows in tables.values())] for month in held]
        write_lines([("month", False), *((asset, True) for asset in monthly)], lines)


def _write_tables(status: Status) -> None:
    """A line for each asset: how much there is of it, what made it so, and when."""
    lines = []
    for asset in status.assets:
        entries = [entry for entry in status.of(asset) if _is_there(entry)]
        if not entries:
            continue
        newest = max(entries, key=lambda entry: entry.published_at or datetime.min.replace(tzinfo=UTC))
        is_monthly = newest.partition is not WHOLE
        lines.append(
            [
                entries[0].table,
                f"{sum(entry.rows or 0 for entry in entries):,}",
                str(len(entries)) if is_monthly else "",
                f"{sum(entry.bytes or 0 for entry in entries) / 1e6:,.1f} MB",
                newest.version or "",
                f"{newest.published_at:%Y-%m-%d %H:%M} UTC" if newest.published_at else "",
                f"{wanting} stale" if (wanting := sum(e.state == State.STALE for e in entries)) else "",
            ]
        )
    if lines:
        numbers, texts = ("rows", "months", "size"), ("landing or snapshot", "published", "")
        columns = [("table", False), *((name, True) for name in numbers), *((name, False) for name in texts)]
        write_lines(columns, lines)


def _write_gaps(status: Status) -> None:
    for asset, gaps in status.gaps.items():
        if gaps:
            spans = (str(first) if first == last else f"{first} to {last}" for first, last in _ranges(gaps))
            click.echo(f"never landed  {asset:<13} {', '.join(spans)}")
    wanting = status.wanting
    if wanting:
        click.echo(f"{len(wanting)} stale or missing; what mends it:")
        months = {entry.partition for entry in wanting if isinstance(entry.partition, Month)}
        for options in [f" --from {first} --to {last}" for first, last in _ranges(months)] or [""]:
            click.echo(f"  lakehouse run{options}")
    elif any(_is_there(entry) for entry in status.entries):
        click.echo("everything that was landed is in its tables")
    else:
        click.echo("nothing there yet: lakehouse run, or lakehouse demo for a look at sample data")


def _is_there(entry: Entry | None) -> bool:
    return entry is not None and entry.state != State.NOTHING


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return ""
    rows = "" if entry.rows is None else f"{entry.rows:,}"
    return f"{rows}{_MARKS[entry.state]}"


def _ranges(months: Iterable[Month]) -> Iterator[tuple[Month, Month]]:
    """First and last of months that follow each other."""
    ordered = sorted(months)
    start = 0
    for position, month in enumerate(ordered, start=1):
        if position == len(ordered) or ordered[position] != month.next():
            yield ordered[start], month
            start = position
