"""``lakehouse set-aside``: a damaged table is made anew, empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lakehouse.models.model import Models
    from lakehouse.settings import Settings


def set_table_aside(settings: Settings, table: str) -> None:
    """Make it anew, and say where what is left of it is.

    Raises:
        click.BadParameter: there is no such table.
        ConfigurationError: it can be read.
    """
    from lakehouse.warehouse.profile import open_project

    project = open_project(settings)
    if project.models.spec(table) is None:
        raise click.BadParameter(_no_table(project.models, table), param_hint="TABLE")
    kept = project.warehouse.set_aside(table)
    click.echo(f"{table} is empty now; what is left of it is in {kept}. lakehouse status names the months to run")


def _no_table(models: Models, name: str) -> str:
    """Which table is meant, or which there are."""
    from lakehouse.models.dialect import suggestion

    model = next((model for model in models if model.key == name), None)
    if model is None:
        return f"there is no table {name}{suggestion(name, (spec.name for spec in models.specs()))}"
    rejected = f", and of what it rejects {model.rejected.name}" if model.rejected else ""
    return f"{name} is an asset; its table is {model.table.name}{rejected}"
