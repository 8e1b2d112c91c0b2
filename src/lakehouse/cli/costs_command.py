"""``lakehouse costs``: what the jobs of the last days billed, by asset, month of data or run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lakehouse.cli.invocation import settings_of

if TYPE_CHECKING:
    from lakehouse.warehouse.costs import By, Spent

_KEPT_DAYS = 180
"""How long jobs are told of."""


@click.command(short_help="What jobs billed, by asset, month or run.")
@click.option("--by", type=click.Choice(["asset", "month", "run"]), default="asset", show_default=True)
@click.option("--days", type=click.IntRange(1, _KEPT_DAYS), default=30, show_default=True, help="Of the last so many")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def costs(ctx: click.Context, by: By, days: int, style: str) -> None:
    """What the jobs of the last days billed, of these settings' place alone, as the engine tells. Of the profile gcp.

    It knows the jobs of whoever asks: of a runner with an account of its own, ask with that account.

    \b
    lakehouse costs
    lakehouse costs --by month --days 7
    lakehouse costs --by run --format csv
    """
    from lakehouse.warehouse.profile import open_costs

    settings = settings_of(ctx)
    write_costs(open_costs(settings).spent(by, days), by, settings.price_per_tib, style)


def write_costs(spent: Sequence[Spent], by: By, usd_per_tib: float, style: str) -> None:
    """Write what was billed, in bytes and USD, and in a table the total of it."""
    import pyarrow as pa

    from lakehouse.cli.output import write, write_lines
    from lakehouse.setting_values.price import price_usd, shown_price

    if style != "table":
        columns = {
            by: pa.array([each.of for each in spent], pa.string()),
            "jobs": pa.array([each.jobs for each in spent], pa.int64()),
            "bytes_billed": pa.array([each.bytes_billed for each in spent], pa.int64()),
            "slot_ms": pa.array([each.slot_ms for each in spent], pa.int64()),
            "price_usd": pa.array([price_usd(each.bytes_billed, usd_per_tib) for each in spent], pa.float64()),
        }
        write(pa.table(columns), style)
        return

    def line(of: str, jobs: int, bytes_billed: int, slot_ms: int) -> Sequence[str]:
        price = shown_price(price_usd(bytes_billed, usd_per_tib))
        return of, f"{jobs:,}", f"{bytes_billed:,}", f"{slot_ms:,}", f"{price:,f}"

    lines = [line(each.of or "-", each.jobs, each.bytes_billed, each.slot_ms) for each in spent]
    sums = (sum(values) for values in zip(*((s.jobs, s.bytes_billed, s.slot_ms) for s in spent), strict=True))
    names = [(by, False), ("jobs", True), ("bytes_billed", True), ("slot_ms", True), ("price_usd", True)]
    write_lines(names, [*lines, line("total", *sums)] if lines else [])
