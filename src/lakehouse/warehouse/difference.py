"""What tells the new rows of a table from the old ones: statements over the two, and what their answers mean.

Rows are compared as a multiset of records, by every column that says something of a record: not by ``copies``, which is
how many of them a row stands for, nor by the file that they came in. Old rows are named :data:`BEFORE`, new ones
:data:`AFTER`; what only one of them has is kept as :data:`CHANGES`, which is small where little has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
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
_BUCKET = Column("bucket", "INT64", "Part of a digest that a row has which is not on both sides")
_BUCKETS = 2**18
_MANY = _BUCKETS * 3 // 4
"""So many buckets with a change in them stand for 360,000 records or more that have changed."""
_ONE_IN = 16


def changes_query(how: Compared) -> exp.Select:
    """Every record that there is not as often as before, with how many more there are.

    Grouping two whole months by all their columns takes a second for each million rows. So where rows have a digest,
    only those are compared by value that share one of the kept :data:`SUSPECTS` with a row that only one side has.
    """
    keys = [named(column.name) for column in how.data]

    def side(name: str, weight: exp.Expr) -> exp.Select:
        rows = exp.select(*(key.copy() for key in keys), exp.alias_(weight, MORE.name)).from_(name)
        if how.sample is not None:
            return rows.where(how.sample.copy())
        if how.digest is None:
            return rows
        suspects = exp.select(named(_BUCKET.name)).from_(SUSPECTS)
        return rows.where(exp.In(this=_bucket(how.digest), query=suspects.subquery()))

    both = exp.union(side(AFTER, how.weight), side(BEFORE, exp.Neg(this=how.weight)), distinct=False)
    more = dialect.cast(exp.Sum(this=named(MORE.name)), "INT64")
    grouped = exp.select(*keys, exp.alias_(more, MORE.name)).from_(both.subquery("both_sides"))
    grouped = grouped.group_by(*(key.copy() for key in keys))
    zero = exp.Literal.number(0)
    return exp.select("*").from_(grouped.subquery("grouped")).where(named(MORE.name).neq(zero))


def suspects_query(digest: exp.Expr) -> exp.Select:
    """Buckets of digests that have a row which is not on both sides.

    The digests in a bucket, old and new, come to zero where the rows are the same; else one in 2^64 may by chance.
    """

    def side(name: str, one: int) -> exp.Select:
        digests = exp.alias_(digest.copy(), "digest")
        return exp.select(digests, exp.alias_(exp.convert(one), "one")).from_(name)

    both = exp.union(side(AFTER, 1), side(BEFORE, -1), distinct=False)
    differs = exp.BitwiseXorAgg(this=exp.column("digest")).neq(exp.Literal.number(0))
    outnumbers = exp.Sum(this=exp.column("one")).neq(exp.Literal.number(0))
    bucket = _bucket(exp.column("digest"))
    told = exp.alias_(dialect.cast(bucket, _BUCKET.type), _BUCKET.name)
    grouped = exp.select(told).from_(both.subquery("digests")).group_by(bucket.copy())
    return grouped.having(exp.or_(differs, outnumbers))


def _bucket(digest: exp.Expr) -> exp.Expr:
    return exp.BitwiseAnd(this=digest.copy(), expression=exp.Literal.number(_BUCKETS - 1))


def counts_query(how: Compared) -> exp.Select:
    """One row: records before and after, added and removed, and by how much each sum differs."""
    more, zero = named(MORE.name), exp.Literal.number(0)
    changed: dict[str, exp.Expr] = {
        "added": exp.If(this=more > zero, true=more, false=zero),
        "removed": exp.If(this=more < zero, true=exp.Neg(this=more), false=zero),
    }
    sums = {f"sum_{n}": named(column.name) * more for n, column in enumerate(how.summed)}
    counted = [exp.alias_(dialect.counted(exp.Sum(this=value)), name) for name, value in changed.items()]
    added_up = [exp.alias_(exp.Sum(this=value), name) for name, value in sums.items()]
    rows = exp.alias_(dialect.counted(exp.Sum(this=how.weight)), "records")
    parts = {
        "changes": exp.select(*counted, *added_up).from_(CHANGES),
        "old_rows": exp.select(rows).from_(BEFORE),
        "new_rows": exp.select(rows.copy()).from_(AFTER),
    }
    names = [named(name, "changes") for name in (*changed, *sums)]
    told = [exp.alias_(named("records", f"{side}_rows"), f"{side}_records") for side in ("old", "new")]
    query = exp.select(*names, *told).from_(parts["changes"].subquery("changes"))
    for name in ("old_rows", "new_rows"):
        query = query.join(parts[name].subquery(name), join_type="cross")
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
    values = {"records": records, "is_new": is_new, "upto": upto}
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
    """One row: how many records have a counterpart, and in how many of them each other column differs."""
    weight = paired_records()
    counts: dict[str, exp.Expr] = {"changed": weight}
    for n, name in enumerate(how.rest):
        differs = exp.NullSafeNEQ(this=named(name, "gone"), expression=named(name, "come"))
        counts[f"differs_{n}"] = exp.If(this=differs, true=weight.copy(), false=exp.Literal.number(0))
    told = (exp.alias_(dialect.counted(exp.Sum(this=value)), name) for name, value in counts.items())
    return pairs(how, *told).with_("numbered", as_=counted_up(how))


def difference(session: Session, how: Compared, partition: Partition, *, in_a_hurry: bool) -> Difference:
    """Compare the rows that the session knows as :data:`BEFORE` and :data:`AFTER`; keeps :data:`CHANGES`.

    ``in_a_hurry``, only some of what has changed is paired if nearly everything has, and only these changes are kept.

    Raises:
        StatementFailed: rows of either could not be read.
    """
    one_in = 1
    if how.digest is not None:
        suspects = session.keep(SUSPECTS, Statement(suspects_query(how.digest)), {})
        if in_a_hurry and suspects > _MANY and how.identity_digest is not None:
            one_in = _ONE_IN
    if one_in == 1:
        _keep_changes(session, how)
        counts = session.one(Statement(counts_query(how)), {})
    else:
        session.relate(CHANGES, changes_query(replace(how, digest=None)))
        counts = session.one(Statement(counts_query(how)), {})
        _keep_changes(session, _sampled(how))
    added, removed = counts["added"], counts["removed"]
    paired: Mapping[str, Any] = {}
    if added and removed and how.identity:
        paired = session.one(Statement(pairs_query(how)), {})
    by_column = {name: paired.get(f"differs_{n}", 0) for n, name in enumerate(how.rest)}
    sums = {column.name: counts[f"sum_{n}"] for n, column in enumerate(how.summed)}
    return Difference(
        table=how.table,
        partition=partition,
        before=counts["old_records"],
        after=counts["new_records"],
        added=added,
        removed=removed,
        changed=paired.get("changed", 0),
        by_column={name: records for name, records in by_column.items() if records},
        sums={name: change for name, change in sums.items() if change},
        one_in=one_in,
    )


def _keep_changes(session: Session, how: Compared) -> None:
    session.keep(CHANGES, Statement(changes_query(how)), {})


def _sampled(how: Compared) -> Compared:
    """The same of some of what records are of, each with all its records."""
    if how.identity_digest is None:
        return how
    chosen = exp.BitwiseAnd(this=how.identity_digest.copy(), expression=exp.Literal.number(_ONE_IN - 1))
    return replace(how, sample=chosen.eq(exp.Literal.number(0)))
