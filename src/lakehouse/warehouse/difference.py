"""What tells the new rows of a table from the old ones: statements over the two, and what their answers mean.

Rows are compared as a multiset of records, by every column that says something of a record: not by ``copies``, which is
how many of them a row stands for, nor by the file that they came in. Old rows are named :data:`BEFORE`, new ones
:data:`AFTER`; what only one of them has is kept as :data:`CHANGES`, which is small where little has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.checks.base import ordered
from lakehouse.partition import Partition
from lakehouse.results import Difference
from lakehouse.schema import Column
from lakehouse.warehouse.compared import Compared, named
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session

BEFORE, AFTER, CHANGES, SUSPECTS = "audit.before", "audit.after", "audit.changes", "audit.suspects"

MORE = Column("difference_records", "INT64", "How many more of the record there are; below zero, how many fewer")
HAD = Column("difference_had", "INT64", "How many of the record there were")
_IS_NEW = "is_new"
_MANY = 720_000
"""So many suspects are those of 360,000 records that have changed."""
_ONE_IN = 16


def changes_query(how: Compared) -> exp.Select:
    """Every record that there is not as often as before, with how many more there are.

    Grouping two whole months by all their columns takes more than a second for each million rows: where rows have
    digests, :func:`suspected_changes_query` does without.
    """
    keys = [named(column.name) for column in how.data]

    def side(name: str, more: exp.Expr, had: exp.Expr) -> exp.Select:
        counted = (exp.alias_(more, MORE.name), exp.alias_(had, HAD.name))
        rows = exp.select(*(key.copy() for key in keys), *counted).from_(name)
        return rows if how.sample is None else rows.where(how.sample.copy())

    zero = exp.Literal.number(0)
    before = side(BEFORE, exp.Neg(this=how.weight), how.weight)
    both = exp.union(side(AFTER, how.weight, zero.copy()), before, distinct=False)
    told = [exp.alias_(dialect.cast(exp.Sum(this=named(each.name)), each.type), each.name) for each in (MORE, HAD)]
    grouped = exp.select(*keys, *told).from_(both.subquery("both_sides"))
    grouped = grouped.group_by(*(key.copy() for key in keys))
    return exp.select("*").from_(grouped.subquery("grouped")).where(named(MORE.name).neq(zero))


def suspects_query(digests: Sequence[exp.Expr], weight: exp.Expr) -> exp.Select:
    """Digests of each record that there is not as often as before, with how many more there are, and how many were.

    Each says whether it is a new row's. That is so of what no two rows of a side are of. Where old ones are, what comes
    of it does not add up.
    """

    def side(name: str, alias: str) -> exp.Subquery:
        return exp.select(*_told(digests), exp.alias_(weight.copy(), "records")).from_(name).subquery(alias)

    zero = exp.Literal.number(0)
    come, gone = (exp.Coalesce(this=named("records", of), expressions=[zero.copy()]) for of in ("come", "gone"))
    more = come - gone
    told = [
        exp.alias_(exp.Coalesce(this=named(name, "come"), expressions=[named(name, "gone")]), name)
        for name in _names(digests)
    ]
    is_new = exp.not_(named("records", "come").is_(exp.Null()))
    counts = (exp.alias_(dialect.cast(value, of.type), of.name) for value, of in ((more, MORE), (gone.copy(), HAD)))
    query = exp.select(*told, exp.alias_(is_new, _IS_NEW), *counts)
    same = [named(name, "come").eq(named(name, "gone")) for name in _names(digests)]
    query = query.from_(side(AFTER, "come")).join(side(BEFORE, "gone"), on=exp.and_(*same), join_type="full outer")
    return query.where(more.copy().neq(zero.copy()))


def suspected_changes_query(how: Compared, digests: Sequence[exp.Expr]) -> exp.Query:
    """The same as :func:`changes_query`: the rows that :data:`SUSPECTS` are of."""

    def side(name: str, is_of: exp.Expr) -> exp.Select:
        rows = exp.select(*(named(column.name) for column in how.data), *_told(digests)).from_(name)
        same = [named(key, "both_sides").eq(named(key, "suspects")) for key in _names(digests)]
        values = (named(column.name, "both_sides") for column in how.data)
        query = exp.select(*values, *(named(each.name, "suspects") for each in (MORE, HAD)))
        suspects = exp.alias_(exp.to_table(SUSPECTS), "suspects", table=True)
        return query.from_(rows.subquery("both_sides")).join(suspects, on=exp.and_(*same, is_of))

    is_new = named(_IS_NEW, "suspects")
    return exp.union(side(AFTER, is_new), side(BEFORE, exp.not_(is_new.copy())), distinct=False)


def _names(digests: Sequence[exp.Expr]) -> list[str]:
    return [own(f"digest_{n}") for n in range(len(digests))]


def _told(digests: Sequence[exp.Expr]) -> list[exp.Expr]:
    return [exp.alias_(digest.copy(), name) for digest, name in zip(digests, _names(digests), strict=True)]


def counts_query(how: Compared) -> exp.Select:
    """One row: records before and after, added and removed, added to their like, and by how much each sum differs."""
    more = named(MORE.name)
    sums = [exp.alias_(exp.Sum(this=named(column.name) * more), _sum(n)) for n, column in enumerate(how.summed)]
    told = [named(each.alias, "changes") for each in sums]
    return _beside_records(how, _added_and_removed(CHANGES).select(*sums), told)


def suspect_counts_query(how: Compared) -> exp.Select:
    """The same of :data:`SUSPECTS`, which have no values: a sum differs by what that of all rows does."""
    value, zero = how.weight, exp.Literal.number(0)
    sums = [exp.alias_(exp.Sum(this=named(column.name) * value), _sum(n)) for n, column in enumerate(how.summed)]
    told = []
    for each in sums:
        new, old = (exp.Coalesce(this=named(each.alias, f"{side}_rows"), expressions=[zero]) for side in ("new", "old"))
        told.append(exp.alias_(new - old, each.alias))
    return _beside_records(how, _added_and_removed(SUSPECTS), told, sums)


def _sum(number: int) -> str:
    return f"sum_{number}"


def _added_and_removed(of: str) -> exp.Select:
    more, had, zero = named(MORE.name), named(HAD.name), exp.Literal.number(0)
    changed: dict[str, exp.Expr] = {
        "added": exp.If(this=more > zero, true=more, false=zero),
        "removed": exp.If(this=more < zero, true=exp.Neg(this=more), false=zero),
        "copied": exp.If(this=exp.and_(more > zero, had > zero), true=more, false=zero),
    }
    counted = (exp.alias_(dialect.counted(exp.Sum(this=value)), name) for name, value in changed.items())
    return exp.select(*counted).from_(of)


def _beside_records(
    how: Compared, changes: exp.Select, told: Sequence[exp.Expr], sums: Sequence[exp.Expr] = ()
) -> exp.Select:
    """What there is of changes, and what is ``told`` of them and of the ``sums`` over either side."""
    rows = [exp.alias_(dialect.counted(exp.Sum(this=how.weight)), "records"), *sums]
    parts = {
        "old_rows": exp.select(*(each.copy() for each in rows)).from_(BEFORE),
        "new_rows": exp.select(*rows).from_(AFTER),
    }
    records = [exp.alias_(named("records", f"{side}_rows"), f"{side}_records") for side in ("old", "new")]
    query = exp.select(*(named(name, "changes") for name in ("added", "removed", "copied")), *told, *records)
    query = query.from_(changes.subquery("changes"))
    for name, part in parts.items():
        query = query.join(part.subquery(name), join_type="cross")
    return query


def counted_up(how: Compared) -> exp.Select:
    """Changes, those of one identity on either side counted up: equal places are counterparts."""
    more, zero = named(MORE.name), exp.Literal.number(0)
    records = exp.Abs(this=more)
    is_new = more > zero
    identity = [named(name) for name in how.identity]
    order = [ordered(named(name)) for name in (how.rest or how.identity)]
    upto = exp.Window(
        this=exp.Sum(this=records.copy()),
        partition_by=[*identity, is_new.copy()],
        order=exp.Order(expressions=order),
        spec=exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"),
    )
    values = {"records": records, "is_new": is_new, "upto": upto, "had": named(HAD.name)}
    told = [exp.alias_(value, own(name)) for name, value in values.items()]
    return exp.select(*(named(column.name) for column in how.data), *told).from_(CHANGES)


def own(name: str) -> str:
    """A name that no column of a table has."""
    return f"difference_{name}"


def pairs(how: Compared, *values: exp.Expr) -> exp.Select:
    """Values of each removed record with the added one that is its counterpart: ``gone`` and ``come``."""

    def of(side: str, name: str) -> exp.Column:
        return named(own(name), side)

    def begins(side: str) -> exp.Expr:
        return of(side, "upto") - of(side, "records")

    same = [exp.NullSafeEQ(this=named(n, "gone"), expression=named(n, "come")) for n in how.identity]
    overlap = [begins("gone") < of("come", "upto"), begins("come") < of("gone", "upto")]
    sides = [exp.not_(of("gone", "is_new")), of("come", "is_new")]
    gone, come = (exp.alias_(exp.to_table("numbered"), side, table=True) for side in ("gone", "come"))
    return exp.select(*values).from_(gone).join(come, on=exp.and_(*sides, *same, *overlap))


def paired_records() -> exp.Expr:
    """Of a pair of :func:`pairs`: how many records it stands for."""

    def of(side: str, name: str) -> exp.Column:
        return named(own(name), side)

    ends = exp.func("LEAST", of("gone", "upto"), of("come", "upto"))
    begins = [of(side, "upto") - of(side, "records") for side in ("gone", "come")]
    return exp.paren(ends - exp.func("GREATEST", *begins))


def pairs_query(how: Compared) -> exp.Select:
    """One row: how many records have a counterpart, also added to their like, and in how many each column differs."""
    weight, zero = paired_records(), exp.Literal.number(0)
    is_copy = named(own("had"), "come") > zero
    counts: dict[str, exp.Expr] = {"changed": weight, "copied": exp.If(this=is_copy, true=weight.copy(), false=zero)}
    for n, name in enumerate(how.rest):
        differs = exp.NullSafeNEQ(this=named(name, "gone"), expression=named(name, "come"))
        counts[f"differs_{n}"] = exp.If(this=differs, true=weight.copy(), false=zero.copy())
    told = (exp.alias_(dialect.counted(exp.Sum(this=value)), name) for name, value in counts.items())
    return pairs(how, *told).with_("numbered", as_=counted_up(how))


def difference(session: Session, how: Compared, partition: Partition, *, in_a_hurry: bool) -> Difference:
    """Compare the rows that the session knows as :data:`BEFORE` and :data:`AFTER`; keeps :data:`CHANGES`.

    ``in_a_hurry``, only some of what has changed is paired if nearly everything has, and only these changes are kept.

    Raises:
        StatementFailed: rows of either could not be read.
    """
    one_in, suspects = 1, 0
    if how.digests is not None:
        suspects = session.keep(SUSPECTS, Statement(suspects_query(how.digests, how.weight)), {})
    if in_a_hurry and suspects > _MANY and how.identity_digest is not None:
        one_in = _ONE_IN
        counts = session.one(Statement(suspect_counts_query(how)), {})
        session.keep(CHANGES, Statement(changes_query(_sampled(how, how.identity_digest))), {})
        adds_up = True
    else:
        changes = changes_query(how) if how.digests is None else suspected_changes_query(how, how.digests)
        adds_up = session.keep(CHANGES, Statement(changes), {}) == suspects
        counts = session.one(Statement(counts_query(how)), {})
    added, removed = counts["added"], counts["removed"]
    adds_up = adds_up and counts["old_records"] - removed + added == counts["new_records"]
    if how.digests is not None and not adds_up:  # some old rows are of one record
        return difference(session, replace(how, digests=None), partition, in_a_hurry=False)
    paired: Mapping[str, Any] = {}
    if added and removed and how.identity:
        paired = session.one(Statement(pairs_query(how)), {})
    by_column = {name: paired.get(f"differs_{n}", 0) for n, name in enumerate(how.rest)}
    sums = {column.name: counts[_sum(n)] for n, column in enumerate(how.summed)}
    return Difference(
        table=how.table,
        partition=partition,
        before=counts["old_records"],
        after=counts["new_records"],
        added=added,
        removed=removed,
        changed=paired.get("changed", 0),
        copied=counts["copied"] - (paired.get("copied", 0) if one_in == 1 else 0),
        by_column={name: records for name, records in by_column.items() if records},
        sums={name: change for name, change in sums.items() if change},
        one_in=one_in,
    )


def _sampled(how: Compared, identity_digest: exp.Expr) -> Compared:
    """The same of some of what records are of, each with all its records."""
    chosen = exp.BitwiseAnd(this=identity_digest.copy(), expression=exp.Literal.number(_ONE_IN - 1))
    return replace(how, sample=chosen.eq(exp.Literal.number(0)))
