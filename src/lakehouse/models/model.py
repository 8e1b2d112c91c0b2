"""What a SQL model is once its file has been read: columns, statements, rules, references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from lakehouse.exceptions import UnknownAsset
from lakehouse.models import dialect
from lakehouse.models.checks.base import REJECTED, STAGED
from lakehouse.models.checks.kinds import Check
from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE, Column, TableSpec

LEDGER = "silver.row_ledger"
"""Name under which the row ledger can be queried; no model may take it."""

REJECTED_COLUMNS = (
    BRONZE_COLUMNS[1],
    UNREADABLE,
    Column("reject_reason", "STRING", "First reject rule of the model that the record meets"),
    Column("month", "DATE", "First day of the month whose file holds the record"),
)
"""What every table of rejected records has besides its contract's columns."""

PARTITION_START = "partition_start"
PARTITION_END = "partition_end"
"""Parameters of every partitioned model: the month's bounds, DATETIME, end exclusive."""


@dataclass(frozen=True)
class SqlModel:
    """A model ready to be computed by any engine.

    ``query`` selects what is published, its columns cast to their declared types and reject rules applied;
    ``rejected_query`` selects the rest, from every record rather than folded ones. Both are resolved trees
    in BigQuery's dialect.
    """

    key: str
    sql: str
    """The SELECT as its author wrote it."""
    table: TableSpec
    grain: tuple[str, ...]
    identity: tuple[str, ...]
    """Columns by which a row is known for the counterpart of another, before or after: the grain if there is one."""
    references: tuple[str, ...]
    resolved: exp.Query
    query: exp.Select
    reject_reasons: tuple[str, ...]
    reject_columns: tuple[str, ...]
    """Columns of the bronze relation that the reject rules look at."""
    rejected: TableSpec | None
    rejected_query: exp.Select | None
    checks: tuple[Check, ...]
    bronze_asset: str | None
    """Key of the bronze asset it reads, None for a model that reads tables only."""
    owner: str
    tags: Mapping[str, str]
    """Those of its header."""

    @property
    def layer(self) -> str:
        return self.table.name.partition(".")[0]

    @property
    def is_partitioned(self) -> bool:
        return self.table.partition is not None


@dataclass(frozen=True, eq=False)
class Models:
    """All models of a project in an order in which each follows what it reads."""

    models: tuple[SqlModel, ...]
    schema: dialect.Schema

    def __iter__(self) -> Iterator[SqlModel]:
        return iter(self.models)

    def __getitem__(self, key: str) -> SqlModel:
        for model in self.models:
            if model.key == key:
                return model
        raise UnknownAsset(f"there is no model {key}{dialect.suggestion(key, self.keys())}")

    def keys(self) -> tuple[str, ...]:
        return tuple(model.key for model in self.models)

    def specs(self) -> tuple[TableSpec, ...]:
        """All tables that the models make, those of rejected records too."""
        return tuple(spec for model in self for spec in (model.table, model.rejected) if spec is not None)

    def by_table(self, table: str) -> SqlModel | None:
        """The model that makes a table, also one of rejected records; None where none does."""
        for model in self.models:
            if table in (model.table.name, model.rejected.name if model.rejected else None):
                return model
        return None

    def spec(self, table: str) -> TableSpec | None:
        """The table of that name that some model makes, also one of rejected records."""
        return next((spec for spec in self.specs() if spec.name == table), None)

    def tables_read(self, model: SqlModel) -> tuple[str, ...]:
        """Tables that a model's query or its checks read, sorted."""
        return tuple(sorted({*model.references, *(table for check in model.checks for table in check.reads())}))

    def made_of(self, table: str) -> tuple[TableSpec, ...]:
        """Tables whose models read another."""
        return tuple(model.table for model in self if table in model.references)

    def upstream_keys(self, model: SqlModel) -> tuple[str, ...]:
        """Asset keys a model depends on: those of the tables its query and its checks read."""
        return tuple(sorted({self.asset_key(table) for table in self.tables_read(model)}))

    def union_inputs(self, model: SqlModel) -> tuple[SqlModel, ...]:
        """The models of single datasets that a model puts together a month at a time; none if there is but one.

        Their datasets are published on different days, so it is made of those that are there.
        """
        monthly = [
            m for m in self if m.table.name in model.references and m.bronze_asset is not None and m.is_partitioned
        ]
        return tuple(monthly) if model.is_partitioned and len(monthly) > 1 else ()

    def landed_by(self, model: SqlModel) -> frozenset[str]:
        """Keys of the bronze assets whose files a model's rows come from, by itself or by the tables it reads."""
        makers = (self.by_table(table) for table in model.references)
        found = frozenset() if model.bronze_asset is None else frozenset({model.bronze_asset})
        return found.union(*(self.landed_by(maker) for maker in makers if maker is not None))

    def asset_key(self, table: str) -> str:
        """Key of the asset that makes ``layer.table``; a bronze relation is named after its asset."""
        maker = self.by_table(table)
        return maker.key if maker else table.partition(".")[2]


def audit_schema(model: SqlModel, schema: dialect.Schema) -> dialect.Schema:
    """The schema a model's checks are resolved against: all tables, and the staged month."""
    staged = {column.name: column.type for column in model.table.columns}
    rejected = {column.name: column.type for column in model.rejected.columns} if model.rejected else {}
    audit = {STAGED.partition(".")[2]: staged}
    if rejected:
        audit[REJECTED.partition(".")[2]] = rejected
    return {**schema, STAGED.partition(".")[0]: audit}
