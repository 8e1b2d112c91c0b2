"""``lakehouse conformance``: what the engine of the profile answers to statements whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.exceptions import QueryError
from lakehouse.models.conformance import Case, as_text, cases

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from lakehouse.warehouse.protocol import Warehouse

SAME, REFUSED, DIFFERENT = "same", "refused", "DIFFERENT"


def show_conformance(settings: Settings, style: str, *, everything: bool) -> bool:
    """Run every case and write those that are not answered as expected, or ``everything``; whether none differs."""
    import pyarrow as pa

    from lakehouse.cli.output import write
    from lakehouse.warehouse.profile import open_project

    warehouse = open_project(settings).warehouse
    rows = [{**_facts(case), **_outcome(case, warehouse)} for case in cases()]
    outcomes = [row["outcome"] for row in rows]
    shown = [row for row in rows if everything or row["outcome"] != SAME]
    if shown:
        write(pa.Table.from_pylist(shown), style)
    click.echo(
        f"{len(rows)} cases: {outcomes.count(SAME)} answered as expected, {outcomes.count(REFUSED)} refused with what to "
        f"write instead, {outcomes.count(DIFFERENT)} different",
        err=True,
    )
    return DIFFERENT not in outcomes


def _facts(case: Case) -> dict[str, object]:
    expected = f"an error: {case.expected}" if case.fails else case.expected
    return {"case": case.number, "topic": case.topic, "shows": case.shows, "sql": case.sql, "expected": expected}


def _outcome(case: Case, warehouse: Warehouse) -> dict[str, str]:
    try:
        (value,) = warehouse.query(case.sql).column(0).to_pylist()
    except QueryError as error:
        return {"given": str(error), "outcome": SAME if case.fails else REFUSED}
    given = as_text(value)
    return {"given": given, "outcome": SAME if not case.fails and given == case.expected else DIFFERENT}
