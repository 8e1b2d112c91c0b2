"""What a shell offers for the values of options: months, and assets by name. Nothing heavy is loaded for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import month_range

if TYPE_CHECKING:
    from lakehouse.settings import Settings

_NAME_BEGUN = re.compile(r"\w*$")


def months(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Every month there is a partition for."""
    from lakehouse.settings import newest_month

    settings = _settings(ctx)
    if settings is None or settings.first_month > newest_month(settings):
        return []
    return _beginning(incomplete, map(str, month_range(settings.first_month, newest_month(settings))))


def sample_months(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Every month there is sample data of."""
    from lakehouse.settings import SAMPLE_MONTHS

    return _beginning(incomplete, map(str, month_range(*SAMPLE_MONTHS)))


def assets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Every asset, in place of the name that a selection ends with; those of models are their files' names."""
    from lakehouse.bronze.connection import available
    from lakehouse.bronze.sources import SOURCES

    settings = _settings(ctx)
    if settings is None:
        return []
    models = (path.stem for path in settings.sql.glob("*/[!.]*.sql"))
    names = sorted({"infrastructure", *(source.asset for source in available(settings, SOURCES)), *models})
    before = _NAME_BEGUN.sub("", incomplete)
    return _beginning(incomplete, (f"{before}{name}" for name in names))


def _beginning(incomplete: str, values: Iterable[str]) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]


def _settings(ctx: click.Context) -> Settings | None:
    """None where they are wrong, which the command itself will say."""
    from lakehouse.settings import load_settings

    is_sample = bool(ctx.find_root().params.get("sample"))
    try:
        return load_settings(sample=True) if is_sample else load_settings()
    except ConfigurationError:
        return None
