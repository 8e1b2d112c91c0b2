"""The ``lakehouse`` command: a thin hand on Dagster and the warehouse."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from lakehouse.exceptions import LakehouseError
from lakehouse.month import Month

if TYPE_CHECKING:
    from lakehouse.runs import RunOutcome


class _MonthType(click.ParamType[Month]):
    name = "YYYY-MM"

    def convert(self, value: str | Month, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        if isinstance(value, Month):
            return value
        try:
            return Month.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _OneLineErrors(click.Group):
    """Shows what a person can act on as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LakehouseError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'this machine'}: {error.strerror or error}") from error


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nyc-lakehouse")
def main() -> None:
    """NYC Lakehouse: New York's trip records, from published file to gold table.

    Settings are environment variables LAKEHOUSE_*, also read from .env; the README lists them.
    """


@main.command()
@click.option("--from", "first", type=_MonthType(), help="First month [default: the last one]")
@click.option("--to", "last", type=_MonthType(), help="Last month [default: the newest partition]")
@click.option("--select", "selection", default="*", show_default=True, help="Assets, in Dagster's selection syntax")
def run(first: Month | None, last: Month | None, selection: str) -> None:
    """Materialize assets for a range of months, each month as a Dagster run of its own.

    A month that fails does not stop the next one; the exit code is 1 if any failed.

    \b
    lakehouse run --from 2024-01 --to 2024-03
    lakehouse run --from 2024-01 --to 2024-01 --select '+green_gold'
    """
    from lakehouse.definitions import build_definitions
    from lakehouse.runs import months_to_run, open_instance, run_months, select
    from lakehouse.settings import load_settings, point_dlt_at_project

    settings = load_settings()
    point_dlt_at_project()
    definitions = build_definitions(settings)
    chosen = select(definitions, selection)
    months = months_to_run(chosen, first, last)
    started = time.perf_counter()
    failed = []
    with open_instance(settings) as instance:
        for outcome in run_months(definitions, instance, chosen, months):
            _show(outcome, time.perf_counter() - started)
            started = time.perf_counter()
            if not outcome.succeeded:
                failed.append(outcome)
    done = len(months) - len(failed)
    click.echo(f"{done} of {len(months)} run{'s' if len(months) > 1 else ''} succeeded")
    if failed:
        click.echo(f"failed: {', '.join(str(outcome.month or 'the run') for outcome in failed)}", err=True)
        sys.exit(1)


def _show(outcome: RunOutcome, seconds: float) -> None:
    label = str(outcome.month or "run")
    state = "ok" if outcome.succeeded else "FAILED"
    click.echo(f"{label}  {state:<6} {seconds:6.2f} s  run {outcome.run_id[:8]}")
    for asset in outcome.assets:
        rows = "" if asset.rows is None else f"{asset.rows:>12,} rows"
        rejected = f"  {asset.rejected:,} rejected" if asset.rejected else ""
        unchanged = "  unchanged" if asset.unchanged else ""
        warnings = f"  warnings: {', '.join(asset.warnings)}" if asset.warnings else ""
        click.echo(f"         {asset.key:<16}{rows}{rejected}{unchanged}{warnings}".rstrip())
    for failure in outcome.failures:
        click.echo(f"         {failure}", err=True)


@main.command(context_settings={"ignore_unknown_options": True})  # SQL may begin with a comment: --
@click.argument("sql")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(sql: str, style: str) -> None:
    """Run one SELECT, in BigQuery's dialect, over the published tables.

    \b
    lakehouse query "SELECT * FROM gold.green_trips_by_payment_type ORDER BY month, payment_type"
    lakehouse query "SELECT * FROM silver.row_ledger" --format csv
    """
    from lakehouse.contracts import CONTRACTS
    from lakehouse.model_file import load_models
    from lakehouse.output import write
    from lakehouse.profile import open_warehouse
    from lakehouse.settings import load_settings

    settings = load_settings()
    warehouse = open_warehouse(settings, load_models(settings.sql, CONTRACTS))
    write(warehouse.query(sql), style)
