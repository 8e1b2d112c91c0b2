"""Which months of which assets: the options that say it, of every command that is about what a run makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lakehouse.cli import completion
from lakehouse.cli.month_type import MonthType

Command = TypeVar("Command", bound=Callable[..., Any])


def run_options(command: Command) -> Command:
    """Add --from, --to and --select, as ``first``, ``last`` and ``selection``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--from", "first", type=MonthType(), help="First month [default: the same as --to]"),
    click.option("--to", "last", type=MonthType(), help="Last month [default: the newest partition]"),
    click.option(
        "--select",
        "selection",
        default="*",
        show_default=True,
        shell_complete=completion.assets,
        help="Assets, in Dagster's selection syntax",
    ),
)
