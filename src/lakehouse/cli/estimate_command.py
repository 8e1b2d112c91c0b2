"""``lakehouse estimate``: what a run of some months would bill, before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lakehouse.cli.invocation import settings_of
from lakehouse.cli.run_options import run_options

if TYPE_CHECKING:
    import dagster as dg

    from lakehouse.cli.selection import Selection
    from lakehouse.models.model import Models, SqlModel
    from lakehouse.partition import Month, Partition
    from lakehouse.warehouse.costs import Estimate


@click.command(short_help="What a run would bill, before it runs.")
@run_options
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def estimate(ctx: click.Context, first: Month | None, last: Month | None, selection: str, style: str) -> None:
    """What lakehouse run would bill with the same options, asset by asset and month by month. Of the profile gcp.

    Asked by dry runs, which bill nothing, over the tables that there are; what a run makes on its way is told by its
    size. Nothing is written, loaded or staged, and no source is asked. docs/gcp.md says by how much it may be wrong.

    \b
    lakehouse estimate --from 2011-01 --to 2024-12
    lakehouse estimate --from 2024-01 --to 2024-03 --select '+green_gold' --format csv
    """
    from lakehouse.warehouse.profile import open_estimates

    settings = settings_of(ctx)
    estimates = open_estimates(settings)
    from lakehouse.cli.selection import months_to_run, select
    from lakehouse.definitions import build_definitions
    from lakehouse.settings import point_dlt_at_project

    point_dlt_at_project()
    definitions = build_definitions(settings)
    chosen = select(definitions, selection)
    wanted = _wanted(estimates.models, definitions, chosen, months_to_run(chosen, first, last))
    write_estimates(list(estimates.of(wanted)), settings.price_per_tib, style)


def _wanted(
    models: Models, definitions: dg.Definitions, chosen: Selection, months: Sequence[Partition]
) -> Iterator[tuple[SqlModel, Partition]]:
    """What runs, in its order."""
    from lakehouse.cli.selection import made_once

    once = {key.to_user_string() for key in made_once(definitions, chosen)}
    keys = {key.to_user_string() for key in chosen.keys}
    for month in months:
        for model in models:
            if model.key in keys and (model.key not in once or month == months[0]):
                yield model, month


def write_estimates(estimates: Sequence[Estimate], usd_per_tib: float, style: str) -> None:
    """Write what would be billed, in bytes and USD, and in a table the total of it."""
    import pyarrow as pa

    from lakehouse.cli.output import write, write_lines
    from lakehouse.setting_values.price import price_usd, shown_price

    if style != "table":
        prices = [price_usd(each.bytes_billed, usd_per_tib) for each in estimates]
        columns = {
            "asset": pa.array([each.asset for each in estimates], pa.string()),
            "month": pa.array([each.partition.key for each in estimates], pa.string()),
            "statements": pa.array([each.statements for each in estimates], pa.int64()),
            "bytes_billed": pa.array([each.bytes_billed for each in estimates], pa.int64()),
            "price_usd": pa.array(prices, pa.float64()),
            "known_by": pa.array([each.known_by or None for each in estimates], pa.string()),
            "note": pa.array([each.note or None for each in estimates], pa.string()),
        }
        write(pa.table(columns), style)
        return

    def line(asset: str, month: str, statements: int, billed: int, *told: str) -> Sequence[str]:
        price = shown_price(price_usd(billed, usd_per_tib))
        return asset, month, f"{statements:,}", f"{billed:,}", f"{price:,f}", *told

    lines = [
        line(each.asset, str(each.partition), each.statements, each.bytes_billed, each.known_by or "-", each.note)
        for each in estimates
    ]
    statements, billed = (sum(each.statements for each in estimates), sum(each.bytes_billed for each in estimates))
    total = line("total", "", statements, billed, "", "about: an estimate, not a bill")
    numbers = ("statements", "bytes_billed", "price_usd")
    names = ("asset", "month", *numbers, "known by", "note")
    write_lines([(name, name in numbers) for name in names], [*lines, total])
