"""How one landed file becomes its dataset's canonical relation, as expressions for any engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlglot import exp

from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE

LANDED = "landed"
"""Name of the relation a projection selects from: the landed file as it is."""

COPIES, BRONZE_SHA256 = BRONZE_COLUMNS

_ON_THE_WAY = "NUMERIC(38,9)"


class Cast(NamedTuple):
    """A column of the file, the canonical one it becomes, and the type of that."""

    source: str
    name: str
    type: str


@dataclass(frozen=True)
class Projection:
    """How one file becomes the canonical relation.

    ``select`` reads :data:`LANDED`. The others are casts whose values must be looked at first: ``times``, numbers with
    decimals that become ``whole_numbers``, floats that become ``decimals``, those of 32 bits that do
    (``short_decimals``), ``finer_decimals`` than those they become, whole numbers that become ``floats``, floats that
    stay what they are (``reals``), and ``texts`` that become anything else. ``numbers`` are those that may be no exact
    one. ``unreadable`` names the first column of a record that has a value which cannot be read, where there are such
    records.

    Columns of the file that the contract does not know are ``unknown``. Those of the contract that the file lacks are
    ``absent``, and those of them that it should have ``vanished``.
    """

    select: exp.Select
    times: tuple[Cast, ...] = ()
    whole_numbers: tuple[Cast, ...] = ()
    decimals: tuple[Cast, ...] = ()
    short_decimals: tuple[Cast, ...] = ()
    finer_decimals: tuple[Cast, ...] = ()
    floats: tuple[Cast, ...] = ()
    reals: tuple[Cast, ...] = ()
    texts: tuple[Cast, ...] = ()
    numbers: tuple[Cast, ...] = ()
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    unreadable: exp.Expr | None = None

    def with_exact_halves(self, columns: Collection[str]) -> Projection:
        """The same, rounding the decimal numbers of those columns that are binary ones in the file.

        1.005 is a little less as a FLOAT64, so DuckDB rounds it to 1.00; BigQuery has nine decimals on the way and
        makes it 1.01. Nine decimals cost DuckDB half a second for three million values, so only where it matters.
        """
        select, binary = self.select.copy(), {cast.name for cast in self.decimals}
        for projection in select.selects:
            if projection.alias in binary.intersection(columns):
                cast = projection.this
                cast.set("this", exp.Cast(this=cast.this, to=exp.DataType.build(_ON_THE_WAY, dialect="bigquery")))
        return replace(self, select=select)

    def records(self, sha256: str) -> exp.Select:
        """Every record of the file, canonical, with what every bronze relation has besides, and ``UNREADABLE``."""
        copies = exp.cast(exp.Literal.number(1), "INT64", dialect="bigquery")
        nothing = exp.cast(exp.Null(), UNREADABLE.type, dialect="bigquery")
        unreadable = nothing if self.unreadable is None else exp.column(UNREADABLE.name)
        return self._named(self._typed(), copies, sha256).select(exp.alias_(unreadable, UNREADABLE.name))

    def folded(self, sha256: str, order: Sequence[exp.Expr]) -> exp.Select:
        """The distinct records of the file that can be read, each with how many ``copies`` it has.

        They are ordered before the hash is put to them: DuckDB would carry its text through the sort, which takes
        a third longer.
        """
        names = [exp.column(name, quoted=True) for name in self.select.named_selects]
        copies = exp.alias_(exp.Count(this=exp.Star()), COPIES.name)
        distinct = exp.select(*names, copies).from_(self._typed())
        if self.unreadable is not None:
            distinct = distinct.where(exp.column(UNREADABLE.name).is_(exp.Null()))
        distinct = distinct.group_by(*(name.copy() for name in names))
        if order:
            distinct = exp.select("*").from_(distinct.subquery("distinct_records")).order_by(*order)
        return self._named(distinct.subquery("folded"), exp.column(COPIES.name), sha256)

    def _typed(self) -> exp.Subquery:
        told = [] if self.unreadable is None else [exp.alias_(self.unreadable.copy(), UNREADABLE.name)]
        return self.select.select(*told).subquery("typed")

    def _named(self, source: exp.Subquery, copies: exp.Expr, sha256: str) -> exp.Select:
        names = [exp.column(name, quoted=True) for name in self.select.named_selects]
        sha = exp.alias_(exp.Literal.string(sha256), BRONZE_SHA256.name)
        return exp.select(*names, exp.alias_(copies, COPIES.name), sha).from_(source)
