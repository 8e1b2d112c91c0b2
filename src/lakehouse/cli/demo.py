"""The demo: four months of generated sample data from source to gold, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lakehouse.cli.broken_pipe import say
from lakehouse.exceptions import UnknownMonth
from lakehouse.machine import require_writable_home
from lakehouse.partition import Month, month_range
from lakehouse.settings import SAMPLE_MONTHS, Settings

if TYPE_CHECKING:
    from lakehouse.cli.interruption import Interruption
    from lakehouse.cli.outcomes import RunOutcome
    from lakehouse.warehouse.profile import Project

DEMO_MONTHS = tuple(month_range(SAMPLE_MONTHS[0], Month(2023, 3)))
"""The types of TLC's files change between the second and the third."""


@dataclass(frozen=True)
class Question:
    """Something to ask of gold, in words and in SQL."""

    words: str
    sql: str


QUESTIONS = (
    Question(
        "Where do trips begin, and what is charged for them?",
        """\
SELECT borough, taxi_type, SUM(trip_count) AS trips, SUM(total_amount) AS charged
FROM gold.trips_by_pickup_location
GROUP BY borough, taxi_type
ORDER BY trips DESC
LIMIT 6""",
    ),
    Question(
        "How are green taxis paid for, and what does a trip cost?",
        """\
SELECT payment_type_name AS paid_by, SUM(trip_count) AS trips, SUM(total_amount) AS charged,
  CAST(SAFE_DIVIDE(SUM(total_amount), SUM(trip_count)) AS NUMERIC(18, 2)) AS charged_per_trip
FROM gold.green_trips_by_payment_type
GROUP BY paid_by
ORDER BY trips DESC
LIMIT 5""",
    ),
    Question(
        "How many yellow trips were voided or refunded, month by month?",
        """\
SELECT month, SUM(trip_count) AS trips, SUM(reversal_count) AS reversals,
  CAST(SAFE_DIVIDE(1000 * SUM(reversal_count), SUM(trip_count)) AS NUMERIC(18, 2)) AS of_a_thousand
FROM gold.trips_by_pickup_location
WHERE taxi_type = 'yellow'
GROUP BY month
ORDER BY month""",
    ),
)


def run_demo(settings: Settings, interruption: Interruption) -> bool:
    """Publish the demo's months at the sample source, run them, and show what came of it; whether all went well."""
    from lakehouse.cli.shown import run_shown
    from lakehouse.sample.served import folder_of
    from lakehouse.sample.source import ROWS, prepare
    from lakehouse.warehouse.profile import open_project

    require_writable_home(settings)
    say("SAMPLE DATA: generated, no real trips and no real people. They are kept apart from real data, in")
    say(f"{settings.home}")
    started = time.perf_counter()
    if written := prepare(folder_of(settings), DEMO_MONTHS, ROWS):
        say(f"{len(written)} source files generated in {time.perf_counter() - started:.1f} s\n")
    outcomes = run_shown(settings, "*", lambda _: DEMO_MONTHS, interruption)
    if failed := [str(outcome.partition) for outcome in outcomes if not outcome.succeeded]:
        say(f"failed: {', '.join(failed)}", err=True)
        return False
    if all(asset.unchanged for outcome in outcomes for asset in outcome.assets if asset.rows is not None):
        say(f"\nNothing to do: all {len(outcomes)} months are as the sample source serves them.")
    else:
        _write_summary(outcomes)
        _write_answers(open_project(settings))
    _write_next()
    return True


def publish_month(settings: Settings, month: Month, *, restate: bool) -> None:
    """Publish a month at the sample source; ``restate`` gives it other records than it had.

    Raises:
        UnknownMonth: there is no sample data of that month.
    """
    from lakehouse.sample.served import folder_of
    from lakehouse.sample.source import ROWS, prepare, publish

    first, last = SAMPLE_MONTHS
    if not first <= month <= last:
        raise UnknownMonth(f"{month}: there is sample data from {first} to {last}")
    require_writable_home(settings)
    folder = folder_of(settings)
    written = publish(folder, month, ROWS, time.time_ns()) if restate else prepare(folder, (month,), ROWS)
    for path in written:
        click.echo(path)
    if not written:
        click.echo(f"{month} is published already; --restate gives it other records")


def _write_summary(outcomes: Sequence[RunOutcome]) -> None:
    """A line for each asset, over all months."""
    from lakehouse.cli.output import write_lines

    keys = dict.fromkeys(asset.key for outcome in outcomes for asset in outcome.assets)
    lines = []
    for key in keys:
        made = [asset for outcome in outcomes for asset in outcome.assets if asset.key == key]
        counted = made[0].rows is not None
        is_audited = any(asset.rejected is not None for asset in made)
        lines.append(
            [
                key,
                f"{sum(asset.rows or 0 for asset in made):,}" if counted else "",
                f"{sum(asset.rejected or 0 for asset in made):,}" if is_audited else "",
                f"{sum(asset.duplicates or 0 for asset in made):,}" if is_audited else "",
                f"{sum(asset.seconds for asset in made):.2f}",
            ]
        )
    click.echo(f"\n{len(outcomes)} months, each a Dagster run:")
    write_lines([("asset", False), *((name, True) for name in ("rows", "rejected", "duplicates", "seconds"))], lines)


def _write_answers(project: Project) -> None:
    """Of the questions whose tables there are: what rests on a source without samples is left out."""
    from lakehouse.cli.output import write
    from lakehouse.exceptions import QueryError
    from lakehouse.models import dialect

    there = {spec.name for spec in project.models.specs()}
    for question in QUESTIONS:
        if there.issuperset(dialect.references(dialect.parse(question.sql, "question", QueryError))):
            click.echo(f"{question.words} (sample data)")
            write(project.warehouse.query(question.sql), "table")


def _write_next() -> None:
    click.echo(
        """
Go on, in the project's folder:
  . .venv/bin/activate
  lakehouse --sample status                        what there is of each month
  lakehouse --sample query "SELECT month, borough, SUM(trip_count) AS trips
                            FROM gold.trips_by_pickup_location GROUP BY month, borough ORDER BY month, trips DESC"
  lakehouse --sample dev                           the Dagster UI on http://127.0.0.1:3000
  lakehouse sample publish 2023-04                 another month at the sample source,
  lakehouse --sample run --from 2023-04            and into the tables
  lakehouse run --from 2024-01 --to 2024-01        the same with TLC's own files"""
    )
