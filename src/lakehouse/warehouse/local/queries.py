"""Ad-hoc queries over the local warehouse: BigQuery's dialect in, Arrow out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import LANDING_COLUMNS, LANDINGS, BronzeStore, Landing
from lakehouse.exceptions import QueryError
from lakehouse.models import dialect, portability
from lakehouse.models.model import LEDGER, Models
from lakehouse.schema import TableSpec
from lakehouse.warehouse.ledger import LEDGER_KEYS, resolved_ledger
from lakehouse.warehouse.local.engine import DuckDbEngine, literal
from lakehouse.warehouse.local.tables import IcebergTables

if TYPE_CHECKING:
    import pyarrow as pa

_JSON_TYPES = {"bytes": "BIGINT", "rows": "BIGINT"}


class DuckDbQueries:
    """Names what a query reads as views over published files, and runs it."""

    def __init__(
        self, tables: IcebergTables, models: Models, contracts: Mapping[str, Contract], bronze: BronzeStore
    ) -> None:
        self._tables = tables
        self._models = models
        self._contracts = contracts
        self._bronze = bronze
        self._specs: dict[str, TableSpec] = {
            spec.name: spec for model in models for spec in (model.table, model.rejected) if spec is not None
        }

    def run(self, engine: DuckDbEngine, sql: str) -> pa.Table:
        """The rows of one SELECT.

        Raises:
            QueryError: it cannot be parsed, names what does not exist, binds parameters, or has what DuckDB
                is known to answer in another way than BigQuery.
        """
        import duckdb

        query = dialect.parse(sql, "query", QueryError)
        if names := dialect.parameters(query):
            raise QueryError(f"query: @{min(names)} has no value; write the value itself")
        for finding in portability.written(query):
            if finding.misleads:
                raise QueryError(f"query: {finding}")
        wanted = set(dialect.references(query))
        schema = self._schema(wanted)
        resolved = dialect.resolve(query, schema, "query", QueryError)
        returned = [projection.alias_or_name for projection in resolved.selects]
        if repeated := sorted({name for name in returned if returned.count(name) > 1}):
            raise QueryError(f"query: two columns of the result are named {repeated[0]}: give one of them another name")
        for name in sorted(wanted & self._specs.keys()):
            if self._tables.columns(name) is None:
                raise QueryError(f"query: {name} has not been materialized yet: materialize it with lakehouse run")
        if LEDGER in wanted:
            wanted.discard(LEDGER)
            ledger = resolved_ledger(self._models, self._contracts, schema)
            wanted.update(dialect.references(ledger))
            self._present(engine, wanted)
            engine.view(LEDGER, dialect.render(ledger, "duckdb"))
        else:
            self._present(engine, wanted)
        try:
            result = engine.table(dialect.render(resolved, "duckdb"), {})
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.OutOfRangeException) as error:
            raise QueryError(f"query: {str(error).splitlines()[0]}") from None
        return _with_int64(result, dialect.output_types(resolved))

    def _schema(self, wanted: set[str]) -> dialect.Schema:
        """All tables there are; of those that are wanted, the columns they have now."""
        schema: dialect.Schema = {"bronze": {}}
        for name, spec in self._specs.items():
            columns = (self._tables.columns(name) if name in wanted else None) or spec.columns
            layer, _, table = name.partition(".")
            schema.setdefault(layer, {})[table] = {column.name: column.type for column in columns}
        schema["bronze"][LANDINGS.partition(".")[2]] = {column.name: column.type for column in LANDING_COLUMNS}
        ledger = dict(LEDGER_KEYS)  # the rest is derived only for a query that reads it
        if LEDGER in wanted:
            ledger = dialect.output_types(resolved_ledger(self._models, self._contracts, schema))
        schema.setdefault("silver", {})[LEDGER.partition(".")[2]] = ledger
        return schema

    def _present(self, engine: DuckDbEngine, wanted: set[str]) -> None:
        for name in wanted:
            if name == LANDINGS:
                self._present_landings(engine)
            else:
                spec = self._specs[name]
                columns = self._tables.columns(name) or spec.columns
                engine.parquet_view(name, self._tables.published(spec).files, columns)

    def _present_landings(self, engine: DuckDbEngine) -> None:
        folder = self._bronze.root / "_landings"
        if next(folder.glob("*/*/*.json"), None) is None:
            engine.parquet_view(LANDINGS, (), LANDING_COLUMNS)
            return
        fields = ", ".join(
            f"{literal(name)}: {literal(_JSON_TYPES.get(name, 'VARCHAR'))}" for name in Landing.model_fields
        )
        records = f"read_json({literal(str(folder / '*/*/*.json'))}, columns = {{{fields}}}, filename = TRUE)"
        dated = "* EXCLUDE (filename) REPLACE (CAST(month || '-01' AS DATE) AS month)"
        current = "filename = MAX(filename) OVER (PARTITION BY dataset, month) AS is_current"
        engine.view(LANDINGS, f"SELECT {dated}, {current} FROM {records}")


def _with_int64(result: pa.Table, types: Mapping[str, str]) -> pa.Table:
    """DuckDB sums BIGINT into HUGEINT, which Arrow shows as a 38-digit decimal."""
    import pyarrow as pa

    for position, field in enumerate(result.schema):
        if types.get(field.name) == "INT64" and field.type != pa.int64():
            try:
                whole = result.column(position).cast(pa.int64())
            except pa.ArrowInvalid as error:
                raise QueryError(f"query: column {field.name} has a value that INT64 does not hold ({error})") from None
            result = result.set_column(position, field.name, whole)
    return result
