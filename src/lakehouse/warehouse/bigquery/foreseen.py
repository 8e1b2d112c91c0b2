"""What statements would bill over names of which some stand for tables that are there, and others for rows to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.warehouse.bigquery import placing
from lakehouse.warehouse.bigquery.dry_runs import dry_run
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.one_scan import in_one_scan
from lakehouse.warehouse.bigquery.sizes import LEAST_BILLED, billed
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import Relation

DRY_RUN, SIZES = "dry run", "sizes"


@dataclass(frozen=True)
class Rows:
    """Rows that a name stands for: where they are, or None where they are not yet, and how large they will be.

    ``always`` are the columns that are read whatever is asked: those of the condition that picks a month.
    """

    place: exp.Table | exp.Query | None
    count: int
    widths: Mapping[str, int]
    always: frozenset[str] = frozenset()

    def bytes_of(self, names: frozenset[str] | None) -> int:
        """Of some columns, or of all."""
        read = self.widths.keys() if names is None else self.widths.keys() & (names | self.always)
        return self.count * sum(self.widths[name] for name in read)


@dataclass
class Foreseen:
    """What the statements that it is told of would bill in all, in bytes, and how that is known."""

    jobs: Jobs
    bytes_billed: int = 0
    statements: int = 0
    known_by: set[str] = field(default_factory=set)
    _names: dict[str, Rows | exp.Query] = field(default_factory=dict)

    def relate(self, name: str, relation: Relation | Rows) -> None:
        """Let a name stand for rows, or for a query over other names."""
        if not isinstance(relation, Rows | exp.Query):
            raise TypeError(f"{name}: nothing is loaded for an estimate")
        self._names[name] = relation

    def least(self, statements: int, tables: int = 1) -> None:
        """Add statements that each read some small tables, which bill the least there is."""
        self.bytes_billed += statements * tables * LEAST_BILLED
        self.statements += statements

    def add(self, statement: Statement | None, parameters: Mapping[str, object]) -> None:
        """Add a statement, if there is one."""
        if statement is not None:
            self.add_query(statement.query, statement.bind(parameters))

    def add_query(self, query: exp.Query, bound: Mapping[str, object]) -> None:
        """Add a query with values of its parameters."""
        query = in_one_scan(query)
        readings = list(self._readings(query))
        self.statements += 1
        if all(rows.place is not None for _, rows, _ in readings):
            found = dry_run(self.jobs, dialect.render(self._placed(query), "bigquery"), bound)
            self.bytes_billed += billed(found.bytes_processed, max(found.tables, len({name for name, *_ in readings})))
            self.known_by.add(DRY_RUN)
            return
        sizes: dict[str, int] = {}
        for name, rows, names in readings:
            sizes[name] = max(sizes.get(name, 0), rows.bytes_of(names))  # read once, however often a statement names it
        self.add_sizes(*sizes.values(), statements=0)

    def add_placed(self, query: exp.Query) -> None:
        """Add a query over tables as BigQuery knows them."""
        self.statements += 1
        found = dry_run(self.jobs, dialect.render(query, "bigquery"), {})
        self.bytes_billed += billed(found.bytes_processed, max(found.tables, 1))
        self.known_by.add(DRY_RUN)

    def add_sizes(self, *tables: int, statements: int = 1) -> None:
        """Add statements that read so many bytes of each of some tables."""
        self.statements += statements
        self.bytes_billed += sum(billed(size, 1) for size in tables)
        self.known_by.add(SIZES)

    def _readings(self, query: exp.Query) -> Iterator[tuple[str, Rows, frozenset[str] | None]]:
        """The rows that a query reads, each time that it does, with the columns that it names, or None for all."""
        own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        stars = (star for star in query.find_all(exp.Star) if not isinstance(star.parent, exp.Count))
        named = frozenset(column.name for column in query.find_all(exp.Column))
        names = None if any(stars) else named
        for table in query.find_all(exp.Table):
            if not table.db and table.name.lower() in own:
                continue
            name = f"{table.db}.{table.name}" if table.db else table.name
            relation = self._names[name]
            if isinstance(relation, Rows):
                yield name, relation, names
            else:
                yield from self._readings(relation)

    def _placed(self, query: exp.Query) -> exp.Query:
        own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        places: dict[str, exp.Table | exp.Query] = {}
        for table in query.find_all(exp.Table):
            name = f"{table.db}.{table.name}" if table.db else table.name
            if name.lower() in own:
                continue
            relation = self._names[name]
            place = relation.place if isinstance(relation, Rows) else self._placed(relation)
            if place is None:
                raise TypeError(f"{name} is not there")
            places[name] = place
        return placing.placed(query, places)
