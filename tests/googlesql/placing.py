"""A statement with what it reads put in its place, and values for its parameters: a text that reads no table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlglot import exp

from lakehouse.models import dialect
from tests.googlesql.literals import Values, relation


@dataclass(frozen=True)
class Given:
    """Rows at hand; ``columns`` are names and BigQuery types."""

    columns: Mapping[str, str]
    rows: Values

    def of(self, names: frozenset[str] | None) -> Given:
        """The same without the columns that have none of these names, but for one; None for all names."""
        kept = [n for n, name in enumerate(self.columns) if names is None or name in names] or [0]
        columns = list(self.columns.items())
        return Given(dict(columns[n] for n in kept), [[row[n] for n in kept] for row in self.rows])


Source: TypeAlias = "Given | exp.Query"


def placed(query: exp.Query, sources: Mapping[str, Source], parameters: Mapping[str, object]) -> str:
    """The text for BigQuery. ``sources`` are by name, each after those that it reads itself."""
    needed = _needed(query, sources)
    related = {name: source for name in needed if isinstance(source := sources[name], exp.Query)}
    named = _named([query, *related.values()])
    parts = []
    for name, source in sources.items():
        if name in needed:
            rows = source.of(named) if isinstance(source, Given) else None
            text = relation(rows.columns, rows.rows) if rows else _text(related[name], needed, parameters)
            parts.append(f"{_own(name)} AS (\n{text})")
    text = _text(query, needed, parameters)
    listed = ",\n".join(parts)
    return f"WITH {listed}\nSELECT * FROM (\n{text})" if parts else text


def _named(queries: Iterable[exp.Query]) -> frozenset[str] | None:
    """Names of all columns that queries speak of; None if one takes all that there are."""
    names = set[str]()
    for query in queries:
        if any(isinstance(each, exp.Star) for select in query.find_all(exp.Select) for each in select.selects):
            return None
        names |= {column.name for column in query.find_all(exp.Column)}
    return frozenset(names)


def _needed(query: exp.Query, sources: Mapping[str, Source]) -> frozenset[str]:
    """Names that it reads, and those that these read."""
    read = frozenset(dialect.references(query))
    related = (source for name in read if isinstance(source := sources[name], exp.Query))
    return read.union(*(_needed(source, sources) for source in related))


def _own(name: str) -> str:
    return f"given_{name.replace('.', '_')}"


def _text(query: exp.Query, names: frozenset[str], parameters: Mapping[str, object]) -> str:
    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter):
            value = parameters[node.name]
            if not isinstance(value, datetime):
                raise TypeError(f"@{node.name} is {value!r}: parameters are times")
            return dialect.cast(exp.Literal.string(value.isoformat(sep=" ")), "DATETIME")
        name = f"{node.db}.{node.name}".strip(".") if isinstance(node, exp.Table) else ""
        if name in names:
            return exp.alias_(exp.to_table(_own(name)), node.alias or node.name, table=True, quoted=True)
        return node

    return dialect.render(query.transform(replaced), dialect.BIGQUERY)
