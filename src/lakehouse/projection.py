"""How a landed file of any era becomes its dataset's canonical relation, for any engine.

TLC's files change names and types from era to era and back, so a file is always read by its own schema,
never by its date.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlglot import exp

from dlt_sources.dataset import Dataset, MonthlyDataset
from lakehouse.exceptions import ContractViolation, CorruptFile
from lakehouse.month import Month
from lakehouse.schema import BRONZE_COLUMNS, NUMERIC, Column

LANDED = "landed"
"""Name of the relation a projection selects from: the landed file as it is."""


@dataclass(frozen=True)
class SourceColumn:
    """One column of a file, with the kind of its type: what a cast needs to know, free of any engine."""

    name: str
    kind: str


@dataclass(frozen=True)
class CanonicalColumn:
    """A column of the canonical relation and the names it goes by in files (compared without case).

    ``padded`` text comes with surrounding spaces at times; they go, and what is empty then is NULL.
    ``since`` is the first month whose file should have it, None for one that may be absent at any time.
    """

    column: Column
    sources: tuple[str, ...]
    required: bool = False
    padded: bool = False
    since: Month | None = None


@dataclass(frozen=True)
class Projection:
    """How one file becomes the canonical relation.

    ``select`` reads :data:`LANDED`. The others name columns (in the file, canonical) whose values must be
    looked at before they are cast: ``times``, floats that become ``whole_numbers``, numbers of more than
    two decimals that become ``decimals``, and ``digits``, text that becomes whole numbers.
    """

    select: exp.Select
    times: tuple[tuple[str, str], ...] = ()
    whole_numbers: tuple[tuple[str, str], ...] = ()
    decimals: tuple[tuple[str, str], ...] = ()
    digits: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def with_exact_halves(self, columns: Collection[str]) -> Projection:
        """The same, rounding the decimal numbers of these columns rather than the binary ones that stand for them.

        1.005 is a little less as a FLOAT64, so DuckDB rounds it to 1.00; BigQuery has nine decimals on the way and
        makes it 1.01. Nine decimals cost DuckDB half a second for three million values, so only where it matters.
        """
        select = self.select.copy()
        for projection in select.selects:
            if projection.alias in columns:
                cast = projection.this
                cast.set("this", exp.Cast(this=cast.this, to=exp.DataType.build(_ON_THE_WAY, dialect="bigquery")))
        return replace(self, select=select)

    def records(self, sha256: str) -> exp.Select:
        """Every record of the file, canonical, with the columns that every bronze relation has."""
        copies = exp.cast(exp.Literal.number(1), "INT64", dialect="bigquery")
        return self._named(self.select.subquery("typed"), copies, sha256)

    def folded(self, sha256: str, order: Sequence[exp.Expr] = ()) -> exp.Select:
        """The distinct records of the file, each with how many ``copies`` it has.

        They are ordered before the hash is put to them: DuckDB would carry its text through the sort, which takes
        a third longer.
        """
        names = [exp.column(name, quoted=True) for name in self.select.named_selects]
        copies = exp.alias_(exp.Count(this=exp.Star()), COPIES.name)
        distinct = exp.select(*names, copies).from_(self.select.subquery("typed"))
        distinct = distinct.group_by(*(name.copy() for name in names))
        if order:
            distinct = exp.select("*").from_(distinct.subquery("distinct_records")).order_by(*order)
        return self._named(distinct.subquery("folded"), exp.column(COPIES.name), sha256)

    def _named(self, source: exp.Subquery, copies: exp.Expr, sha256: str) -> exp.Select:
        names = [exp.column(name, quoted=True) for name in self.select.named_selects]
        sha = exp.alias_(exp.Literal.string(sha256), BRONZE_SHA256.name)
        return exp.select(*names, exp.alias_(copies, COPIES.name), sha).from_(source)


COPIES, BRONZE_SHA256 = BRONZE_COLUMNS

_CASTABLE: dict[str, frozenset[str]] = {
    "INT64": frozenset({"integer", "float", "untyped"}),
    NUMERIC: frozenset({"integer", "float", "decimal", "fine decimal"}),
    "DATETIME": frozenset({"datetime"}),
    "STRING": frozenset({"string", "untyped"}),
}
"""Kinds that a cast takes without losing anything once their values were looked at. CSV's values are untyped."""

_ON_THE_WAY = "NUMERIC(38,9)"

_OF_THE_LOADER = "_dlt_"


@dataclass(frozen=True)
class Contract:
    """Canonical columns of a dataset, in order. Grain: one row for each distinct record of a file.

    ``order`` names the column that its rows are sorted by.
    """

    dataset: Dataset
    order: str
    canonical: tuple[CanonicalColumn, ...]

    @property
    def began(self) -> Month | None:
        """First month of a dataset that comes a month at a time, None for one that comes whole."""
        return self.dataset.began if isinstance(self.dataset, MonthlyDataset) else None

    @property
    def is_monthly(self) -> bool:
        return self.began is not None

    def has_begun(self, month: Month | None) -> bool:
        """Whether there is anything of a month; of a dataset that comes whole there always is."""
        return month is None or self.began is None or month >= self.began

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(canonical.column for canonical in self.canonical)

    def expected(self, month: Month | None) -> frozenset[str]:
        """Optional columns that a month's file should have, going by its date alone."""
        return frozenset(c.column.name for c in self.canonical if month and c.since and month >= c.since)

    def project(self, footer: Sequence[SourceColumn], file: str) -> Projection:
        """The projection of a file with these columns.

        A missing or null-typed optional column is a typed NULL.

        Raises:
            ContractViolation: a required column is missing, a name occurs twice, or a type cannot be cast.
        """
        by_name: dict[str, SourceColumn] = {}
        for given in footer:
            if by_name.setdefault(given.name.lower(), given) is not given:
                raise ContractViolation(
                    f"{file}: column {given.name} occurs twice, names being compared without case; nothing was "
                    "changed. Check what the source published"
                )
        selected: list[exp.Expr] = []
        whole_numbers: list[tuple[str, str]] = []
        decimals: list[tuple[str, str]] = []
        times: list[tuple[str, str]] = []
        digits: list[tuple[str, str]] = []
        absent: list[str] = []
        used: set[str] = set()
        for canonical in self.canonical:
            column = canonical.column
            found = [by_name[name.lower()] for name in canonical.sources if name.lower() in by_name]
            used.update(candidate.name.lower() for candidate in found)
            source = next((candidate for candidate in found if candidate.kind != "null"), None)
            if source is None:
                if canonical.required:
                    state = "is there but has no type (all null)" if found else "is missing"
                    raise ContractViolation(
                        f"{file}: required column {canonical.sources[0]} ({column.name}) {state}; "
                        "nothing was changed. Check what the source published"
                    )
                absent.append(column.name)
                value: exp.Expr = exp.Null()
            else:
                if source.kind not in _CASTABLE[column.type]:
                    raise ContractViolation(
                        f"{file}: column {source.name} is of type {source.kind}, which cannot become "
                        f"{column.name} ({column.type}); nothing was changed. "
                        "Check what the source published, or widen the contract in src/lakehouse/contracts.py"
                    )
                if source.kind in ("float", "fine decimal"):
                    (whole_numbers if column.type == "INT64" else decimals).append((source.name, column.name))
                if source.kind == "datetime":
                    times.append((source.name, column.name))
                if source.kind == "untyped" and column.type == "INT64":
                    digits.append((source.name, column.name))
                value = exp.column(source.name, table=LANDED, quoted=True)
                if canonical.padded:
                    value = exp.Nullif(this=exp.func("TRIM", value, _text(" ")), expression=_text(""))
            typed = exp.Cast(this=value, to=exp.DataType.build(column.type, dialect="bigquery"))
            selected.append(exp.alias_(typed, column.name))
        return Projection(
            select=exp.select(*selected).from_(LANDED),
            times=tuple(times),
            whole_numbers=tuple(whole_numbers),
            decimals=tuple(decimals),
            digits=tuple(digits),
            unknown=tuple(
                given.name
                for given in footer
                if given.name.lower() not in used and not given.name.startswith(_OF_THE_LOADER)
            ),
            absent=tuple(absent),
        )


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def read_footer(path: Path) -> tuple[SourceColumn, ...]:
    """Names and kinds of the columns of a parquet file, or of a CSV file with a header.

    Raises:
        CorruptFile: it has no footer that can be read.
    """
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(SourceColumn(name, "untyped") for name in next(csv.reader(file)))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise CorruptFile(f"{path}: its footer cannot be read ({error}); materialize its bronze again") from None
    return tuple(SourceColumn(field.name, _kind(field.type)) for field in schema)


def _kind(arrow_type: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if types.is_decimal(arrow_type) and arrow_type.scale > 2:
        return "fine decimal"
    kinds = {
        "null": types.is_null,
        "integer": types.is_integer,
        "float": types.is_floating,
        "decimal": types.is_decimal,
        "string": lambda t: types.is_string(t) or types.is_large_string(t),
        "datetime": lambda t: types.is_timestamp(t) and t.tz is None,
    }
    return next((kind for kind, matches in kinds.items() if matches(arrow_type)), str(arrow_type))
