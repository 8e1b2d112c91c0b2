"""SQL as the project writes it (BigQuery's dialect), resolved against a schema and rendered for an engine.

Everything is generated from the *qualified* tree: in the raw one, ``GROUP BY x`` with an alias ``x`` that
shadows a source column groups by the alias in BigQuery and by the source column in DuckDB.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, OptimizeError, ParseError, TokenError, UnsupportedError
from sqlglot.expressions.core import POSITION_META_KEYS
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema
from sqlglot.tokenizer_core import TokenType

from lakehouse.exceptions import LakehouseError, QueryError, first_line
from lakehouse.models.portable import types
from lakehouse.models.portable.duck import VALUE_ERROR, is_failure
from lakehouse.models.portable.foreign import faults
from lakehouse.models.portable.mending import RULES, Mending, mended
from lakehouse.models.portable.types import FAILS
from lakehouse.models.portable.written_times import as_times
from lakehouse.schema import Column

Engine = Literal["duckdb", "bigquery"]
BIGQUERY: Engine = "bigquery"
Schema = dict[str, dict[str, dict[str, str]]]
"""Layer → table → column → BigQuery type."""

_NINE_DECIMALS = exp.DataType.build("DECIMAL(38,9)", dialect="duckdb")
_BARE = exp.DataType(this=exp.DType.DECIMAL)
_KNOWS_NEW_COLUMNS = ("group", "having", "qualify", "order")
"""Clauses of a SELECT in which its new columns have their names already."""
_UNRESOLVED = re.compile(r"(?:Column '|Unknown column: )(?P<name>\w+)")
_TERMINAL_COLOURS = re.compile(r"\x1b\[\d*m")


def parse(sql: str, origin: str, error: type[LakehouseError]) -> exp.Query:
    """Parse one SELECT.

    Raises:
        error: it is not valid SQL, or not exactly one SELECT; the message starts with ``origin``.
    """
    grammar = Dialect.get_or_raise(BIGQUERY)
    try:
        tokens = grammar.tokenize(sql)
        if all(token.token_type is TokenType.SEMICOLON for token in tokens):  # each would be parsed by itself
            raise error(f"{origin}: expected exactly one SELECT")
        parsed = grammar.parser().parse(tokens, sql)
    except (ParseError, TokenError) as fault:
        reason = _TERMINAL_COLOURS.sub("", first_line(fault))
        if "SENTINEL" in reason:
            reason = "it ends too early"
        raise error(f"{origin}: not valid BigQuery SQL: {reason}") from None
    if tokens and tokens[0].token_type is TokenType.FROM and not any(token.text == "|>" for token in tokens):
        raise error(f"{origin}: not valid BigQuery SQL: a statement begins with SELECT or WITH")
    for said in faults(sql, tokens):
        raise error(f"{origin}: not valid BigQuery SQL: {said}")
    statements = [each for each in parsed if not isinstance(each, exp.Semicolon)]  # a comment after the last
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise error(f"{origin}: expected exactly one SELECT")
    return statements[0]


def parse_predicate(sql: str, origin: str, error: type[LakehouseError]) -> exp.Expr:
    """Parse a boolean expression.

    Raises:
        error: it is not a valid expression.
    """
    query = parse(f"SELECT ({sql}) AS predicate", origin, error)
    return query.selects[0].unalias()


def references(query: exp.Expr) -> tuple[str, ...]:
    """Tables a query reads, as ``layer.table``, sorted; names of its own CTEs are not among them."""
    own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}  # case does not tell them apart
    tables = {
        f"{table.db}.{table.name}" if table.db else table.name
        for table in query.find_all(exp.Table)
        if table.db or table.name.lower() not in own
    }
    return tuple(sorted(tables))


def resolve(query: exp.Query, schema: Schema, origin: str, error: type[LakehouseError]) -> exp.Query:
    """The query with every column qualified, every star expanded and every type annotated.

    Raises:
        error: a table or column does not exist; near names are suggested.
    """
    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            name = table.this.sql(BIGQUERY).partition("(")[0].lower()
            raise error(f"{origin}: there is no table {name}: it is a function, and only tables can be read")
    read = _what_is_read(query, schema, origin, error)
    try:
        known_columns = MappingSchema({**read}, dialect=BIGQUERY)
        qualified = qualify(query.copy(), schema=known_columns, dialect=BIGQUERY)
        resolved = types.annotated(qualified, known_columns)
        retyped = types.annotated(resolved, known_columns) if as_times(resolved) else resolved
        return _without_positions(retyped)
    except OptimizeError as fault:
        found = _UNRESOLVED.search(str(fault))
        if found is None:
            raise error(f"{origin}: {fault}") from None
        tables = references(query)
        columns = [column for layer in read.values() for table in layer.values() for column in table]
        if found["name"] in columns:
            raise error(
                f"{origin}: column {found['name']} is ambiguous or out of reach here: say of which table, "
                f"as in t.{found['name']}"
            ) from None
        near = suggestion(found["name"], columns)
        raise error(f"{origin}: there is no column {found['name']} in {', '.join(tables)}{near}") from None


def require_columns_alone(query: exp.Query, schema: Schema, origin: str, error: type[LakehouseError]) -> None:
    """Require that a query that can be resolved uses no new column where its own SELECT does not know it yet.

    Raises:
        error: a SELECT uses one in WHERE, in a JOIN or in another column, as other dialects let it.
    """
    bare = query.copy()
    for select in bare.find_all(exp.Select):
        for clause in _KNOWS_NEW_COLUMNS:
            select.set(clause, None)
    read = MappingSchema({**_what_is_read(query, schema, origin, error)}, dialect=BIGQUERY)
    try:
        qualify(bare, schema=read, dialect=BIGQUERY, expand_alias_refs=False)
    except OptimizeError as fault:
        found = _UNRESOLVED.search(str(fault))
        name = found["name"] if found is not None else "a name"
        raise error(
            f"{origin}: {name} is a new column of the same SELECT, which only its GROUP BY, HAVING, QUALIFY and "
            f"ORDER BY know: write what it is made of, or make it in a CTE first"
        ) from None


def _what_is_read(query: exp.Query, schema: Schema, origin: str, error: type[LakehouseError]) -> Schema:
    """Of a schema the tables that a query reads: sqlglot looks at every column it is given."""
    read: Schema = {}
    for reference in references(query):
        layer, _, name = reference.partition(".")
        columns_of = schema.get(layer, {}).get(name)
        if columns_of is None:
            known = {f"{layer}.{table}" for layer, tables in schema.items() for table in tables}
            raise error(f"{origin}: there is no table {reference}{suggestion(reference, known)}")
        read.setdefault(layer, {})[name] = columns_of
    return read


def _without_positions(query: exp.Query) -> exp.Query:
    """Where in its file a name stands says nothing any more, and to copy it takes half the time of a copy."""
    for node in query.walk():
        if node.meta_get("line") is not None:
            for key in POSITION_META_KEYS:
                node.meta.pop(key, None)
    return query


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` with the names nearest to a wrong one, or what there is if none is near."""
    names = sorted(set(known))
    by_last_part = {full.rpartition(".")[2]: full for full in names}
    near = difflib.get_close_matches(name, [*names, *by_last_part], n=3)
    if near:
        return f"; did you mean {' or '.join(dict.fromkeys(by_last_part.get(match, match) for match in near))}?"
    return f"; there is {', '.join(names)}" if names else ""


def output_types(query: exp.Query) -> dict[str, str]:
    """Name → BigQuery type of each column a resolved query returns; ``UNKNOWN`` where none follows."""
    return {
        projection.alias_or_name: projection.type.sql(BIGQUERY).replace(", ", ",") if projection.type else "UNKNOWN"
        for projection in query.selects
    }


def cast_to(query: exp.Query, columns: Iterable[Column]) -> exp.Select:
    """The query with each column cast to its declared type, which settles what engines infer differently."""
    projections = [
        exp.alias_(
            cast(exp.column(column.name, quoted=True), column.type),
            column.name,
            quoted=True,
        )
        for column in columns
    ]
    return exp.select(*projections).from_(query.subquery("model"))


def type_text(type_: str, engine: Engine) -> str:
    """An engine's name of one of BigQuery's types."""
    return exp.DataType.build(type_, dialect=BIGQUERY).sql(engine)


def cast(value: exp.Expr, type_: str) -> exp.Cast:
    """A value cast to one of BigQuery's types."""
    return exp.Cast(this=value, to=exp.DataType.build(type_, dialect=BIGQUERY))


def truncated_to_month(value: exp.Expr) -> exp.Cast:
    """First day of the month of a DATE or DATETIME."""
    return cast(exp.func("DATE_TRUNC", value, exp.var("MONTH"), dialect=BIGQUERY), "DATE")


def counted(value: exp.Expr) -> exp.Coalesce:
    """A count as every engine gives it: INT64, and zero of nothing."""
    return exp.Coalesce(this=cast(value, "INT64"), expressions=[exp.Literal.number(0)])


def all_of(name: str) -> exp.Select:
    """Every row of what has this name."""
    return exp.select("*").from_(name)


def no_rows(columns: Iterable[Column]) -> exp.Select:
    """A query with these columns that gives no row."""
    nothing = exp.select(exp.alias_(exp.Literal.number(1), "one")).subquery("nothing")
    typed = (exp.alias_(cast(exp.Null(), column.type), column.name, quoted=True) for column in columns)
    return exp.select(*typed).from_(nothing).where(exp.false())


def render(expression: exp.Expr, engine: Engine, rules: Mapping[str, Mending] = RULES) -> str:
    """SQL text for an engine. ``@name`` parameters become ``$name`` in DuckDB.

    Raises:
        QueryError: it cannot be said there.
    """
    own = (
        mended(expression, rules).transform(_exact_numeric, copy=False).transform(_failing, copy=False)
        if engine == "duckdb"
        else expression.transform(_rounded_cast)
    )
    try:
        return own.sql(engine, comments=False, copy=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as fault:
        raise QueryError(f"query: {engine} has no such SQL: {first_line(fault)}") from None


def told_apart(query: exp.Expr) -> str:
    """A text in no engine's dialect that two queries share only if they mean the same to every engine.

    BigQuery's is not enough: its casts do not tell a NUMERIC's precision, and an order does not tell where NULLs go
    if they go where they go by themselves.
    """
    return query.sql(comments=False)


def _exact_numeric(node: exp.Expr) -> exp.Expr:
    """BigQuery's NUMERIC has nine decimals, also on the way to fewer.

    DuckDB's bare DECIMAL would silently have three; and it would round the binary number that stands for 1.005,
    or that a division gives, to 1.00.
    """
    if isinstance(node, exp.DataType) and node.this == exp.DType.DECIMAL and not node.expressions:
        return _NINE_DECIMALS.copy()
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DECIMAL and node.to not in (_NINE_DECIMALS, _BARE):
        inner = node.this.unnest()
        is_binary = inner.type is not None and inner.type.this in (exp.DType.DOUBLE, exp.DType.FLOAT)
        if is_binary or isinstance(inner, (exp.Div, exp.SafeDivide, exp.Avg, exp.Round)):
            node.set("this", exp.Cast(this=node.this, to=_NINE_DECIMALS.copy()))
    return node


def _failing(node: exp.Expr) -> exp.Expr:
    """What a statement raises by itself begins in a way that tells it from what is wrong with a file.

    Of no message, or several, the engine says what is wrong.
    """
    if not isinstance(node, exp.Anonymous) or node.name.upper() != FAILS or len(node.expressions) != 1:
        return node
    if is_failure(node):
        return node
    said = exp.DPipe(this=exp.Literal.string(VALUE_ERROR), expression=exp.paren(node.expressions[0]))
    return exp.Anonymous(this=FAILS, expressions=[said])


def _rounded_cast(node: exp.Expr) -> exp.Expr:
    """BigQuery's casts take no ``NUMERIC(18,2)``, and its bare NUMERIC keeps nine decimals; sqlglot drops the two."""
    if not isinstance(node, exp.Cast) or node.to.this != exp.DType.DECIMAL or not node.to.expressions:
        return node
    _, *scale = (parameter.this for parameter in node.to.expressions)
    node.set("to", exp.DataType(this=exp.DType.DECIMAL))
    if isinstance(node.this, exp.Null):
        return node
    node.set("this", node.this.transform(_rounded_cast))  # a node that is replaced is not looked into
    return exp.Round(this=node, decimals=scale[0].copy() if scale else exp.Literal.number(0))


def parameters(expression: exp.Expr) -> frozenset[str]:
    """Names of the ``@parameters`` an expression binds."""
    return frozenset(parameter.name for parameter in expression.find_all(exp.Parameter))
