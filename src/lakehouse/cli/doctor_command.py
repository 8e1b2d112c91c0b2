"""``lakehouse doctor``: what a set-up is like, a line for each thing, with what mends it; nothing is changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lakehouse.cli.broken_pipe import ended_by_the_reader
from lakehouse.cli.invocation import FAILED, Invocation
from lakehouse.exceptions import ConfigurationError

if TYPE_CHECKING:
    from lakehouse.bronze.source import Source
    from lakehouse.findings.finding import Finding
    from lakehouse.partition import Partition
    from lakehouse.settings import Settings

_MARKS = {"ok": "ok", "warning": "!", "fault": "FAULT", "unseen": "-"}
_WIDTH = max(map(len, _MARKS.values()))


@click.command(short_help="What is wrong with the set-up, and what mends it.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def doctor(ctx: click.Context, style: str) -> None:
    """Look at settings, models, home, Dagster's instance, sources and versions, and at the project under gcp.

    A line for each thing: ok, ! (it works, and not as it should), FAULT, or - (it cannot be looked at because of
    another). Nothing is changed or made. Exit code 1 if there is a fault.

    \b
    lakehouse doctor
    lakehouse doctor --format json
    lakehouse --sample doctor            of the samples
    """
    found = []
    with ended_by_the_reader():  # its exit code is asked for whoever reads
        for finding in findings_of(sample=ctx.ensure_object(Invocation).sample):
            found.append(finding)
            if style == "table":
                click.echo(_line(finding))
        if style == "json":
            click.echo(json.dumps([asdict(each) for each in found], indent=2))
    if any(each.state == "fault" for each in found):
        sys.exit(FAILED)


def findings_of(*, sample: bool) -> Iterator[Finding]:
    """All that there is to look at."""
    from lakehouse.bronze.mistyped import mistyped_variables
    from lakehouse.findings.finding import lines_told, ok, parted, unseen, warning
    from lakehouse.findings.versions import version_findings
    from lakehouse.settings import load_settings

    for line in mistyped_variables():
        yield warning("settings", *parted(line))
    try:
        settings = load_settings(sample=True) if sample else load_settings()
    except ConfigurationError as error:
        yield from lines_told("settings", error)
        yield from version_findings("local")
        yield unseen("all else", "settings cannot be used")
        return
    yield ok("settings", f"LAKEHOUSE_PROFILE={settings.profile}{', samples' if settings.sample else ''}")
    yield from version_findings(settings.profile)
    yield from _of(settings)


def _of(settings: Settings) -> Iterator[Finding]:
    from lakehouse.bronze.connection import available
    from lakehouse.bronze.source_findings import source_findings
    from lakehouse.bronze.sources import SOURCES
    from lakehouse.cli.instance_findings import instance_findings
    from lakehouse.findings.memory import memory_findings
    from lakehouse.warehouse.profile import model_findings, profile_findings

    yield from model_findings(settings)
    yield from profile_findings(settings)
    if settings.profile == "local":
        yield from memory_findings(settings)
    yield from instance_findings(settings)
    yield from source_findings(settings, available(settings, SOURCES), lambda *of: _landed(settings, *of))


def _landed(settings: Settings, source: Source, partition: Partition) -> str | None:
    """The ETag of what is landed of a source on this machine."""
    from lakehouse.warehouse.profile import open_bronze

    if settings.profile != "local":
        return None
    landing = open_bronze(settings).current(source.dataset.name, partition)
    return None if landing is None else landing.etag


def _line(finding: Finding) -> str:
    mend = f". To mend it: {finding.mend}" if finding.mend else ""
    return f"{_MARKS[finding.state]:<{_WIDTH}}  {finding.what}: {finding.found}{mend}"
