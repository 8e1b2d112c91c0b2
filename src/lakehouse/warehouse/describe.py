"""SHOW TABLES and DESCRIBE, each as the query over the information schema that it is short for."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.warehouse.information_schema import InformationSchema, view

_TABLE_COLUMNS = ("table_schema", "table_name", "table_type", "table_format", "partition_column", "description")
_COLUMN_COLUMNS = ("column_name", "data_type", "is_nullable", "is_partitioning_column", "unit", "description")
_SHOW, _DESCRIBE = "SHOW TABLES, or SHOW TABLES FROM silver", "DESCRIBE silver.zones, a table"


def written_out(sql: str, there: InformationSchema) -> exp.Query | None:
    """The query that a SHOW TABLES or a DESCRIBE stands for; None of anything else.

    Raises:
        QueryError: there is no such table or layer, or more is said than that.
    """
    words = _words(sql)
    if not words:
        return None
    if words[0].token_type is TokenType.SHOW:
        return _show(" ".join(word.text for word in words[1:]), there)
    if words[0].token_type in (TokenType.DESCRIBE, TokenType.DESC):
        return _describe(sql, there)
    return None


def _words(sql: str) -> list[Token]:
    """What a statement consists of but comments and the semicolons at its end; nothing where that cannot be told."""
    try:
        words = list(sqlglot.tokenize(sql, read=dialect.BIGQUERY))
    except TokenError:  # the parser says what is wrong
        return []
    while words and words[-1].token_type is TokenType.SEMICOLON:
        words.pop()
    return words


def _show(what: str, there: InformationSchema) -> exp.Query:
    said = re.fullmatch(r"TABLES(?:\s+(?:FROM|IN)\s+`?(\w+)`?)?", _without_comments(what), re.IGNORECASE)
    if said is None:
        raise QueryError(f"query: SHOW {what}: there is {_SHOW}")
    layer = said[1]
    if layer is not None and layer not in there.layers:
        raise QueryError(f"query: there is no layer {layer}{dialect.suggestion(layer, there.layers)}")
    query = exp.select(*map(exp.column, _TABLE_COLUMNS)).from_(view("TABLES", layer))
    query = query.where(exp.column("is_queryable").eq(exp.Literal.string("YES")))
    return query.order_by("table_schema", "table_name")


def _without_comments(what: str) -> str:
    """sqlglot hands out what follows a SHOW as it is written."""
    return " ".join(word.text for word in _words(what))


def _describe(sql: str, there: InformationSchema) -> exp.Query:
    try:
        said = sqlglot.parse_one(sql, read=dialect.BIGQUERY)
    except ParseError:
        said = None
    described = said.this if isinstance(said, exp.Describe) else None
    if not isinstance(described, exp.Table) or described.catalog:
        raise QueryError(f"query: {' '.join(sql.split())}: there is {_DESCRIBE}")
    name = f"{described.db}.{described.name}" if described.db else described.name
    layer, _, table = _whole_name(name, there.tables).partition(".")
    query = exp.select(*map(exp.column, _COLUMN_COLUMNS)).from_(view("COLUMNS", layer))
    return query.where(exp.column("table_name").eq(exp.Literal.string(table))).order_by("ordinal_position")


def _whole_name(name: str, known: tuple[str, ...]) -> str:
    """A table's name with its layer, which may have been left out."""
    found = [each for each in known if name in (each, each.partition(".")[2])]
    if not found:
        raise QueryError(f"query: there is no table {name}{dialect.suggestion(name, known)}")
    if len(found) > 1:
        raise QueryError(f"query: there is {' and '.join(found)}: say which")
    return found[0]
