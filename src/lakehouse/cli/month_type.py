"""Months as arguments and options of commands."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from lakehouse.cli import completion
from lakehouse.partition import Month


class MonthType(click.ParamType[Month]):
    """A month, written YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: str | Month, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        if isinstance(value, Month):
            return value
        try:
            return Month.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [CompletionItem(month) for month in completion.months(ctx, param, incomplete)]
