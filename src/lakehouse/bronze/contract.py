"""What a dataset's rows are, whatever its files call them: a contract, from which each file gets its projection.

TLC's files change names and types from era to era and back, so a file is always read by its own schema,
never by its date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from dlt_sources.dataset import Dataset
from lakehouse.bronze.era import ALWAYS, Era
from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.kind import Kind
from lakehouse.bronze.projection import LANDED, Cast, Projection
from lakehouse.column_types import DECLARABLE, digits_of, is_declarable
from lakehouse.exceptions import ConfigurationError, ContractViolation
from lakehouse.partition import Partition
from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE, Column

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
    """A column of the canonical relation and the names it goes by in files (see :func:`matched`).

    ``padded`` text comes with surrounding spaces at times; they go, and what is empty then is NULL.
    ``era`` says which files should have it. One that should and has not is drift, or refused if the column is
    ``required``: if money, a grouping, a key or a zone rests on it.
    """

    column: Column
    sources: tuple[str, ...]
    required: bool = False
    padded: bool = False
    era: Era = ALWAYS

    def found(self, by_name: Mapping[str, SourceColumn]) -> tuple[SourceColumn, ...]:
        """The columns of a file that have one of its names, as :func:`matched`."""
        return tuple(by_name[matched(name)] for name in self.sources if matched(name) in by_name)


@dataclass(frozen=True)
class Contract:
    """Canonical columns of a dataset, in order. Grain: one row for each distinct record of a file.

    ``order`` names the column that its rows are sorted by. ``kind`` tells its files from those of ``others``.
    """

    dataset: Dataset
    order: str
    canonical: tuple[CanonicalColumn, ...]
    kind: Kind | None = None
    others: tuple[Kind, ...] = ()

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

    def project(self, footer: Sequence[SourceColumn], file: str, partition: Partition) -> Projection:
        """The projection of a file of a partition with these columns.

        A column that is missing, or null-typed, where that is no reason to refuse the file, is a typed NULL.

        Raises:
            ContractViolation: it is another kind of file, a required column is missing, a name occurs twice, or a type
                cannot be cast.
        """
        by_name = _by_name(footer, file)
        self._require_kind(by_name, file)
        found = {canonical.column.name: canonical.found(by_name) for canonical in self.canonical}
        looked_at: dict[str, list[Cast]] = {}
        selected: list[exp.Expr] = []
        for canonical in self.canonical:
            source = _typed(found[canonical.column.name])
            value: exp.Expr = exp.Null()
            if source is not None:
                _require_castable(source, canonical.column, file)
                for look in _to_look_at(source, canonical.column):
                    cast = Cast(source.name, canonical.column.name, canonical.column.type)
                    looked_at.setdefault(look, []).append(cast)
                value = _value(source, canonical)
            typed = exp.Cast(this=value, to=exp.DataType.build(canonical.column.type, dialect="bigquery"))
            selected.append(exp.alias_(typed, canonical.column.name))
        used = {source.name for sources in found.values() for source in sources}
        unknown = [given.name for given in footer if given.name not in used]
        return Projection(
            select=exp.select(*selected).from_(LANDED),
            **{look: tuple(casts) for look, casts in looked_at.items()},
            unknown=tuple(name for name in unknown if not name.startswith(_OF_THE_LOADER)),
            absent=tuple(name for name, sources in found.items() if _typed(sources) is None),
            vanished=self._vanished(found, file, partition),
            unreadable=None,
        )

    def _vanished(
        self, found: Mapping[str, Sequence[SourceColumn]], file: str, partition: Partition
    ) -> tuple[str, ...]:
        """Columns that a file of a partition should have, and lacks, though nothing rests on them.

        Raises:
            ContractViolation: it lacks others, which are all named.
        """
        vanished, violations = [], []
        for canonical in self.canonical:
            name, sources = canonical.column.name, found[canonical.column.name]
            if _typed(sources) is None and canonical.era.misses(partition, is_named=bool(sources)):
                vanished.append(name)
                state = "is there but has no type (all null)" if sources else "is missing"
                if canonical.required:
                    violations.append(f"required column {canonical.sources[0]} ({name}) {state}")
        if violations:
            raise ContractViolation(
                f"{file}: {', '.join(violations)}; nothing was changed. Check what the source published; if all files "
                "are so from now on, say it in the contract in src/lakehouse/bronze/contracts"
            )
        return tuple(vanished)

    def _require_kind(self, by_name: Collection[str], file: str) -> None:
        """Refuse what has the columns by which another kind of file is known, and not those of this one."""
        if self.kind is None or self.kind.fits(by_name):
            return
        for other in self.others:
            if other is not self.kind and other.fits(by_name):
                raise ContractViolation(
                    f"{file}: looks like {other.what} (it has {', '.join(other.marks)}) and not like "
                    f"{self.kind.what}; nothing was changed. Check what the source published"
                )


def matched(name: str) -> str:
    """What two names of columns have in common if they are one: they are compared without case and outer blanks."""
    return name.strip().lower()


def _by_name(footer: Sequence[SourceColumn], file: str) -> Mapping[str, SourceColumn]:
    """The columns of a file by what is compared of their names.

    Raises:
        ContractViolation: two are one by that.
    """
    by_name: dict[str, SourceColumn] = {}
    for given in footer:
        if by_name.setdefault(matched(given.name), given) is not given:
            raise ContractViolation(
                f"{file}: column {given.name.strip()} occurs twice, names being compared without case and "
                "surrounding blanks; nothing was changed. Check what the source published"
            )
    return by_name


def _typed(sources: Sequence[SourceColumn]) -> SourceColumn | None:
    """Of the columns of a file that may be a canonical one the first that has a type."""
    return next((source for source in sources if source.kind != "null"), None)


def _require_castable(source: SourceColumn, column: Column, file: str) -> None:
    if source.kind not in _CASTABLE[column.base_type]:
        raise ContractViolation(
            f"{file}: column {source.name} is of type {source.kind}, which cannot become {column.name} "
            f"({column.type}); nothing was changed. Check what the source published, or widen its contract in "
            "src/lakehouse/bronze"
        )


def _value(source: SourceColumn, canonical: CanonicalColumn) -> exp.Expr:
    """A column of the file, before it is cast."""
    value: exp.Expr = exp.column(source.name, table=LANDED, quoted=True)
    if _how(source, canonical.column) == "short_decimals":
        value = exp.cast(value, "STRING", dialect="bigquery")  # the digits that tell it from any other
    return exp.Nullif(this=exp.func("TRIM", value, _text(" ")), expression=_text("")) if canonical.padded else value


def _to_look_at(source: SourceColumn, column: Column) -> Iterator[str]:
    """Under which names a projection has the cast, whose values must be looked at; none where none can change."""
    if (how := _how(source, column)) is not None:
        yield how
    is_exact = column.base_type in ("INT64", "NUMERIC")
    if source.kind in _NUMBERS and is_exact and not (column.type == "INT64" and source.is_int64):
        yield "numbers"


def _how(source: SourceColumn, column: Column) -> str | None:
    """How a cast may change a value in silence, by the name of what a projection has of such; None if it cannot."""
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
