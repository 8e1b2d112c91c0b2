"""The commands of the source of sample data."""

from __future__ import annotations

import click

from lakehouse.cli import completion
from lakehouse.cli.month_type import MonthType
from lakehouse.partition import Month


@click.group(short_help="Publish or serve sample data, as TLC would.")
def sample() -> None:
    """The source of the sample data: publish another month, restate one, serve them."""


@sample.command(short_help="Publish a month of generated trips.")
@click.argument("month", type=MonthType(), shell_complete=completion.sample_months)
@click.option("--restate", is_flag=True, help="Publish it with other records than before")
def publish(month: Month, restate: bool) -> None:
    """Publish a month of generated trips at the sample source, as TLC would.

    \b
    lakehouse sample publish 2023-04
    lakehouse sample publish 2023-01 --restate
    """
    from lakehouse.cli.demo import publish_month
    from lakehouse.settings import load_settings

    publish_month(load_settings(sample=True), month, restate=restate)


@sample.command(short_help="Serve what is published, until interrupted.")
def serve() -> None:
    """Serve the sample source on 127.0.0.1 until interrupted (lakehouse --sample run and dev do so by themselves)."""
    from lakehouse.sample.served import folder_of
    from lakehouse.sample.server import serve as serve_forever
    from lakehouse.sample.source import ROWS, prepare
    from lakehouse.settings import load_settings

    settings = load_settings(sample=True)
    prepare(folder_of(settings), (), ROWS)
    serve_forever(folder_of(settings), settings.sample_port)
