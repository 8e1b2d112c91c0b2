"""A form of SQL on the edges of its types: what the local engine gives, as the project writes it, and GoogleSQL's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from lakehouse.exceptions import LakehouseError, QueryError
from lakehouse.models import dialect, portability
from lakehouse.models.portable import mending
from tests.googlesql.edges import COLUMNS, rows_of
from tests.googlesql.oracle import Oracle, Refusal

_TABLE = "silver.edges"
_EXPECTED = re.compile(r"(?P<sql>.*?)(?: +--refused (?P<refused>\d+))?")
FORMS = Path(__file__).with_name("forms.txt")
QUERIES = Path(__file__).with_name("queries.txt")
FAILS = "an error"


@dataclass(frozen=True)
class Form:
    """An expression over columns of edges; ``refused`` of its cases have a value in GoogleSQL alone."""

    sql: str
    refused: int = 0

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(sorted({column.name for column in self._parsed().find_all(exp.Column)}))

    @property
    def kinds(self) -> set[type[exp.Expr]]:
        """What it is made of."""
        return {type(node) for node in self._parsed().walk()}

    @cache  # noqa: B019 - there are some hundred
    def _parsed(self) -> exp.Query:
        return dialect.parse(f"SELECT {self.sql}", self.sql, QueryError)


@dataclass(frozen=True)
class Difference:
    """A case on which the engines do not agree."""

    given: tuple[str, ...]
    google: Any
    local: Any

    @property
    def is_refused(self) -> bool:
        return bool(self.local == FAILS)


class Expected:
    """What GoogleSQL gives of forms, asked once of each."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._known: dict[str, tuple[str, list[Any]]] = {}

    def of(self, form: Form) -> tuple[str, list[Any]]:
        """The type of a form, and its value in each case."""
        if form.sql not in self._known:
            names = form.columns
            self._known[form.sql] = google_values(form, names, rows_of(names), self._oracle)
        return self._known[form.sql]


@dataclass(frozen=True)
class Trial:
    """All cases of a form."""

    form: Form
    cases: int
    values: int
    differences: tuple[Difference, ...]
    types: tuple[str, str]

    @property
    def refused(self) -> int:
        return sum(difference.is_refused for difference in self.differences)


def forms() -> Iterator[Form]:
    """All that are listed."""
    for line in FORMS.read_text().splitlines():
        if line and not line.startswith("#"):
            found = _EXPECTED.fullmatch(line)
            assert found is not None
            yield Form(found["sql"], int(found["refused"] or 0))


def tried(
    form: Form,
    google: Expected,
    connection: duckdb.DuckDBPyConnection,
    rules: Mapping[str, mending.Mending] = mending.RULES,
) -> Trial:
    """A form on every combination of its columns' edges.

    Raises:
        LakehouseError: it is not portable.
    """
    names = form.columns
    rows = rows_of(names)
    expected_type, expected = google.of(form)
    local_type, given = _local(form, names, rows, connection, rules)
    differences = (
        Difference(row, theirs, ours)
        for row, theirs, ours in zip(rows, expected, given, strict=True)
        if not is_same(theirs, ours)
    )
    values = sum(value is not None and value != FAILS for value in expected)
    return Trial(form, len(rows), values, tuple(differences), (expected_type, local_type))


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one kind; a NaN equals a NaN."""
    if one is None or other is None:
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    kinds = (str, bool, float, datetime, list)
    if any(isinstance(one, kind) != isinstance(other, kind) for kind in kinds):
        return False
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other)


def google_values(
    form: Form, names: tuple[str, ...], rows: list[tuple[str, ...]], oracle: Oracle
) -> tuple[str, list[Any]]:
    """The type of a form, and its value in each of these rows on Google's engine."""
    given = oracle.run(
        f"SELECT id, ISERROR({form.sql}) AS failed, IFERROR({form.sql}, NULL) AS v "
        f"FROM {relation(names, rows)} ORDER BY id"
    )
    assert not isinstance(given, Refusal), f"{form.sql}: {given.reason}"
    return given.columns[2][1], [FAILS if failed else value for _, failed, value in given.rows]


def relation(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows of literals as GoogleSQL's relation, numbered by ``id``."""
    if not names:
        return "(SELECT 0 AS id)"
    types = ", ".join(("id INT64", *(f"{name} {COLUMNS[name].type.partition('(')[0]}" for name in names)))
    literals = ", ".join(f"({', '.join((str(number), *row))})" for number, row in enumerate(rows))
    return f"UNNEST(ARRAY<STRUCT<{types}>>[{literals}])"


def _local(
    form: Form,
    names: tuple[str, ...],
    rows: list[tuple[str, ...]],
    connection: duckdb.DuckDBPyConnection,
    rules: Mapping[str, mending.Mending],
) -> tuple[str, list[Any]]:
    sql, type_ = local_text(f"SELECT id, {form.sql} AS v FROM {_TABLE}", names, rules)
    fill(connection, names, rows)
    try:
        return type_, [value for _, value in sorted(connection.execute(sql).fetchall(), key=lambda row: row[0])]
    except duckdb.Error:
        return type_, _one_by_one(sql, len(rows), connection)


def _one_by_one(sql: str, count: int, connection: duckdb.DuckDBPyConnection) -> list[Any]:
    connection.execute(f"ALTER TABLE {_TABLE} RENAME TO all_edges")
    values: list[Any] = []
    try:
        for number in range(count):
            connection.execute(f"CREATE OR REPLACE VIEW {_TABLE} AS FROM silver.all_edges WHERE id = {number}")
            try:
                values += [value for _, value in connection.execute(sql).fetchall()]
            except (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException):
                values.append(FAILS)
    finally:
        connection.execute(f"DROP VIEW IF EXISTS {_TABLE}")
        connection.execute("DROP TABLE silver.all_edges")
    return values


def local_text(
    sql: str, names: tuple[str, ...], rules: Mapping[str, mending.Mending] = mending.RULES
) -> tuple[str, str]:
    """A query over the edges as the local engine is given it, and the type of its last column.

    Raises:
        LakehouseError: it is not portable.
    """
    schema = {"silver": {"edges": {"id": "INT64", **{name: COLUMNS[name].type for name in names}}}}
    query = dialect.parse(sql, sql, QueryError)
    resolved = dialect.resolve(query, schema, sql, QueryError)
    for finding in portability.differing(query, resolved, schema):
        raise LakehouseError(f"{sql}: {finding}")
    type_ = list(dialect.output_types(resolved).values())[-1]
    return dialect.render(resolved, "duckdb", rules), type_


def fill(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Make the table of edges hold these rows."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS silver")
    connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    columns = ", ".join(("id BIGINT", *(f"{name} {_local_type(name)}" for name in names)))
    connection.execute(f"CREATE TABLE {_TABLE} ({columns})")
    values = ", ".join(
        f"({', '.join((str(number), *(_literal(text, name) for text, name in zip(row, names, strict=True))))})"
        for number, row in enumerate(rows)
    )
    connection.execute(f"INSERT INTO {_TABLE} VALUES {values}")


def _local_type(name: str) -> str:
    return dialect.type_text(COLUMNS[name].type, "duckdb")


@cache
def _literal(text: str, name: str) -> str:
    value = dialect.parse(f"SELECT CAST({text} AS {COLUMNS[name].type})", text, QueryError).selects[0]
    return dialect.render(value, "duckdb")


def queries() -> Iterator[str]:
    """All statements that are listed."""
    yield from (line for line in QUERIES.read_text().splitlines() if line and not line.startswith("#"))


def of_query(
    sql: str,
    oracle: Oracle,
    connection: duckdb.DuckDBPyConnection,
    rules: Mapping[str, mending.Mending] = mending.RULES,
) -> tuple[list[tuple[Any, ...]] | str, list[tuple[Any, ...]] | str]:
    """What GoogleSQL and the local engine give of a query over the edges: rows, or that it fails.

    Raises:
        LakehouseError: it is not portable.
    """
    query = dialect.parse(sql, sql, QueryError)
    names = tuple(sorted({column.name for column in query.find_all(exp.Column)} & COLUMNS.keys()))
    rows = rows_of(names)
    text, _ = local_text(sql, names, rules)
    fill(connection, names, rows)
    given = oracle.run(sql.replace(_TABLE, f"(SELECT * FROM {relation(names, rows)})"))
    expected: list[tuple[Any, ...]] | str = FAILS if isinstance(given, Refusal) else list(given.rows)
    try:
        local: list[tuple[Any, ...]] | str = connection.execute(text).fetchall()
    except (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.InvalidInputException):
        local = FAILS
    if query.args.get("order") is None and isinstance(expected, list) and isinstance(local, list):
        return sorted(expected, key=place_of), sorted(local, key=place_of)
    return expected, local


def are_same(expected: list[tuple[Any, ...]] | str, local: list[tuple[Any, ...]] | str) -> bool:
    """Whether rows are equal; FLOAT64s that are added up may differ in their last digits, as they do in BigQuery."""
    if isinstance(expected, str) or isinstance(local, str):
        return expected == local
    return len(expected) == len(local) and all(
        len(one) == len(other) and all(map(_is_close, one, other)) for one, other in zip(expected, local, strict=True)
    )


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return is_same(one, other) or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return is_same(one, other)


def place_of(row: tuple[Any, ...]) -> str:
    """Where a row goes among rows that have no order of their own."""
    return repr([str(value.normalize() + 0) if isinstance(value, Decimal) else value for value in row])


def mended_by_rules(sql: str) -> set[str]:
    """Names of the mending rules that change a query over the edges."""
    fired: set[str] = set()
    local_text(sql, tuple(sorted(COLUMNS)), {name: _told(name, rule, fired) for name, rule in mending.RULES.items()})
    return fired


def _told(name: str, rule: mending.Mending, fired: set[str]) -> mending.Mending:
    def told(node: exp.Expr) -> exp.Expr:
        before = dict(node.args)
        new = rule(node)
        if new is not node or any(node.args.get(argument) is not value for argument, value in before.items()):
            fired.add(name)
        return new

    return told
