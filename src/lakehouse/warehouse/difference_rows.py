"""The rows of a difference: every record that was removed, added or changed, or each row of a grain, old beside new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.checks.base import ordered
from lakehouse.results import Difference
from lakehouse.warehouse.compared import Compared, named
from lakehouse.warehouse.difference import CHANGES, MORE, counted_up, own, paired_records, pairs
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session

if TYPE_CHECKING:
    import pyarrow as pa

REMOVED, ADDED, BEFORE, AFTER = "removed", "added", "before", "after"
"""What a row of :func:`record_rows` is: without a counterpart, or what one was and what it has become."""

_PLACES = (REMOVED, ADDED, BEFORE, AFTER)


def record_rows(session: Session, how: Compared) -> pa.Table:
    """Rows whose first column, ``change``, says what each is, the second, ``records``, of how many records.

    What there was, without those that were removed or have changed (``before``), with those that were added or have
    become what they are (``after``), is what there is. Counterparts follow each other.
    """
    return session.rows(Statement(record_rows_query(how)), {})


def record_rows_query(how: Compared) -> exp.Select:
    """See :func:`record_rows`; reads the kept changes."""
    number, records, is_new = (named(own(name)) for name in ("number", "records", "is_new"))
    kind_of, records_of = named(own("change"), "lines"), dialect.cast(named(own("records"), "lines"), "INT64")
    query = exp.select(exp.alias_(kind_of, _free("change", how)), exp.alias_(records_of, _free("records", how)))
    query = query.select(*(named(each.name, "numbered") for each in how.data)).from_("lines")
    same = named(own("number"), "lines").eq(named(own("number"), "numbered"))
    query = query.join("numbered", on=same).with_("numbered", as_=_numbered(how))
    kind = exp.If(this=is_new, true=exp.Literal.string(ADDED), false=exp.Literal.string(REMOVED))
    if not how.identity:
        lines: exp.Query = _line(number, number, kind, records).from_("numbered")
    else:
        gone, come = (named(own("number"), side) for side in ("gone", "come"))
        told = (exp.alias_(key, own(name)) for key, name in ((gone, "gone"), (come, "come")))
        paired = pairs(how, *told, exp.alias_(paired_records(), own("records")))
        query = query.with_("paired", as_=paired)
        lines = _line(named(own("gone")), named(own("gone")), exp.Literal.string(BEFORE), records).from_("paired")
        after = _line(named(own("come")), named(own("gone")), exp.Literal.string(AFTER), records).from_("paired")
        lines = exp.union(lines, after, distinct=False)
        lines = exp.union(lines, _alone(kind), distinct=False)
    query = query.with_("lines", as_=lines)
    place = exp.Case()
    for n, change in enumerate(_PLACES):
        place = place.when(named(own("change"), "lines").eq(exp.Literal.string(change)), exp.Literal.number(n))
    keys = [named(own("pair"), "lines"), place, named(own("number"), "lines")]
    return query.order_by(*map(ordered, keys))


def _numbered(how: Compared) -> exp.Select:
    """Changes in the order in which they are shown."""
    keys = [*how.identity, *how.rest, own("is_new")]
    number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[ordered(named(key)) for key in keys]))
    return exp.select("*", exp.alias_(number, own("number"))).from_(counted_up(how).subquery("counted_up"))


def _line(number: exp.Expr, pair: exp.Expr, change: exp.Expr, records: exp.Expr) -> exp.Select:
    values = {"number": number, "pair": pair, "change": change, "records": records}
    return exp.select(*(exp.alias_(value.copy(), own(name)) for name, value in values.items()))


def _alone(kind: exp.Expr) -> exp.Select:
    """Records that have no counterpart: what is left of each row of changes."""
    records, number = own("records"), own("number")
    sides = [exp.select(exp.alias_(named(own(s)), number), named(records)).from_("paired") for s in ("gone", "come")]
    both = exp.union(sides[0], sides[1], distinct=False).subquery("both_sides")
    met = exp.select(named(number), exp.alias_(exp.Sum(this=named(records)), own("met"))).from_(both)
    met = met.group_by(named(number))
    without = exp.Coalesce(this=named(own("met"), "met"), expressions=[exp.Literal.number(0)])
    left = named(records, "numbered") - without
    lines = _line(named(number, "numbered"), named(number, "numbered"), _of(kind), left).from_("numbered")
    same = named(number, "numbered").eq(named(number, "met"))
    return lines.join(met.subquery("met"), on=same, join_type="left").where(left.copy() > exp.Literal.number(0))


def _of(kind: exp.Expr) -> exp.Expr:
    return kind.transform(lambda node: named(node.name, "numbered") if isinstance(node, exp.Column) else node)


def _free(name: str, how: Compared) -> str:
    """A name that is not one of the table's columns."""
    names = {each.name for each in how.data}
    while name in names:
        name = f"{name}_"
    return name


def grain_rows(session: Session, how: Compared, found: Difference, at_most: int | None) -> pa.Table:
    """Each row of a grain that is another: its keys, then old and new values of each column that differs anywhere.

    Of a row that was added or removed all values of one side are NULL.
    """
    whole = found.added > found.changed or found.removed > found.changed
    names = [name for name in how.rest if whole or name in found.by_column]
    return session.rows(Statement(grain_rows_query(how, names, at_most)), {})


def grain_rows_query(how: Compared, names: Sequence[str], at_most: int | None) -> exp.Select:
    """See :func:`grain_rows`; reads the kept changes, in which each row of the grain is at most once on a side."""
    more, zero = named(MORE.name), exp.Literal.number(0)
    keys = [named(key) for key in how.identity]
    values = [exp.alias_(_kind(more), _free("change", how))]
    for name in names:
        for side, is_of in ((f"{name}_{BEFORE}", more < zero), (f"{name}_{AFTER}", more > zero)):
            values.append(exp.alias_(exp.Max(this=exp.If(this=is_of, true=named(name))), _free(side, how), quoted=True))
    query = exp.select(*keys, *values).from_(CHANGES).group_by(*_copies(keys)).order_by(*map(ordered, _copies(keys)))
    return query if at_most is None else query.limit(at_most)


def _kind(more: exp.Expr) -> exp.Case:
    zero = exp.Literal.number(0)
    is_gone, is_there = (exp.Max(this=more.copy()) < zero), (exp.Min(this=more.copy()) > zero)
    kind = exp.Case().when(is_gone, exp.Literal.string(REMOVED)).when(is_there, exp.Literal.string(ADDED))
    return kind.else_(exp.Literal.string("changed"))


def _copies(keys: Iterable[exp.Expr]) -> list[exp.Expr]:
    return [key.copy() for key in keys]
