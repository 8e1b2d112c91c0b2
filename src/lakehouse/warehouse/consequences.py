"""What other rows of a table change in the tables that are made of it, before anything is published.

Each of them is computed aside of what would be published, by its own statements, and compared with what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from lakehouse.exceptions import ConfigurationError, CorruptFile, MachineFault, StatementFailed
from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.partition import WHOLE, Partition, Period
from lakehouse.results import Consequence
from lakehouse.schema import TableSpec
from lakehouse.warehouse.difference import AFTER, BEFORE, difference
from lakehouse.warehouse.difference_rows import grain_rows
from lakehouse.warehouse.store import PublishedRows, Records, Session
from lakehouse.warehouse.workings import Workings

UNTOLD = (StatementFailed, ConfigurationError, CorruptFile, MachineFault)
"""What can keep a difference from being told. It decides nothing: what is at fault stops what needs it by itself."""


@dataclass(frozen=True)
class Versions:
    """The rows of a table, or of a month of it, as a session names them: those it would have, and those it had.

    ``before`` is None for what is published.
    """

    after: str
    before: str | None = None


@dataclass
class Consequences:
    """Those of one change, in one session; ``at_most`` bounds the months and the rows that are told, None nothing."""

    workings: Workings
    session: Session
    records: Records
    months_at_most: int | None
    rows_at_most: int | None
    left_out: dict[str, int] = field(default_factory=dict)
    """How many months were not looked at, by asset."""
    _changed: dict[tuple[str, Partition], Versions] = field(default_factory=dict)
    _left_out: dict[str, set[Partition]] = field(default_factory=dict)
    _untold: dict[str, set[Partition]] = field(default_factory=dict)
    """What may change, but how is not known, by table."""

    def told(self, table: TableSpec, partition: Partition, versions: Versions) -> Iterator[Consequence]:
        """What a change means for each table that is made of it, or of what is made of it, in the models' order."""
        self._changed[table.name, partition] = versions
        for model in self.workings.models:
            try:
                months = self._months(model)
            except UNTOLD as error:  # its table cannot be read
                self._untold[model.table.name] = {WHOLE}
                yield Consequence(model.key, partition, None, fault=str(error))
            else:
                yield from (self._consequence(model, month) for month in months)

    def _months(self, model: SqlModel) -> list[Partition]:
        """What of a model is made of something that changes, the newest first."""
        concerned = {month for table, month in self._changed if table in model.references}
        for unknown in (self._left_out, self._untold):
            concerned.update(*(unknown.get(table, ()) for table in model.references))
        if not concerned:
            return []
        if not model.is_partitioned:
            return [WHOLE] if self._is_compared(model, WHOLE) else []
        if WHOLE in concerned:
            concerned |= self.records.partitions(model.table).keys()
        wanted = (month for month in concerned if month is not WHOLE and self._is_compared(model, month))
        months = sorted(wanted, key=str, reverse=True)
        known = [month for month in months if not any(self._read(self._left_out, model, month).values())]
        kept = known[: self.months_at_most]
        if left_out := set(months) - set(kept):
            self._left_out[model.table.name] = left_out
            self.left_out[model.key] = len(left_out)
        return kept

    @staticmethod
    def _read(of: Mapping[str, set[Partition]], model: SqlModel, month: Partition) -> dict[str, list[Partition]]:
        """Of these months of tables, those that a month of a model is computed from."""
        return {
            table: [at for at in of.get(table, ()) if at == month or WHOLE in (at, month)] for table in model.references
        }

    def _is_compared(self, model: SqlModel, month: Partition) -> bool:
        """Whether there is anything to compare with: what is published, or what would be of another version."""
        has_before = any(versions.before is not None for versions in self._changed.values())
        return has_before or self.records.partition(model.table, month) is not None

    def _consequence(self, model: SqlModel, month: Partition) -> Consequence:
        fault = self._why_not(model, month)
        if fault is None:
            try:
                return self._found(model, month)
            except UNTOLD as error:
                fault = str(error)
        self._untold.setdefault(model.table.name, set()).add(month)
        return Consequence(model.key, month, None, fault=fault)

    def _why_not(self, model: SqlModel, month: Partition) -> str | None:
        """Why what becomes of a month cannot be computed: not all that it is made of is known."""
        reasons = []
        for table, months in self._read(self._left_out, model, month).items():
            if months:
                were = "month of {} was" if len(months) == 1 else "months of {} were"
                reasons.append(f"{len(months)} {were.format(table)} left out")
        for table, months in self._read(self._untold, model, month).items():
            reasons += [f"what {at.of(table)} becomes is not known" for at in sorted(months, key=str)]
        return f"not computed: {'; '.join(reasons)}" if reasons else None

    def _found(self, model: SqlModel, month: Partition) -> Consequence:
        versions = self._computed(model, month)
        before = PublishedRows(model.table, month) if versions.before is None else dialect.all_of(versions.before)
        self.session.relate(BEFORE, before)
        self.session.relate(AFTER, dialect.all_of(versions.after))
        how = self.workings.compared(model)
        found = difference(self.session, how, month, in_a_hurry=False)
        if found.is_empty:
            return Consequence(model.key, month, found)
        self._changed[model.table.name, month] = versions
        rows = grain_rows(self.session, how, found, self.rows_at_most) if model.grain else None
        return Consequence(model.key, month, found, rows)

    def _computed(self, model: SqlModel, month: Partition) -> Versions:
        """Compute a model of what would be there, and of what was there, unless that is what is published."""
        inputs = self.workings.tables(model, month, self.records)
        inputs.relate(self.session, self.workings.store.tie_breaker)
        number = len(self._changed)
        after, before = f"audit.after_{number}", f"audit.before_{number}"
        statement = self.workings.statements(model).select
        has_before = any(versions.before is not None for versions in self._changed.values())
        for name, of in ((before, "before"), (after, "after"))[0 if has_before else 1 :]:
            for table in model.references:
                self._relate(table, month, of)
            self.session.keep(name, statement, inputs.parameters)
        return Versions(after, before if has_before else None)

    def _relate(self, table: str, month: Partition, of: str) -> None:
        """Let a table's name stand for what it would hold, or held, if that is not what is published."""
        changed = {at: getattr(v, of) for (name, at), v in self._changed.items() if name == table}
        spec = self.workings.models.spec(table)
        if month in changed or WHOLE in changed:
            self.session.relate(table, dialect.all_of(changed.get(month) or changed[WHOLE]))
        elif changed and month is WHOLE and spec is not None and spec.partition is not None:
            published = f"audit.published_{table.replace('.', '_')}"
            self.session.relate(published, PublishedRows(spec, WHOLE))
            rows: exp.Query = exp.select(*_names(spec)).from_(published)
            rows = rows.where(*(_outside(spec, at) for at in changed if isinstance(at, Period)))
            for name in changed.values():
                rows = exp.union(rows, exp.select(*_names(spec)).from_(name), distinct=False)
            self.session.relate(table, rows)


def _names(spec: TableSpec) -> list[exp.Column]:
    return [exp.column(column.name, quoted=True) for column in spec.columns]


def _outside(spec: TableSpec, period: Period) -> exp.Expr:
    """In another period than this; a view takes no parameters."""
    partition = spec.column(str(spec.partition))
    bounds = (dialect.cast(exp.Literal.string(f"{at:%Y-%m-%d}"), partition.type) for at in (period.start, period.end))
    start, end = bounds
    column = exp.column(partition.name, quoted=True)
    return exp.or_(column < start, exp.GTE(this=column.copy(), expression=end))
