"""The answer of ``lakehouse status`` on a terminal, or as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lakehouse.cli.blocks import WIDEST, TextColumn, wrapped, write_blocks
from lakehouse.cli.month_ranges import ranges, spans
from lakehouse.cli.remarks import lines_of
from lakehouse.cli.runs_output import RunsStatus, RunsUnreadable, checks_as_plain, runs_as_plain, write_runs
from lakehouse.gcp.place import place_of
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import Settings
from lakehouse.warehouse.status import Entry, State, Status

if TYPE_CHECKING:
    from lakehouse.automation.check_history import CheckOutcome

_MARKS = {
    State.CURRENT: "",
    State.STALE: " stale",
    State.MISSING: "missing",
    State.NOTHING: "-",
    State.DAMAGED: "damaged",
}


def write(
    status: Status,
    settings: Settings,
    style: str,
    runs: RunsStatus | RunsUnreadable | None = None,
    checks: Sequence[CheckOutcome] | None = None,
) -> None:
    """Write a status to standard output as ``table`` or ``json``.

    A table is as wide as a terminal at most, but for the path of the home.
    """
    if style == "json":
        told = {} if checks is None else {"checks": checks_as_plain(checks)}
        remarks = [{"table": r.table, "month": r.partition.key, "remark": r.text} for r in status.remarks]
        states = {"assets": status.as_rows(), "remarks": remarks, "damage": list(status.damage)}
        found = {**_facts(settings), **states, **runs_as_plain(runs), **told}
        click.echo(json.dumps(found, indent=2))
        return
    profile = f"{settings.profile} profile, {'SAMPLE DATA, ' if settings.sample else ''}home"
    if settings.profile == "gcp":
        click.echo(place_of(settings).words)
    separator = " " if len(f"{profile} {settings.home}") <= WIDEST else "\n"
    click.echo(f"{profile}{separator}{settings.home}")
    _write_months(status)
    _write_tables(status)
    for line in (*lines_of(status.remarks), *status.damage):
        click.echo(line)
    _write_gaps(status)
    if runs is not None:
        write_runs(runs)


def _facts(settings: Settings) -> dict[str, object]:
    facts: dict[str, object] = {
        "profile": settings.profile,
        "sample": settings.sample,
        "home": str(settings.home),
    }
    if settings.profile == "gcp":
        facts["place"] = place_of(settings).words
    return facts


def _write_months(status: Status) -> None:
    """A line for each month that has anything, a column for each monthly table: its rows. A layer stays together."""
    monthly = [asset for asset in status.assets if status.of(asset)[0].partition is not WHOLE]
    tables = {asset: {entry.partition: entry for entry in status.of(asset)} for asset in monthly}
    months = sorted({e.partition for rows in tables.values() for e in rows.values() if isinstance(e.partition, Month)})
    held = [month for month in months if any(_is_there(rows.get(month)) for rows in tables.values())]
    layers: dict[str, list[TextColumn]] = {}
    for asset, rows in tables.items():
        layer = status.of(asset)[0].table.partition(".")[0]
        cells = tuple(_cell(rows.get(month)) for month in held)
        layers.setdefault(layer, []).append(TextColumn(asset, cells, is_numeric=True))
    if held:
        write_blocks(TextColumn("month", tuple(map(str, held))), list(layers.values()))


def _write_tables(status: Status) -> None:
    """A line for each asset: how much there is of it and in what state, and below what made it so, and when."""
    held = {asset: [entry for entry in status.of(asset) if _is_there(entry)] for asset in status.assets}
    tables = [entries for entries in held.values() if entries]
    if not tables:
        return
    newest = [max(entries, key=lambda e: e.published_at or datetime.min.replace(tzinfo=UTC)) for entries in tables]
    stale = tuple(_count_stale(entries) for entries in tables)
    amounts = [
        _column("rows", (f"{sum(e.rows or 0 for e in entries):,}" for entries in tables), is_numeric=True),
        _column("months", ("" if e[0].partition is WHOLE else str(len(e)) for e in tables), is_numeric=True),
        _column("MB", (f"{sum(e.bytes or 0 for e in entries) / 1e6:,.1f}" for entries in tables), is_numeric=True),
        *([TextColumn("", stale)] if any(stale) else []),
    ]
    versions = [
        _column("landing or snapshot", (entry.version or "" for entry in newest)),
        _column("published", (f"{e.published_at:%Y-%m-%d %H:%M} UTC" if e.published_at else "" for e in newest)),
    ]
    write_blocks(_column("table", (entries[0].table for entries in tables)), [amounts, versions])
    click.echo()


def _column(heading: str, cells: Iterable[str], *, is_numeric: bool = False) -> TextColumn:
    return TextColumn(heading, tuple(cells), is_numeric)


def _count_stale(entries: Iterable[Entry]) -> str:
    count = sum(entry.state == State.STALE for entry in entries)
    return f"{count} stale" if count else ""


def _write_gaps(status: Status) -> None:
    for asset, gaps in status.gaps.items():
        if gaps:
            begin = f"never landed  {asset:<13} "
            no_break = spans(gaps).replace(" to ", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}")  # each span stays whole
            click.echo(wrapped(begin, no_break).replace("\N{NO-BREAK SPACE}", " "))
    wanting = status.wanting
    if wanting:
        first_of_all = ", once what is damaged can be read again" if status.damage else ""
        click.echo(f"{_counted(wanting)}; what mends it{first_of_all}:")
        months = {entry.partition for entry in wanting if isinstance(entry.partition, Month)}
        for options in [f" --from {first} --to {last}" for first, last in ranges(months)] or [""]:
            click.echo(f"  lakehouse run{options}")
    elif status.remarks or status.damage:
        pass  # which say what is wrong
    elif any(_is_there(entry) for entry in status.entries):
        click.echo("everything that was landed is in its tables")
    else:
        click.echo("nothing there yet: lakehouse run, or lakehouse demo for a look at sample data")


def _counted(wanting: Iterable[Entry]) -> str:
    states = [entry.state for entry in wanting]
    stale, missing = states.count(State.STALE), states.count(State.MISSING)
    parts = [f"{stale} stale (the version before still stands)"] if stale else []
    return " and ".join([*parts, *([f"{missing} missing"] if missing else [])])


def _is_there(entry: Entry | None) -> bool:
    return entry is not None and entry.state not in (State.NOTHING, State.DAMAGED)


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return ""
    rows = "" if entry.rows is None else f"{entry.rows:,}"
    return f"{rows}{_MARKS[entry.state]}"
