"""``lakehouse diff``: what a restatement changes in a table, record by record, and in gold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from lakehouse.cli.landings import Landed, landed, landing_named, shown_digits, write_landings
from lakehouse.cli.month_ranges import require_months
from lakehouse.cli.output import write
from lakehouse.exceptions import NotLanded, UnknownAsset
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import newest_month
from lakehouse.warehouse.restatement import columns_in_words, in_words, rows_in_words

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.bronze.store import Landing
    from lakehouse.models.model import SqlModel
    from lakehouse.results import Consequence, Difference, Restatement
    from lakehouse.settings import Settings
    from lakehouse.warehouse.profile import Project


def show_difference(
    settings: Settings, month: Month | None, selection: str | None, names: Sequence[str], rows_style: str | None
) -> None:
    """Write what differs in each selected table, its records too if ``rows_style`` says how.

    Raises:
        UnknownAsset, UnknownLanding, UnknownMonth: what is to be compared is not there.
        NotLanded: there is nothing to compare in any of them.
    """
    from lakehouse.warehouse.profile import open_project

    if len(names) > 2:
        raise click.UsageError(
            f"--landing is given {len(names)} times: give one, to compare it with what is published, or two, the old "
            "and the new"
        )
    _require_month(settings, month)
    project = open_project(settings)
    models = _selected(project, month, selection)
    is_aside = rows_style in ("csv", "json")
    if names:
        _require_one(models, "--landing is of")
    if is_aside:
        _require_one(models, f"--format {rows_style} writes the records of")
    nothing = []
    for model in models:
        partition = month if month is not None and model.is_partitioned else WHOLE
        landings = [landing_named(project, model, partition, name) for name in names]
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


def list_landings(settings: Settings, month: Month | None, selection: str | None, style: str) -> None:
    """Write what was landed for each selected table, the newest first, as ``table``, ``csv`` or ``json``.

    Raises:
        UnknownAsset, UnknownLanding, UnknownMonth: there is no such table or month, or nothing is landed for it.
    """
    from lakehouse.warehouse.profile import open_project

    _require_month(settings, month)
    project = open_project(settings)
    models = _selected(project, month, selection)
    lines: list[Landed] = []
    for model in models:
        lines += landed(project, model, month if month is not None and model.is_partitioned else WHOLE)
    if not lines:
        of = "" if month is None else f" of {month}"
        click.echo(f"nothing{of} was landed for {', '.join(model.key for model in models)}", err=True)
    if style != "table" or lines:
        write_landings(lines, style)


def _require_month(settings: Settings, month: Month | None) -> None:
    if month is not None:
        require_months(month, month, settings.first_month, newest_month(settings))


def _require_one(models: Sequence[SqlModel], what: str) -> None:
    if len(models) > 1:
        there = ", ".join(model.key for model in models)
        raise click.UsageError(
            f"{what} one table, not of {there}: say which with --select, for example --select {models[-1].key}"
        )


def _selected(project: Project, month: Month | None, selection: str | None) -> list[SqlModel]:
    """Those that are named, or all that are made of landed files of a month, or of those that come whole."""
    if selection is None:
        wanted = month is not None
        return [model for model in project.models if model.bronze_asset and model.is_partitioned == wanted]
    keys = dict.fromkeys(key.strip() for key in selection.split(","))
    models = [_model(project, key) for key in keys if key]
    if not models:
        raise UnknownAsset(f"--select '{selection}' names no asset; there is {', '.join(project.models.keys())}")
    for model in models:
        if model.is_partitioned and month is None:
            raise click.UsageError(
                f"{model.key} is made a month at a time: say which, as in lakehouse diff 2024-01 --select {selection}"
            )
    if month is not None and not any(model.is_partitioned for model in models):
        raise click.UsageError(f"{selection} comes whole, not a month at a time: leave {month} out")
    return models


def _model(project: Project, key: str) -> SqlModel:
    """The one that is called so; of other things that a person may name, it is said which is meant."""
    made_of = [model.key for model in project.models if model.bronze_asset == key]
    if made_of:
        raise UnknownAsset(f"--select {key}: that is what is landed; say {' or '.join(made_of)}, which is made of it")
    maker = project.models.by_table(key)
    if maker is not None:
        raise UnknownAsset(f"--select {key}: that is a table; say {maker.key}, the asset that makes it")
    return project.models[key]


def _compared(landings: Sequence[Landing]) -> str:
    if not landings:
        return "what is published, and what is landed"
    sides = [shown_digits(landing) for landing in landings]
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
