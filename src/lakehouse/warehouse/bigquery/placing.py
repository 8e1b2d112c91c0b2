"""Statements with the relations that they name put in their places: tables, and subqueries over these."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.exceptions import StatementFailed, StatementFault
from lakehouse.models import dialect

Relations = Mapping[str, "exp.Table | exp.Query"]
"""What names stand for: tables as BigQuery knows them, or queries over such."""

_DOT = "."
_NAMES = frozenset({"this", "db", "catalog", "alias"})
_OF_ANY_ROWS = frozenset({"pivots", "sample", "joins", "laterals", "hints"})
"""Parts of a table that subqueries may have as well."""


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
        table.replace(_in_place(table, relation.copy()))
    for column in query.find_all(exp.Column):
        if _DOT in column.table:
            column.set("table", exp.to_identifier(_without_dots(column.table), quoted=True))
    return query


def _in_place(table: exp.Table, relation: exp.Table | exp.Query) -> exp.Expr:
    """A relation with all that a statement says of a table besides its name."""
    place = exp.Subquery(this=relation) if isinstance(relation, exp.Query) else relation
    said = {name for name, value in table.args.items() if value} - _NAMES
    if unknown := said - _OF_ANY_ROWS:
        raise StatementFailed(
            f"{table.sql(dialect.BIGQUERY)}: there is no {', '.join(sorted(unknown))} of a table here",
            StatementFault.STATEMENT,
        )
    place.set("alias", exp.TableAlias(this=exp.to_identifier(_without_dots(table.alias_or_name), quoted=True)))
    for name in said:
        place.set(name, table.args[name])
    return place


def _without_dots(alias: str) -> str:
    """An alias as BigQuery takes it for one name."""
    return alias.replace(_DOT, "__")


def table(name: str) -> exp.Table:
    """A table as BigQuery knows it: ``dataset.table``, or ``project.catalog.namespace.table``."""
    first, *others = (exp.to_identifier(part, quoted=True) for part in name.split("."))
    if len(others) == 1:
        return exp.table_(others[0], db=first)
    catalog, *own = others
    return exp.Table(this=exp.Dot.build(own), db=catalog, catalog=first)
