"""``lakehouse conformance``: what the engine of the profile answers to statements whose answer is known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lakehouse.cli.invocation import FAILED, settings_of
from lakehouse.exceptions import NotPortable, QueryError, QueryTookTooLong

if TYPE_CHECKING:
    from lakehouse.models.conformance import Case
    from lakehouse.settings import Settings
    from lakehouse.warehouse.protocol import Warehouse

SAME, REFUSED, DIFFERENT = "same", "refused", "DIFFERENT"


@click.command(short_help="What this engine answers to SQL whose answer is known.")
@click.option("--all", "everything", is_flag=True, help="Show also what is answered as expected")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def conformance(ctx: click.Context, everything: bool, style: str) -> None:
    """Run statements whose answers are known, those of Google's own SQL engine, on the engine of the profile.

    Shown are those that are refused, and any that is answered differently: then the exit code is 1.

    \b
    lakehouse conformance
    lakehouse conformance --all --format csv
    """
    if not show_conformance(settings_of(ctx), style, everything=everything):
        sys.exit(FAILED)


def show_conformance(settings: Settings, style: str, *, everything: bool) -> bool:
    """Run every case and write those that are not answered as expected, or ``everything``; whether none differs."""
    import pyarrow as pa

    from lakehouse.cli.output import write
    from lakehouse.models.conformance import cases
    from lakehouse.warehouse.profile import open_project

    warehouse = open_project(settings).warehouse
    rows = [{**_facts(case), **_outcome(case, warehouse)} for case in cases()]
    outcomes = [row["outcome"] for row in rows]
    shown = [row for row in rows if everything or row["outcome"] != SAME]
    if shown:
        write(pa.Table.from_pylist(shown), style)
    click.echo(
        f"{len(rows)} cases: {outcomes.count(SAME)} answered as expected, {outcomes.count(REFUSED)} refused with what "
        f"to write instead, {outcomes.count(DIFFERENT)} different",
        err=True,
    )
    return DIFFERENT not in outcomes


def _facts(case: Case) -> dict[str, object]:
    expected = f"an error: {case.expected}" if case.fails else case.expected
    return {"case": case.number, "topic": case.topic, "shows": case.shows, "sql": case.sql, "expected": expected}


def _outcome(case: Case, warehouse: Warehouse) -> dict[str, str]:
    from lakehouse.models.conformance import as_text

    try:
        (value,) = warehouse.query(case.sql).column(0).to_pylist()
    except NotPortable as error:
        return {"given": str(error), "outcome": REFUSED}
    except QueryTookTooLong:
        raise
    except QueryError as error:
        return {"given": str(error), "outcome": SAME if case.fails else REFUSED}
    given = as_text(value)
    return {"given": given, "outcome": SAME if not case.fails and given == case.expected else DIFFERENT}
