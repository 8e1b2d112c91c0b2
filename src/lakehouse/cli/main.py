"""The ``lakehouse`` command: a thin hand on Dagster and the warehouse.

Exit codes: 0 done; 1 something failed; 2 the command, a setting or a model is wrong, and repeating it will not help;
3 everything was made of what is published, and something is not published yet; 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

import click

from lakehouse.cli import completion
from lakehouse.cli.broken_pipe import say
from lakehouse.cli.conformance_command import conformance
from lakehouse.cli.costs_command import costs
from lakehouse.cli.doctor_command import doctor
from lakehouse.cli.estimate_command import estimate
from lakehouse.cli.invocation import FAILED, NOT_PUBLISHED, WRONG, Invocation, OneLineErrors, settings_of
from lakehouse.cli.month_type import MonthType
from lakehouse.cli.run_options import run_options
from lakehouse.cli.sample_command import sample as sample_group
from lakehouse.cli.teardown_command import teardown
from lakehouse.partition import Month, Partition
from lakehouse.results import Remark


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--sample", is_flag=True, help="Use the home of generated sample data, never the real one")
@click.version_option(package_name="nyc-lakehouse")
@click.pass_context
def main(ctx: click.Context, sample: bool) -> None:
    """NYC Lakehouse: New York's trip records, from published file to gold table.

    \b
    lakehouse demo                                       sample data, the whole pipeline, in a minute
    lakehouse run --from 2024-01 --to 2024-03            real months, from source to gold
    lakehouse status                                     what there is, and what is missing
    lakehouse query "SELECT * FROM gold.user_counts_by_city"
    lakehouse dev                                        the Dagster UI, with sensors and schedules
    lakehouse --sample query "..."                       any of them, on what the demo made

    Settings are environment variables LAKEHOUSE_*, also read from .env; the README lists them. Exit codes: 0 done,
    1 something failed, 2 the command or a setting is wrong, 3 done but for what is not published yet, 130 interrupted.
    """
    from lakehouse.machine import raise_open_file_limit

    ctx.ensure_object(Invocation).sample = sample
    raise_open_file_limit()
    _look_for_garbage_seldom()


def _look_for_garbage_seldom() -> None:
    """Most objects are of what is imported, and stay: going through them took a tenth of a command's time."""
    gc.set_threshold(100_000, 10, 10)


@main.command(short_help="Materialize assets for a range of months.")
@run_options
@click.option("--month", type=MonthType(), help="One month: the same as --from and --to it")
@click.option("--refetch", is_flag=True, help="Fetch every file anew, whatever its source says of its version")
@click.option(
    "--accept", type=click.Choice(["volume"]), help="Publish what this check holds back: only what is landed now"
)
@click.option("--because", metavar="TEXT", help="Why that is right; kept with what is published")
@click.pass_context
def run(
    ctx: click.Context,
    first: Month | None,
    last: Month | None,
    selection: str,
    month: Month | None,
    refetch: bool,
    accept: str | None,
    because: str | None,
) -> None:
    """Materialize assets for a range of months, each month as a Dagster run of its own.

    A month that fails does not stop the next one. What is as the source serves it is not computed again.

    \b
    lakehouse run                                                     the newest month, everything
    lakehouse run --from 2024-01 --to 2024-03                         three months
    lakehouse run --from 2024-01 --to 2024-01 --select '+green_gold'  an asset and all it needs
    lakehouse run --select '+users_gold'                              no months, no --from
    lakehouse run --from 2024-01 --to 2024-03 --refetch               files that may have come damaged, once more
    lakehouse run --month 2024-01 --accept volume --because '...'     a restatement with much fewer rows is right
    """
    if month is not None and (first is not None or last is not None):
        raise click.UsageError("--month is for one month: leave out --from and --to, or --month")
    if (accept is None) != (because is None or not because.strip()):
        raise click.UsageError("--accept and --because go together: say what is accepted, and why")
    first, last = (month, month) if month is not None else (first, last)
    from lakehouse.assets.bronze import REFETCH
    from lakehouse.cli.progress import summary
    from lakehouse.cli.selection import Selection, months_to_run
    from lakehouse.cli.shown import run_shown

    interruption = ctx.ensure_object(Invocation).interruption
    tags = {REFETCH: "true"} if refetch else {}

    def months_of(chosen: Selection) -> Sequence[Partition]:
        if because is not None and chosen.partitions is None and (first or last):
            raise click.UsageError(f"--accept: {selection} is not made a month at a time: leave {last or first} out")
        return months_to_run(chosen, first, last)

    outcomes = run_shown(settings_of(ctx), selection, months_of, interruption, tags, because)
    failed = [outcome for outcome in outcomes if not outcome.succeeded]
    if failed:
        say(f"failed: {', '.join(outcome.partition.key or 'the run' for outcome in failed)}", err=True)
    say(summary(outcomes))
    if failed:
        sys.exit(WRONG if all(outcome.is_wrong for outcome in failed) else FAILED)
    if any(outcome.waits_for for outcome in outcomes):
        sys.exit(NOT_PUBLISHED)


@main.command(
    short_help="Run one SELECT over the published tables.",
    context_settings={"ignore_unknown_options": True},  # SQL may begin with a comment: --
)
@click.argument("sql")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option(
    "--engine",
    type=click.Choice(["duckdb"]),
    help="Answer what BigQuery would answer differently, too, as this engine does, and say what that is",
)
@click.option(
    "--recount",
    is_flag=True,
    help="Have silver.row_ledger count tables, also where it tells what was counted when they were published",
)
@click.pass_context
def query(ctx: click.Context, sql: str, style: str, engine: str | None, *, recount: bool) -> None:
    """Run one SELECT, in BigQuery's dialect, over the published tables; - reads it from standard input.

    What DuckDB and BigQuery are not known to answer alike is refused, with what to write instead: docs/sql.md.

    \b
    lakehouse query "SELECT * FROM gold.green_trips_by_payment_type ORDER BY month, payment_type"
    lakehouse query "SELECT * FROM silver.row_ledger" --format csv
    lakehouse query "SHOW TABLES"
    lakehouse query "DESCRIBE silver.green_trips"
    lakehouse query - < query.sql
    lakehouse query "SELECT FORMAT('{:,}', 12345) AS n" --engine duckdb
    """
    from lakehouse.cli.hard_stop import ended_after
    from lakehouse.cli.output import write
    from lakehouse.cli.remarks import lines_of
    from lakehouse.cli.standard_input import read_sql
    from lakehouse.warehouse.profile import open_project
    from lakehouse.warehouse.query_limits import too_long

    sql = read_sql() if sql == "-" else sql
    remarks: list[Remark] = []
    settings = settings_of(ctx)
    warehouse = open_project(settings).warehouse
    with ended_after(settings.query_timeout, too_long(settings.query_timeout)):
        rows = warehouse.query(sql, remarks.append, only_portable=engine is None, recount=recount)
    for line in lines_of(remarks):
        click.echo(line, err=True)
    write(rows, style)


@main.command(short_help="What a restatement changes, record by record and in gold.")
@click.argument("month", type=MonthType(), required=False)
@click.option(
    "--select",
    "selection",
    shell_complete=completion.assets,
    help="Tables, by asset, with commas between [default: every one made of landed files]",
)
@click.option("--landing", "landings", multiple=True, help="Beginning of a landed file's SHA-256; one, or old and new")
@click.option("--landings", "lists", is_flag=True, help="List what was landed, instead")
@click.option("--rows", is_flag=True, help="Every record that differs, too")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def diff(
    ctx: click.Context,
    month: Month | None,
    selection: str | None,
    landings: tuple[str, ...],
    lists: bool,
    rows: bool,
    style: str,
) -> None:
    """What the landed file of a MONTH would change in what is published, or one landing in what another made.

    Without a MONTH it is about tables that come whole. Nothing is changed. With --format csv or json just the records
    of one table are written, the summary to standard error.

    \b
    lakehouse diff 2024-01                                          published against landed now
    lakehouse diff 2024-01 --select green_silver --rows             and every record that differs
    lakehouse diff 2024-01 --select green_silver --landings         what was landed, and when
    lakehouse diff 2024-01 --select green_silver --landing 3f2a --landing 9c41
    lakehouse diff --select zones_silver
    """
    from lakehouse.cli.diff_command import list_landings, show_difference

    if lists:
        if rows or landings:
            raise click.UsageError(f"--landings lists what was landed: leave out {'--rows' if rows else '--landing'}")
        list_landings(settings_of(ctx), month, selection, style)
    else:
        show_difference(settings_of(ctx), month, selection, landings, style if rows or style != "table" else None)


@main.command(short_help="What there is of each dataset and month, and what is missing.")
@click.option("--from", "first", type=MonthType(), help="First month [default: the first partition]")
@click.option("--to", "last", type=MonthType(), help="Last month [default: the newest partition]")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--checks", is_flag=True, help="What the checks of each month said, instead")
@click.option(
    "--check",
    is_flag=True,
    help="Exit with 1 if a run would change anything that was landed, or a table is damaged",
)
@click.pass_context
def status(ctx: click.Context, first: Month | None, last: Month | None, style: str, checks: bool, check: bool) -> None:
    """What there is of each dataset and month, what runs are doing, what failed. Asks no source, computes nothing.

    \b
    lakehouse status
    lakehouse status --from 2024-01 --to 2024-06
    lakehouse status --checks                          what the checks of each month said
    lakehouse status --format json --check
    """
    from lakehouse.cli.status_command import show_status

    wants_a_run = show_status(settings_of(ctx), first, last, style, with_checks=checks)
    if check and wants_a_run:
        sys.exit(FAILED)


@main.command("set-aside", short_help="Make a damaged table anew, empty.")
@click.argument("table")
@click.pass_context
def set_aside(ctx: click.Context, table: str) -> None:
    """Make a table that cannot be read anew, empty, and keep what is left of it beside it.

    Then run its months: they are made of what is landed, which is not fetched again. `lakehouse status` names them.
    What a guard held back stays so; what has landed since is held against the records of the landing before.

    \b
    lakehouse set-aside silver.green_trips
    """
    from lakehouse.cli.set_aside_command import set_table_aside

    set_table_aside(settings_of(ctx), table)


@main.command(short_help="The Dagster UI and daemon on this machine.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI on 127.0.0.1"
)
@click.pass_context
def dev(ctx: click.Context, port: int) -> None:
    """The Dagster UI and daemon on this machine, on the same instance as every other command; Ctrl-C ends both.

    \b
    lakehouse dev                  http://127.0.0.1:3000
    lakehouse dev --port 3001
    lakehouse --sample dev         on sample data, with their source
    """
    from lakehouse.cli.development import serve_until_interrupted
    from lakehouse.sample.served import sources_served

    with sources_served(settings_of(ctx)) as settings:
        sys.exit(serve_until_interrupted(settings, port))


@main.command(short_help="Four months of sample data through the whole pipeline.")
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Run four months of generated sample data through the whole pipeline, and show what came of it.

    Sample data never meet real ones: they have a home and a Dagster instance of their own. A second run finds
    nothing to do.
    """
    from lakehouse.cli.demo import run_demo

    invocation = ctx.ensure_object(Invocation)
    invocation.sample = True
    sys.exit(0 if run_demo(settings_of(ctx), invocation.interruption) else FAILED)


for command in (sample_group, conformance, doctor, teardown, estimate, costs):
    main.add_command(command)
