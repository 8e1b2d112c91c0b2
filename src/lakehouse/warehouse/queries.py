"""Ad-hoc queries over published tables: BigQuery's dialect in, Arrow out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.landing_table import LANDING_COLUMNS, LANDINGS, landing_table
from lakehouse.bronze.store import BronzeStore
from lakehouse.column_types import is_declarable
from lakehouse.exceptions import (
    LakehouseError,
    NotPortable,
    QueryError,
    StatementFailed,
    StatementFault,
    TooLittleMemory,
)
from lakehouse.models import bounds, dialect, portability, reading
from lakehouse.models.model import LEDGER, Models
from lakehouse.models.portable.finding import Finding
from lakehouse.partition import WHOLE
from lakehouse.results import Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.describe import written_out
from lakehouse.warehouse.information_schema import (
    InformationSchema,
    relation_name,
    views_among,
    with_views_named,
    with_views_related,
)
from lakehouse.warehouse.ledger import (
    ACCOUNTS,
    LEDGER_KEYS,
    account_columns,
    ledger_query,
    reasons,
    resolved_ledger,
)
from lakehouse.warehouse.query_limits import Deadline, QueryLimits, in_words, memory_kept, not_enough
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import PublishedRows, Records, Session, Store, TableShape, Work

if TYPE_CHECKING:
    import pyarrow as pa


class Queries:
    """Answers one query after the other; tables are looked at anew for each."""

    def __init__(
        self, store: Store, bronze: BronzeStore, models: Models, contracts: Mapping[str, Contract], limits: QueryLimits
    ) -> None:
        self._limits = limits
        self._store = store
        self._bronze = bronze
        self._models = models
        self._contracts = contracts
        self._specs = {spec.name: spec for spec in models.specs()}
        self._information = InformationSchema(models, contracts)

    def run(
        self, sql: str, remark: Callable[[Remark], None], *, only_portable: bool, recount: bool = False
    ) -> pa.Table:
        """The rows of one SELECT, or of the SHOW TABLES or DESCRIBE that is short for one.

        ``remark`` is told what a reader of the tables should know, and what is not portable where that is let through.
        Where the engine speaks the dialect itself, everything is. ``recount`` has the ledger count what tables hold,
        also where that was put down when they were published.

        Raises:
            QueryError: it cannot be parsed, names what does not exist, binds parameters, or, where ``only_portable``,
                has what engines answer differently.
            QueryError: it takes more than a query may have, or does anything but read these tables.
        """
        deadline = Deadline(self._limits.seconds)
        with in_words(), memory_kept(self._limits):
            return self._answer(sql, remark, deadline, only_portable=only_portable, recount=recount)

    def _answer(
        self, sql: str, remark: Callable[[Remark], None], deadline: Deadline, *, only_portable: bool, recount: bool
    ) -> pa.Table:
        query = with_views_named(deadline.kept(partial(self._understood, sql)))
        wanted = set(dialect.references(query))
        self._require_readable(wanted)
        records = self._store.records()
        traits = self._store.traits
        accounts = None if recount or LEDGER not in wanted else self._accounts(records)
        by_ledger = self._ledger_reads(is_accounted=accounts is not None) if LEDGER in wanted else ()
        read = {*wanted, *by_ledger}
        tables = sorted(read & self._specs.keys())
        there = {name: _columns(records.shape(self._specs[name])) for name in tables}
        schema = self._schema(wanted, there)
        ledger = None
        if LEDGER in wanted:
            digits, by_accounts = traits.sha256_digits, accounts is not None
            ledger = resolved_ledger(self._models, self._contracts, schema, digits, by_accounts=by_accounts)
        if ledger is not None:
            schema["silver"][LEDGER.partition(".")[2]] = dialect.output_types(ledger)
        most_findings = 0 if traits.is_native else 1 if only_portable else None
        resolved, findings = deadline.kept(partial(_resolved, query, schema, most_findings))
        for finding in findings:
            if only_portable:
                raise NotPortable(f"query: {finding}")
            remark(Remark("query", WHOLE, f"engines may answer this differently: {finding}"))
        for name in sorted(wanted & self._specs.keys()):
            if there[name] is None:
                raise QueryError(f"query: {name} has not been materialized yet: materialize it with lakehouse run")
        for each in (each for name in tables for each in records.remarks(self._specs[name])):
            remark(each)
        with self._store.session(Work("query", WHOLE, ""), records) as session:
            try:
                self._relate(session, read, there)
                if accounts is not None:
                    session.relate(ACCOUNTS, accounts)
                if ledger is not None:
                    session.relate(LEDGER, ledger)
                result = session.answer(Statement(with_views_related(resolved)), deadline)
            except TooLittleMemory as error:
                raise not_enough(self._limits, str(error)) from error
            except StatementFailed as error:
                raise _failed(error, deadline) from error
        return _spelt_as_written(_with_int64(result, dialect.output_types(resolved)), query)

    def _accounts(self, records: Records) -> exp.Query | None:
        return records.accounts(account_columns(self._models), reasons(self._models))

    def _ledger_reads(self, *, is_accounted: bool) -> tuple[str, ...]:
        """The tables that the ledger is made of."""
        found = dialect.references(ledger_query(self._models, self._contracts, by_accounts=is_accounted))
        return tuple(name for name in found if name != ACCOUNTS)

    def _understood(self, sql: str) -> exp.Query:
        bounds.require_text(sql, "query", QueryError)
        query = written_out(sql, self._information) or dialect.parse(sql, "query", QueryError)
        bounds.require_query(query, "query", QueryError)
        reading.require_reading(query, "query", QueryError)
        if names := dialect.parameters(query):
            raise QueryError(f"query: @{min(names)} has no value; write the value itself")
        return query

    def _require_readable(self, wanted: set[str]) -> None:
        for asset in sorted(asset for asset in self._contracts if f"bronze.{asset}" in wanted):
            made = ", ".join(model.table.name for model in self._models if model.bronze_asset == asset)
            raise QueryError(
                f"query: there is no table bronze.{asset}: landed files are read by models alone; "
                f"query {made or LANDINGS}, or DESCRIBE bronze.{asset}"
            )

    def _schema(self, wanted: set[str], there: Mapping[str, tuple[Column, ...] | None]) -> dialect.Schema:
        """All tables there are; of those that are wanted, the columns they have now."""
        schema: dialect.Schema = {"bronze": {}}
        for name, spec in self._specs.items():
            layer, _, table = name.partition(".")
            columns = there.get(name) or spec.columns
            schema.setdefault(layer, {})[table] = {column.name: column.type for column in columns}
        schema["bronze"][LANDINGS.partition(".")[2]] = {column.name: column.type for column in LANDING_COLUMNS}
        keys = {column.name: column.type for column in LEDGER_KEYS}  # the rest is derived for a query that reads it
        schema.setdefault("silver", {})[LEDGER.partition(".")[2]] = keys
        if views_among(wanted):
            for layer, views in self._information.schema().items():
                schema.setdefault(layer, {}).update(views)
        return schema

    def _relate(
        self,
        session: Session,
        read: set[str],
        there: Mapping[str, tuple[Column, ...] | None],
    ) -> None:
        """Name the tables and views that a query reads."""
        for name in sorted(read & self._specs.keys()):
            spec, columns = self._specs[name], there[name]
            if columns is None:
                session.relate(name, dialect.no_rows(spec.columns))
            else:
                session.relate(name, PublishedRows(_as_it_is(spec, columns), WHOLE))
        if LANDINGS in read:
            session.relate(LANDINGS, landing_table(self._bronze))
        for view in sorted(views_among(read)):
            session.relate(relation_name(view), self._information.relation(view))


def _failed(error: StatementFailed, deadline: Deadline) -> LakehouseError:
    """Why there is no answer."""
    if error.fault is StatementFault.TIME:
        return deadline.passed()
    if error.fault is StatementFault.DATA:
        return LakehouseError(f"query: {error}. If a file is damaged, materialize what it belongs to again")
    return QueryError(f"query: {error}")


def _columns(shape: TableShape | None) -> tuple[Column, ...] | None:
    """Columns a table has; those of types that no model can declare are another tool's, and not seen."""
    return None if shape is None else tuple(column for column in shape.columns if is_declarable(column.type))


def _as_it_is(spec: TableSpec, columns: tuple[Column, ...]) -> TableSpec:
    """A table with the columns it has now, which may be more than its model's."""
    return replace(spec, columns=columns)


def _resolved(
    query: exp.Query, schema: dialect.Schema, most_findings: int | None
) -> tuple[exp.Query, Sequence[Finding]]:
    """A query as it reads its tables, and the first that engines answer differently of it."""
    resolved = dialect.resolve(query, schema, "query", QueryError)
    dialect.require_columns_alone(query, schema, "query", QueryError)
    reading.require_tables(resolved, "query", QueryError)
    _require_distinct_names(resolved)
    return resolved, list(islice(portability.differing(query, resolved, schema), most_findings))


def _require_distinct_names(resolved: exp.Query) -> None:
    returned = [projection.alias_or_name for projection in resolved.selects]
    if repeated := sorted({name for name in returned if returned.count(name) > 1}):
        raise QueryError(f"query: two columns of the result are named {repeated[0]}: give one of them another name")


def _spelt_as_written(result: pa.Table, query: exp.Query) -> pa.Table:
    """Columns have the capitals that the query gives their names."""
    aliases = (alias.alias for alias in query.find_all(exp.Alias))
    spelt = {name.lower(): name for name in (*aliases, *query.named_selects)}
    return result.rename_columns([spelt.get(name, name) for name in result.column_names])


def _with_int64(result: pa.Table, types: Mapping[str, str]) -> pa.Table:
    """An engine may add whole numbers up in a wider type, which Arrow shows as a decimal."""
    import pyarrow as pa

    for position, field in enumerate(result.schema):
        if types.get(field.name) == "INT64" and field.type != pa.int64():
            try:
                whole = result.column(position).cast(pa.int64())
            except pa.ArrowInvalid as error:
                raise QueryError(f"query: column {field.name} has a value that INT64 does not hold ({error})") from None
            result = result.set_column(position, field.name, whole)
    return result
