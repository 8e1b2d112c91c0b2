"""``lakehouse teardown --plan``: the commands that would remove all that settings name; none of them is run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli.invocation import settings_of

if TYPE_CHECKING:
    from lakehouse.gcp.place import Place
    from lakehouse.settings import Settings


@click.command(short_help="The commands that would remove everything; runs none.")
@click.option("--plan", is_flag=True, help="Print the commands")
@click.pass_context
def teardown(ctx: click.Context, plan: bool) -> None:
    """Print the commands that would remove all data, tables and history of the current settings; run none of them.

    \b
    lakehouse teardown --plan
    lakehouse --sample teardown --plan      of the samples
    """
    if not plan:
        raise click.UsageError(
            "teardown removes nothing, it only plans: say lakehouse teardown --plan, read the commands that it "
            "prints, and run them yourself"
        )
    for line in plan_of(settings_of(ctx)):
        click.echo(line)


def plan_of(settings: Settings) -> Iterator[str]:
    """Commands for a shell, with comments.

    Raises:
        ConfigurationError: the settings name no place.
    """
    if settings.profile == "gcp":
        from lakehouse.gcp.place import place_of

        yield from _in_the_cloud(place_of(settings))
        yield from _of_the_catalog(settings, place_of(settings))
    else:
        yield f"# Removes what LAKEHOUSE_HOME={settings.home} has: landed files, catalog and tables. Nothing was run."
    yield from _on_this_machine(settings)


def _in_the_cloud(place: Place) -> Iterator[str]:
    from lakehouse.gcp.place import LAYERS

    yield f"# Removes what there is of {place.words}: tables and landed files. Nothing was run."
    yield "# A dataset goes with all that is in it. One without label managed-by:lakehouse is not ours: leave it out."
    for layer in LAYERS:
        yield f"bq rm -r -f -d {place.project}:{place.dataset(layer)}"
    if place.prefix:
        yield f"gcloud storage rm --recursive gs://{place.bucket}/{place.objects_prefix}"
    else:
        yield f"gcloud storage rm --recursive gs://{place.bucket}/bronze/"
        yield "# Refused, as it should be, while the bucket has anything else:"
        yield f"gcloud storage buckets delete gs://{place.bucket}"


def _of_the_catalog(settings: Settings, place: Place) -> Iterator[str]:
    """Tables, namespaces, files and, where nothing else can be in it, the catalog itself."""
    if place.catalog is None:
        return
    of_catalog = f"--catalog={place.catalog} --project={place.project}"
    names = sorted(f"{place.dataset(layer)}.{table}" for layer, table in _iceberg_tables(settings))
    namespaces = sorted({name.partition(".")[0] for name in names})
    yield f"# The tables of the Iceberg catalog {place.catalog}, and their files:"
    for name in names:
        namespace, _, table = name.partition(".")
        yield f"gcloud biglake iceberg tables delete {table} --namespace={namespace} {of_catalog}"
    for namespace in namespaces:
        yield f"gcloud biglake iceberg namespaces delete {namespace} {of_catalog}"
        yield f"gcloud storage rm --recursive gs://{place.catalog}/{namespace}/"
    if not place.prefix:
        yield "# Refused while another environment has tables in it, or the bucket has anything else:"
        yield f"gcloud biglake iceberg catalogs delete {place.catalog} --project={place.project}"
        if place.catalog != place.bucket:
            yield f"gcloud storage buckets delete gs://{place.catalog}"


def _iceberg_tables(settings: Settings) -> Iterator[tuple[str, str]]:
    """Layer and name of each table that a catalog has."""
    from lakehouse.warehouse.profile import models_of

    for spec in models_of(settings).specs():
        if spec.format == "iceberg":
            layer, _, table = spec.name.partition(".")
            yield layer, table


def _on_this_machine(settings: Settings) -> Iterator[str]:
    from lakehouse.setting_values.samples import folder_of_samples

    folders = [settings.home, settings.dagster_home]
    for folder in folders:
        if not settings.sample and folder_of_samples(folder).exists():
            yield f"# Also the samples in {folder_of_samples(folder)}:"
        yield f"rm -r {_quoted(folder)}"


def _quoted(folder: Path) -> str:
    return shlex.quote(str(folder))
