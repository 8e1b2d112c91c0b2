"""``lakehouse diff``: what a restatement changes in a table, record by record, and in gold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import write, write_lines
from lakehouse.exceptions import NotLanded, UnknownLanding
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.warehouse.restatement import columns_in_words, in_words, rows_in_words

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.bronze.store import Landing
    from lakehouse.models.model import SqlModel
    from lakehouse.results import Consequence, Difference, Restatement
    from lakehouse.settings import Settings
    from lakehouse.warehouse.profile import Project

_PREFIX = 12
"""Digits of a hash that are listed."""


def show_difference(
    settings: Settings, month: Month | None, selection: str | None, names: Sequence[str], rows_style: str | None
) -> None:
    """Write what differs in each selected table, its records too if ``rows_style`` says how.

    Raises:
        UnknownAsset, UnknownLanding: what is to be compared is not there.
        NotLanded: there is nothing to compare in any of them.
    """
    from lakehouse.warehouse.profile import open_project

    project = open_project(settings)
    models = _selected(project, month, selection)
    is_aside = rows_style in ("csv", "json")
    if names and len(models) != 1:
        raise UnknownLanding("--landing is of one table: say which with --select, for example --select green_silver")
    if is_aside and len(models) != 1:
        raise click.UsageError(f"--format {rows_style} is of one table: say which with --select")
    if len(names) > 2:
        raise UnknownLanding("--landing is given once, or twice: what was landed before, and after")
    nothing = []
    for model in models:
        partition = month if month is not None and model.is_partitioned else WHOLE
        landings = [_landing(project, model, partition, name) for name in names]
        rows: list[pa.Table] = []
        try:
            found = project.warehouse.compare(model, partition, landings, rows.append if rows_style else None)
        except NotLanded as error:
            if selection is not None:
                raise
            nothing.append(str(error))
            continue
        with redirect_stdout(sys.stderr if is_aside else sys.stdout):
            _write_summary(partition.of(model.key), _compared(landings), found)
        for table in rows:
            write(table, rows_style or "table")
    if nothing and len(nothing) == len(models):
        what = "what comes whole" if month is None else str(month)
        raise NotLanded(f"diff: nothing of {what} is both landed and published, so there is nothing to compare")
    for line in nothing:
        click.echo(line, err=True)


def list_landings(settings: Settings, month: Month | None, selection: str | None) -> None:
    """Write what was landed for each selected table, the newest first.

    Raises:
        UnknownAsset: there is no such table.
    """
    from lakehouse.warehouse.profile import open_project

    project = open_project(settings)
    lines = []
    for model in _selected(project, month, selection):
        partition = month if month is not None and model.is_partitioned else WHOLE
        for place, landing in enumerate(_history(project, model, partition)):
            when = f"{landing.observed_at:%Y-%m-%d %H:%M:%S}"
            current = "" if place else "current"
            lines.append(
                (model.key, landing.sha256[:_PREFIX], when, f"{landing.rows:,}", f"{landing.bytes:,}", current)
            )
    columns = [("asset", False), ("landing", False), ("landed, UTC", False), ("rows", True), ("bytes", True)]
    write_lines([*columns, ("", False)], lines)


def _selected(project: Project, month: Month | None, selection: str | None) -> list[SqlModel]:
    """Those that are named, or all that are made of landed files of a month, or of those that come whole."""
    if selection is None:
        wanted = month is not None
        return [model for model in project.models if model.bronze_asset and model.is_partitioned == wanted]
    models = [project.models[key.strip()] for key in selection.split(",")]
    for model in models:
        if model.is_partitioned and month is None:
            raise click.UsageError(f"{model.key} is made a month at a time: say which, as in lakehouse diff 2024-01")
    return models


def _history(project: Project, model: SqlModel, partition: Partition) -> list[Landing]:
    """What was landed for a model, the newest first; of the same bytes the newest record."""
    if model.bronze_asset is None:
        raise UnknownLanding(f"{model.key} is made of other tables, not of what is landed")
    dataset = next(source.dataset.name for source in project.sources if source.asset == model.bronze_asset)
    found: dict[str, Landing] = {}
    for landing in project.bronze.history(dataset, partition):
        found.setdefault(landing.sha256, landing)
    return list(found.values())


def _landing(project: Project, model: SqlModel, partition: Partition, name: str) -> Landing:
    there = _history(project, model, partition)
    found = [landing for landing in there if name and landing.sha256.startswith(name.lower())]
    if len(found) != 1:
        known = ", ".join(landing.sha256[:_PREFIX] for landing in there) or "nothing"
        state = f"{len(found)} landings begin with it" if found else "nothing was landed that begins so"
        raise UnknownLanding(f"--landing {name}: {state}; of {partition.of(model.key)} there is {known}")
    return found[0]


def _compared(landings: Sequence[Landing]) -> str:
    if not landings:
        return "what is published, and what is landed"
    sides = [landing.sha256[:_PREFIX] for landing in landings]
    return f"{sides[0] if len(sides) > 1 else 'what is published'}, and {sides[-1]}"


def _write_summary(what: str, compared: str, restatement: Restatement) -> None:
    found = restatement.difference
    if found is None:
        click.echo(f"{what}: {restatement.fault}")
        return
    click.echo(f"{what}: {compared}: {in_words(found)}")
    for line in _details(found):
        click.echo(f"  {line}")
    for each in restatement.consequences:
        _write_consequence(each)


def _details(found: Difference) -> list[str]:
    lines = [f"records  {found.before:,} before, {found.after:,} after"] if not found.is_empty else []
    if found.by_column:
        lines.append(f"columns  {columns_in_words(found)}")
    if found.sums:
        lines.append(f"sums     {', '.join(f'{column} {change:+,}' for column, change in found.sums.items())}")
    return lines


def _write_consequence(each: Consequence) -> None:
    said = each.fault if each.difference is None else rows_in_words(each.difference)
    click.echo(f"{each.partition.of(each.asset)}: {said}")
    if each.rows is not None and each.rows.num_rows:
        write(each.rows, "table")
