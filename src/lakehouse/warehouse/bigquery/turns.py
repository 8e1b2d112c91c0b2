"""Turns of ``meta.turn``: every transaction that publishes a table changes its row, so that no two of them do at once.

A row may be missing, of a run that was killed as it made a table, or as somebody emptied ``meta.turn``: to change none
would hold nobody off.
"""

from __future__ import annotations

from collections.abc import Collection

from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.literals import text_literal
from lakehouse.warehouse.bigquery.publications import TURN
from lakehouse.warehouse.bigquery.tables import Tables


def add_turns(names: Collection[str], tables: Tables, jobs: Jobs) -> None:
    """Have a row for each of these tables. Safe to race: more than one of a table do no harm."""
    turn = tables.sql_name(TURN.name)
    jobs.rows(
        f"INSERT INTO {turn} (table_name, turn) SELECT name, 0 FROM UNNEST([{_list(names)}]) AS name "
        f"LEFT JOIN {turn} AS t ON t.table_name = name WHERE t.table_name IS NULL"
    )


def taking(names: Collection[str], tables: Tables) -> str:
    """The statement with which a transaction takes the turns of these tables."""
    return f"UPDATE {tables.sql_name(TURN.name)} AS t SET turn = t.turn + 1 WHERE t.table_name IN ({_list(names)})"


def were_taken(names: Collection[str], tables: Tables) -> str:
    """The condition that there was a turn of each of them to take."""
    turn = tables.sql_name(TURN.name)
    return f"(SELECT COUNT(DISTINCT table_name) FROM {turn} WHERE table_name IN ({_list(names)})) = {len(names)}"


def _list(names: Collection[str]) -> str:
    return ", ".join(map(text_literal, sorted(names)))
