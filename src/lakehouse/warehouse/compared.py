"""How the rows of a table are compared: what in a row says something of its records, and what each is known by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lakehouse.column_types import digits_of
from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.schema import BRONZE_COLUMNS, Column, TableSpec

COPIES, _ = BRONZE_COLUMNS
_SUMMABLE_DIGITS = 18


@dataclass(frozen=True)
class Compared:
    """A table as it is compared: ``data`` are the columns that records differ by, ``identity`` those of what is one.

    ``digests`` are two numbers that rows of the same record share, and others do not both, but for one chance in 2^128;
    None where the engine has none, or where two of the new rows may be of the same record.
    """

    table: str
    data: tuple[Column, ...]
    identity: tuple[str, ...]
    has_copies: bool
    digests: tuple[exp.Expr, exp.Expr] | None
    identity_digest: exp.Expr | None = None
    """A number that records of the same identity share."""
    sample: exp.Expr | None = None
    """Which records alone are compared."""

    @property
    def weight(self) -> exp.Expr:
        """How many records a row stands for."""
        return named(COPIES.name) if self.has_copies else exp.Literal.number(1)

    @property
    def rest(self) -> tuple[str, ...]:
        """What may differ between a record and its counterpart."""
        return tuple(column.name for column in self.data if column.name not in self.identity)

    @property
    def summed(self) -> tuple[Column, ...]:
        """Columns whose sum says something: what has a unit, and an exact type that no sum of records overflows."""
        return tuple(column for column in self.data if column.unit and _is_summable(column.type))


def compared(
    spec: TableSpec, identity: Sequence[str], digest: Callable[[Sequence[str]], exp.Expr | None] | None
) -> Compared:
    """How a table's rows are compared; ``digest`` is :meth:`Store.digest` if no two new ones are of one record."""
    names = {column.name for column in spec.columns}
    data = tuple(column for column in spec.columns if column not in BRONZE_COLUMNS)
    digests, of_identity = None, None
    if digest and identity:
        hashed = [column.name for column in data]
        forth, back = digest(hashed), digest(hashed[::-1])
        digests, of_identity = None if forth is None or back is None else (forth, back), digest(identity)
    return Compared(spec.name, data, tuple(identity), COPIES.name in names, digests, of_identity)


def compared_rows_of(
    model: SqlModel, schema: dialect.Schema, digest: Callable[[Sequence[str]], exp.Expr | None]
) -> Compared:
    """How the rows of a model's table are compared; ``digest`` is :meth:`Store.digest`."""
    return compared(model.table, model.identity, digest if _keeps_records_apart(model, schema) else None)


def _keeps_records_apart(model: SqlModel, schema: dialect.Schema) -> bool:
    """Whether no two rows of a model can be alike: it passes on every column of distinct records, one row for each."""
    query = model.resolved
    if model.bronze_asset is None or not isinstance(query, exp.Select) or query.args.get("joins"):
        return False
    selected = [projection.unalias() for projection in query.selects]
    passed_on = {column.name for column in selected if isinstance(column, exp.Column)}
    return {*schema["bronze"][model.bronze_asset]} <= passed_on


def _is_summable(type_: str) -> bool:
    digits = digits_of(type_)
    return type_ == "INT64" if digits is None else digits[0] <= _SUMMABLE_DIGITS


def named(name: str, table: str | None = None) -> exp.Column:
    """A column by its name, whatever that is."""
    return exp.column(name, table=table, quoted=True)
