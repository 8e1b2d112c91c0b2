"""Statements with the relations that they name put in their places: tables, and subqueries over these."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.exceptions import StatementFailed, StatementFault

Relations = Mapping[str, "exp.Table | exp.Query"]
"""What names stand for: tables as BigQuery knows them, or queries over such."""


def placed(query: exp.Query, relations: Relations) -> exp.Query:
    """The query over what its names stand for, each called as before.

    Raises:
        StatementFailed: it reads what has no such name.
    """
    own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    query = query.copy()
    for table in [*query.find_all(exp.Table)]:
        if not table.db and table.name.lower() in own:
            continue
        name = f"{table.db}.{table.name}" if table.db else table.name
        relation = relations.get(name)
        if relation is None:
            raise StatementFailed(f"there is no table {name}", StatementFault.STATEMENT)
        alias = exp.TableAlias(this=exp.to_identifier(_alias(table.alias_or_name), quoted=True))
        place = relation.copy()
        if isinstance(place, exp.Query):
            place = exp.Subquery(this=place)
        place.set("alias", alias)
        table.replace(place)
    for column in query.find_all(exp.Column):
        if "." in column.table:
            column.set("table", exp.to_identifier(_alias(column.table), quoted=True))
    return query


def _alias(name: str) -> str:
    """A name that rows may have in a statement: one with a point in it would be that of a path."""
    return name.replace(".", "_")


def table(name: str) -> exp.Table:
    """A table as BigQuery knows it: ``dataset.table``."""
    dataset, _, own = name.partition(".")
    return exp.table_(exp.to_identifier(own, quoted=True), db=exp.to_identifier(dataset, quoted=True))
