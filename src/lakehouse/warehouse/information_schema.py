"""What tables and columns there are, as tables that can be queried: INFORMATION_SCHEMA, of all layers or of one.

It tells what models and contracts declare, which is the same for every warehouse, and of a table that is empty too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.landing_table import LANDING_COLUMNS, LANDINGS
from lakehouse.column_types import arrow_type
from lakehouse.models import dialect
from lakehouse.models.checks.values import NotNull
from lakehouse.models.model import LEDGER, Models
from lakehouse.schema import BRONZE_COLUMNS, Column, TableSpec
from lakehouse.warehouse.ledger import ledger_columns

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = "INFORMATION_SCHEMA"
_TABLES, _COLUMNS = "TABLES", "COLUMNS"

_VIEWS: Mapping[str, tuple[Column, ...]] = {
    _TABLES: (
        Column("table_schema", "STRING", "Layer"),
        Column("table_name", "STRING", "Name within the layer"),
        Column("table_type", "STRING", "BASE TABLE, VIEW, or EXTERNAL: landed files, which only models read"),
        Column("is_queryable", "STRING", "YES if a query can read it, else NO"),
        Column("table_format", "STRING", "As its model declares it; of landed files their suffix"),
        Column("partition_column", "STRING", "Column whose month is the partition, NULL of what comes whole"),
        Column("description", "STRING", "What it holds"),
    ),
    _COLUMNS: (
        Column("table_schema", "STRING", "Layer"),
        Column("table_name", "STRING", "Name of the table within the layer"),
        Column("column_name", "STRING", "Name of the column"),
        Column("ordinal_position", "INT64", "Its place in the table, from 1"),
        Column("is_nullable", "STRING", "NO where a check, or the partition, lets no NULL be published; else YES"),
        Column("data_type", "STRING", "Its type"),
        Column("is_partitioning_column", "STRING", "YES if its month is the partition, else NO"),
        Column("clustering_ordinal_position", "INT64", "Its place among those that the table is clustered by, from 1"),
        Column("unit", "STRING", "Unit, where the type cannot say it"),
        Column("description", "STRING", "What it holds"),
    ),
}
"""Views and their columns, named as others name them in theirs."""


@dataclass(frozen=True)
class _Listed:
    """A table as it is told of; ``required`` are the columns that hold no NULL."""

    spec: TableSpec
    type: str
    format: str | None
    required: frozenset[str] = frozenset()

    @property
    def layer(self) -> str:
        return self.spec.name.partition(".")[0]

    @property
    def name(self) -> str:
        return self.spec.name.partition(".")[2]


class InformationSchema:
    """``INFORMATION_SCHEMA.TABLES`` and ``.COLUMNS`` of all layers, and ``silver.INFORMATION_SCHEMA.TABLES`` of one."""

    def __init__(self, models: Models, contracts: Mapping[str, Contract]) -> None:
        self._listed = sorted(_listed(models, contracts), key=lambda each: each.spec.name)

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that it tells of, as ``layer.table``, sorted."""
        return tuple(each.spec.name for each in self._listed)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(sorted({each.layer for each in self._listed}))

    def schema(self) -> dialect.Schema:
        """Every view, to resolve a query against."""
        views = {view: {column.name: column.type for column in columns} for view, columns in _VIEWS.items()}
        return {SCHEMA: views, **{layer: {f"{SCHEMA}.{view}": views[view] for view in views} for layer in self.layers}}

    def relation(self, name: str) -> pa.Table:
        """The rows of a view."""
        import pyarrow as pa

        of, _, view = name.rpartition(".")
        layer = of.removesuffix(SCHEMA).removesuffix(".")
        rows_of = _table_rows if view == _TABLES else _column_rows
        rows = [row for each in self._listed if layer in ("", each.layer) for row in rows_of(each)]
        return pa.Table.from_pylist(
            rows, pa.schema([(column.name, arrow_type(column.type)) for column in _VIEWS[view]])
        )


def view(name: str, layer: str | None = None) -> exp.Table:
    """A view of one layer, or of all."""
    if layer is None:
        return exp.table_(exp.to_identifier(name, quoted=True), db=exp.to_identifier(SCHEMA, quoted=True))
    return exp.table_(exp.to_identifier(f"{SCHEMA}.{name}", quoted=True), db=exp.to_identifier(layer, quoted=True))


def with_views_named(query: exp.Query) -> exp.Query:
    """The query with its views called as :meth:`InformationSchema.schema` calls them; their case does not matter."""
    query = query.copy()
    for table in query.find_all(exp.Table):
        before, _, name = table.name.rpartition(".")  # sqlglot holds what stands before and after this point together
        if before.upper() == SCHEMA:
            _call(table, view(name.upper(), table.db or None))
    return query


def views_among(tables: AbstractSet[str]) -> frozenset[str]:
    """Those tables that are views of the information schema."""
    return frozenset(table for table in tables if SCHEMA in table.split("."))


def relation_name(name: str) -> str:
    """What a view is called in a session, as engines have something of its own name themselves."""
    return f"audit.{name.replace('.', '_').lower()}"


def with_views_related(resolved: exp.Query) -> exp.Query:
    """A resolved query over views as a session knows them."""
    query = resolved.copy()
    for table in query.find_all(exp.Table):
        name = f"{table.db}.{table.name}"
        if views_among({name}):
            _call(table, exp.to_table(relation_name(name)))
    return query


def _call(table: exp.Table, name: exp.Table) -> None:
    for part in ("this", "db", "catalog"):
        table.set(part, name.args.get(part))


def _listed(models: Models, contracts: Mapping[str, Contract]) -> Iterator[_Listed]:
    for asset, contract in contracts.items():
        columns = (*contract.columns, *BRONZE_COLUMNS)
        landed = TableSpec(f"bronze.{asset}", columns, contract.dataset.description)
        yield _Listed(landed, "EXTERNAL", contract.dataset.suffix)
    for model in models:
        checks = (check for check in model.checks if isinstance(check, NotNull) and check.blocks)
        yield _published(model.table, {column for check in checks for column in check.columns()})
        if model.rejected is not None:
            yield _published(model.rejected, set())
    landings = TableSpec(LANDINGS, LANDING_COLUMNS, "Every file that was landed")
    ledger = TableSpec(LEDGER, ledger_columns(models), "Every landed row of the tables that reject some, accounted for")
    yield from (_Listed(spec, "VIEW", None) for spec in (landings, ledger))


def _published(spec: TableSpec, not_null: set[str]) -> _Listed:
    """Rows without a month are never published."""
    required = not_null if spec.partition is None else not_null | {spec.partition}
    return _Listed(spec, "BASE TABLE", spec.format, frozenset(required))


def _table_rows(listed: _Listed) -> Iterator[dict[str, Any]]:
    yield {
        "table_schema": listed.layer,
        "table_name": listed.name,
        "table_type": listed.type,
        "is_queryable": _yes_or_no(listed.type != "EXTERNAL"),
        "table_format": listed.format,
        "partition_column": listed.spec.partition,
        "description": listed.spec.description,
    }


def _column_rows(listed: _Listed) -> Iterator[dict[str, Any]]:
    spec = listed.spec
    for position, column in enumerate(spec.columns, start=1):
        yield {
            "table_schema": listed.layer,
            "table_name": listed.name,
            "column_name": column.name,
            "ordinal_position": position,
            "is_nullable": _yes_or_no(column.name not in listed.required),
            "data_type": column.type,
            "is_partitioning_column": _yes_or_no(column.name == spec.partition),
            "clustering_ordinal_position": spec.cluster.index(column.name) + 1 if column.name in spec.cluster else None,
            "unit": column.unit,
            "description": column.description,
        }


def _yes_or_no(is_so: bool) -> str:
    return "YES" if is_so else "NO"
