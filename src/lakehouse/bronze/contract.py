"""What a dataset's rows are, whatever its files call them: a contract, from which each file gets its projection.

TLC's files change names and types from era to era and back, so a file is always read by its own schema,
never by its date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from dlt_sources.dataset import Dataset
from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.projection import LANDED, Cast, Projection
from lakehouse.exceptions import ConfigurationError, ContractViolation
from lakehouse.partition import Month, Partition
from lakehouse.schema import BRONZE_COLUMNS, DECLARABLE, UNREADABLE, Column, digits_of, is_declarable

_CASTABLE: dict[str, frozenset[str]] = {
    "INT64": frozenset({"integer", "float", "float32", "decimal", "untyped"}),
    "FLOAT64": frozenset({"float", "float32", "integer", "untyped"}),
    "NUMERIC": frozenset({"integer", "float", "float32", "decimal", "untyped"}),
    "BOOL": frozenset({"bool", "untyped"}),
    "DATE": frozenset({"date", "untyped"}),
    "DATETIME": frozenset({"datetime", "untyped"}),
    "TIMESTAMP": frozenset({"timestamp", "untyped"}),
    "STRING": frozenset({"string", "untyped"}),
}
"""Kinds that a cast takes without losing anything once their values were looked at. CSV's values are untyped."""

_TIMES = frozenset({"date", "datetime", "timestamp"})
_NUMBERS = frozenset({"integer", "float", "float32", "decimal"})
_INEXACT = {
    ("float", "NUMERIC"): "decimals",
    ("float32", "NUMERIC"): "short_decimals",
    ("float", "FLOAT64"): "reals",
    ("float32", "FLOAT64"): "reals",
    ("integer", "FLOAT64"): "floats",
}
"""Kind and type → under which name a projection has the cast."""

_HAVE_DECIMALS = _NUMBERS - {"integer"}

_OF_THE_LOADER = "_dlt_"


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
class Contract:
    """Canonical columns of a dataset, in order. Grain: one row for each distinct record of a file.

    ``order`` names the column that its rows are sorted by.
    """

    dataset: Dataset
    order: str
    canonical: tuple[CanonicalColumn, ...]

    def __post_init__(self) -> None:
        """Refuse what could not be read.

        Raises:
            ConfigurationError: a type is none, a name is given twice or taken, or there is no such column.
        """
        columns = [canonical.column for canonical in self.canonical]
        names = [column.name for column in columns]
        taken = {column.name for column in (*BRONZE_COLUMNS, UNREADABLE)}
        for canonical in self.canonical:
            column = canonical.column
            if not is_declarable(column.type):
                raise self._wrong(f"column {column.name} has type {column.type}; use {DECLARABLE}")
            if names.count(column.name) > 1 or column.name in taken:
                others = ", ".join(sorted(taken))
                raise self._wrong(f"column {column.name} is there twice; every bronze relation has {others}")
            if not canonical.sources:
                raise self._wrong(f"column {column.name} has no name in files")
            if canonical.padded and column.type != "STRING":
                raise self._wrong(f"column {column.name} is {column.type}: only text can be padded")
        if self.order not in names:
            raise self._wrong(f"it is ordered by {self.order}, which is none of its columns")

    def _wrong(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"contract of {self.dataset.name}: {problem}")

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(canonical.column for canonical in self.canonical)

    def expected(self, partition: Partition) -> frozenset[str]:
        """Optional columns that a month's file should have, going by its date alone."""
        if not isinstance(partition, Month):
            return frozenset()
        return frozenset(c.column.name for c in self.canonical if c.since and partition >= c.since)

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
        looked_at: dict[str, list[Cast]] = {}
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
                if source.kind not in _CASTABLE[column.base_type]:
                    raise ContractViolation(
                        f"{file}: column {source.name} is of type {source.kind}, which cannot become "
                        f"{column.name} ({column.type}); nothing was changed. "
                        "Check what the source published, or widen its contract in src/lakehouse/bronze"
                    )
                cast = Cast(source.name, column.name, column.type)
                if (look := _to_look_at(source, column)) is not None:
                    looked_at.setdefault(look, []).append(cast)
                is_exact = column.base_type in ("INT64", "NUMERIC")
                if source.kind in _NUMBERS and is_exact and not (column.type == "INT64" and source.is_int64):
                    looked_at.setdefault("numbers", []).append(cast)
                value = exp.column(source.name, table=LANDED, quoted=True)
                if look == "short_decimals":
                    value = exp.cast(value, "STRING", dialect="bigquery")  # the digits that tell it from any other
                if canonical.padded:
                    value = exp.Nullif(this=exp.func("TRIM", value, _text(" ")), expression=_text(""))
            typed = exp.Cast(this=value, to=exp.DataType.build(column.type, dialect="bigquery"))
            selected.append(exp.alias_(typed, column.name))
        return Projection(
            select=exp.select(*selected).from_(LANDED),
            **{look: tuple(casts) for look, casts in looked_at.items()},
            unknown=tuple(
                given.name
                for given in footer
                if given.name.lower() not in used and not given.name.startswith(_OF_THE_LOADER)
            ),
            absent=tuple(absent),
            unreadable=None,
        )


def _to_look_at(source: SourceColumn, column: Column) -> str | None:
    """Under which name a projection has the cast, whose values must be looked at; None where none can change."""
    digits = digits_of(column.type)
    if source.kind == "untyped":
        return None if column.type == "STRING" else "texts"
    if source.kind in _TIMES:
        return "times"
    if source.kind in _HAVE_DECIMALS and column.type == "INT64":
        return "whole_numbers"
    if digits is not None and source.scale > digits[1]:
        return "finer_decimals"
    return _INEXACT.get((source.kind, column.base_type))


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)
