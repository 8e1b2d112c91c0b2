"""What tells the new rows of a table from the old ones: statements over the two, and what their answers mean.

Rows are compared as a multiset of records, by every column that says something of a record: not by ``copies``, which is
how many of them a row stands for, nor by the file that they came in. Old rows are named :data:`BEFORE`, new ones
:data:`AFTER`; what only one of them has is staged as :data:`CHANGES`, which is small where little has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.checks.base import ordered
from lakehouse.models.model import SqlModel
from lakehouse.partition import Partition
from lakehouse.results import Difference
from lakehouse.schema import BRONZE_COLUMNS, Column, TableSpec, digits_of
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Session

BEFORE, AFTER, CHANGES, SUSPECTS = "audit.before", "audit.after", "audit.changes", "audit.suspects"

COPIES, _FILE = BRONZE_COLUMNS
MORE = Column("difference_records", "INT64", "How many more of the record there are; below zero, how many fewer")
HAD = Column("difference_had", "INT64", "How many of the record there were")
_BUCKET = Column("bucket", "INT64", "Part of a digest that a row has which is not on both sides")
_BUCKETS = 2**18
_MANY = _BUCKETS * 3 // 4
"""So many buckets with a change in them stand for 360,000 records or more that have changed."""
_ONE_IN = 16
_SUMMABLE_DIGITS = 18


@dataclass(frozen=True)
class Compared:
    """A table as it is compared: ``data`` are the columns that records differ by, ``identity`` those of what is one.

    ``digest`` is a number that equal rows of it share and others do not, but for one chance in 2^64; None where the
    engine has none, or a row of the new ones may be there twice.
    """

    table: str
    data: tuple[Column, ...]
    identity: tuple[str, ...]
    has_copies: bool
    digest: exp.Expr | None
    identity_digest: exp.Expr | None = None
    """The same of what a record is of."""
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
    """How a table's rows are compared; ``digest`` is :meth:`Store.digest` if no two of the new ones are alike."""
    names = {column.name for column in spec.columns}
    data = tuple(column for column in spec.columns if column not in BRONZE_COLUMNS)
    hashed = [column.name for column in spec.columns if column != _FILE]
    of_row, of_identity = (digest(hashed), digest(identity)) if digest and identity else (None, None)
    return Compared(spec.name, data, tuple(identity), COPIES.name in names, of_row, of_identity)


def keeps_records_apart(model: SqlModel, schema: dialect.Schema) -> bool:
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


def changes_query(how: Compared) -> exp.Select:
    """Every record that there is not as often as before, with how many more there are.

    Grouping two whole months by all their columns takes a second for each million rows. So where rows have a digest,
    only those are compared by value that share one of the staged :data:`SUSPECTS` with a row that only one side has.
    """
    keys = [named(column.name) for column in how.data]

    def side(name: str, more: exp.Expr, had: exp.Expr) -> exp.Select:
        counted = (exp.alias_(more, MORE.name), exp.alias_(had, HAD.name))
        rows = exp.select(*(key.copy() for key in keys), *counted).from_(name)
        if how.sample is not None:
            return rows.where(how.sample.copy())
        if how.digest is None:
            return rows
        suspects = exp.select(named(_BUCKET.name)).from_(SUSPECTS)
        return rows.where(exp.In(this=_bucket(how.digest), query=suspects.subquery()))

    zero = exp.Literal.number(0)
    before = side(BEFORE, exp.Neg(this=how.weight), how.weight)
    both = exp.union(side(AFTER, how.weight, zero.copy()), before, distinct=False)
    told = [exp.alias_(dialect.cast(exp.Sum(this=named(each.name)), each.type), each.name) for each in (MORE, HAD)]
    grouped = exp.select(*keys, *told).from_(both.subquery("both_sides"))
    grouped = grouped.group_by(*(key.copy() for key in keys))
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
    """One row: records before and after, added and removed, added to their like, and by how much each sum differs."""
    more, had, zero = named(MORE.name), named(HAD.name), exp.Literal.number(0)
    changed: dict[str, exp.Expr] = {
        "added": exp.If(this=more > zero, true=more, false=zero),
        "removed": exp.If(this=more < zero, true=exp.Neg(this=more), false=zero),
        "copied": exp.If(this=exp.and_(more > zero, had > zero), true=more, false=zero),
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
    """Compare the rows that the session knows as :data:`BEFORE` and :data:`AFTER`; stages :data:`CHANGES`.

    ``in_a_hurry``, only some of what has changed is paired if nearly everything has, and only these changes are staged.

    Raises:
        StatementFailed: rows of either could not be read.
    """
    one_in = 1
    if how.digest is not None:
        spec = TableSpec(SUSPECTS, (_BUCKET,), "Where to look for what has changed")
        suspects = session.stage(SUSPECTS, spec, Statement(suspects_query(how.digest)), {})
        if in_a_hurry and suspects.rows > _MANY and how.identity_digest is not None:
            one_in = _ONE_IN
    if one_in == 1:
        _stage_changes(session, how)
        counts = session.one(Statement(counts_query(how)), {})
    else:
        session.relate(CHANGES, changes_query(replace(how, digest=None)))
        counts = session.one(Statement(counts_query(how)), {})
        _stage_changes(session, _sampled(how))
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
        copied=counts["copied"] - (paired.get("copied", 0) if one_in == 1 else 0),
        by_column={name: records for name, records in by_column.items() if records},
        sums={name: change for name, change in sums.items() if change},
        one_in=one_in,
    )


def _stage_changes(session: Session, how: Compared) -> None:
    spec = TableSpec(CHANGES, (*how.data, MORE, HAD), f"What has changed in {how.table}")
    session.stage(CHANGES, spec, Statement(changes_query(how)), {})


def _sampled(how: Compared) -> Compared:
    """The same of some of what records are of, each with all its records."""
    if how.identity_digest is None:
        return how
    chosen = exp.BitwiseAnd(this=how.identity_digest.copy(), expression=exp.Literal.number(_ONE_IN - 1))
    return replace(how, sample=chosen.eq(exp.Literal.number(0)))
