"""A SQL file read: its header and SELECT, resolved against what they read, become a model.

One file in ``sql/<layer>/`` is one asset is one SELECT. Its header, YAML in the leading comment, says what
the SELECT cannot: description, table, grain, partition, the meaning of new columns, reject rules, checks.
A column that a model passes through unchanged keeps the meaning it has where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from lakehouse.bronze.contract import Contract
from lakehouse.column_types import DECLARABLE, is_declarable
from lakehouse.exceptions import ModelError
from lakehouse.models import dialect, portability
from lakehouse.models.checks.base import STAGED
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS, Check
from lakehouse.models.header import ModelHeader, read_model_file
from lakehouse.models.model import (
    LEDGER,
    PARTITION_END,
    PARTITION_START,
    Models,
    SqlModel,
    audit_schema,
)
from lakehouse.models.order import in_order, without
from lakehouse.models.rejects import UNREADABLE_VALUE, columns_read, kept, rejected_query, rejected_table
from lakehouse.schema import BRONZE_COLUMNS, Column, TableSpec, rejected_name

_Origins = Mapping[str, Mapping[str, Column]]
"""Table → column name → column: what the models read so far have."""


def load_models(folder: Path, contracts: Mapping[str, Contract], left_out: AbstractSet[str] = frozenset()) -> Models:
    """Read every ``<layer>/<asset>.sql`` under ``folder``.

    Bronze assets that are ``left_out`` are known not to be there: what reads them is left out as well.

    Raises:
        ModelError: a file cannot be parsed, breaks a rule of the header, or reads what does not exist.
    """
    sources = [_Source.read(path) for path in sorted(folder.glob("*/[!.]*.sql"))]
    sources = without(sources, {f"bronze.{asset}" for asset in left_out})
    if not sources:
        raise ModelError(f"{folder}: no models found; LAKEHOUSE_SQL names the folder that holds silver/ and gold/")
    schema: dialect.Schema = {"bronze": {}}
    origins: dict[str, Mapping[str, Column]] = {}
    for asset, contract in contracts.items():
        columns = (*contract.columns, *BRONZE_COLUMNS)
        schema["bronze"][asset] = {column.name: column.type for column in columns}
        origins[f"bronze.{asset}"] = {column.name: column for column in columns}
    models: list[SqlModel] = []
    for source in in_order(sources, frozenset(origins)):
        model = source.resolve(schema, origins, contracts)
        for table in filter(None, (model.table, model.rejected)):
            layer, _, name = table.name.partition(".")
            schema.setdefault(layer, {})[name] = {column.name: column.type for column in table.columns}
            origins[table.name] = {column.name: column for column in table.columns}
        models.append(model)
    return Models(tuple(models), schema)


@dataclass(frozen=True)
class _Source:
    """A model's file, parsed but not yet resolved against what it reads."""

    path: Path
    header: ModelHeader
    sql: str
    query: exp.Query

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def makes(self) -> tuple[str, ...]:
        """Tables it writes."""
        table = self.header.table
        return (table, rejected_name(table)) if self.header.reject else (table,)

    @property
    def reads(self) -> frozenset[str]:
        """Tables that its SELECT and its checks read."""
        checked = (table for check in self.header.checks for table in check.reads())
        return frozenset({*dialect.references(self.query), *checked})

    @classmethod
    def read(cls, path: Path) -> _Source:
        name = f"{path.parent.name}/{path.name}"
        header, sql = read_model_file(path, name)
        return cls(path, header, sql, dialect.parse(sql, name, ModelError))

    def resolve(
        self,
        schema: dialect.Schema,
        origins: _Origins,
        contracts: Mapping[str, Contract],
    ) -> SqlModel:
        references = dialect.references(self.query)
        bronze = next((r.partition(".")[2] for r in references if r.startswith("bronze.")), None)
        self._require_one_bronze(references, contracts)
        rules = {
            reason: dialect.parse_predicate(text, f"{self.name}: reject rule {reason}", ModelError)
            for reason, text in self.header.reject.items()
        }
        query = self.query
        if UNREADABLE_VALUE in rules:
            raise ModelError(f"{self.name}: reject rule {UNREADABLE_VALUE}: every model with rules has it by itself")
        if rules:
            if bronze is None or references != (f"bronze.{bronze}",) or not isinstance(query, exp.Select):
                raise ModelError(f"{self.name}: reject rules need a plain SELECT from one bronze relation")
            query = kept(query, rules)
        resolved = dialect.resolve(query, schema, self.name, ModelError)
        _require_portable(query, resolved, schema, self.name)
        columns = self._columns(resolved, origins)
        grain = () if self.header.grain == "record" else self.header.grain
        table = TableSpec(
            name=self.header.table,
            columns=columns,
            description=self.header.description,
            partition=self.header.partition,
            cluster=self.header.cluster,
            format=self.header.format,
            grain=grain,
        )
        self._require_known(table, grain)
        self._require_identity(table, grain)
        self._require_month(table, resolved)
        self._require_sound_checks(table)
        if rules and not {"copies", "bronze_sha256"} <= {column.name for column in columns}:
            raise ModelError(f"{self.name}: a model with reject rules selects copies and bronze_sha256, for the ledger")
        rejected = of_rejected = None
        if rules and bronze is not None:
            contract = contracts[bronze]
            rejected = rejected_table(table, contract)
            of_rejected = rejected_query(rules, rejected, bronze, schema, self.name)
        model = SqlModel(
            key=self.path.stem,
            sql=self.sql,
            table=table,
            grain=grain,
            identity=grain or self._identity(table),
            references=references,
            resolved=resolved,
            query=dialect.cast_to(resolved, columns),
            reject_reasons=(UNREADABLE_VALUE, *rules) if rules else (),
            reject_columns=columns_read(rules),
            rejected=rejected,
            rejected_query=of_rejected,
            checks=self.header.checks,
            bronze_asset=bronze,
            owner=self.header.owner,
            tags=self.header.tags,
        )
        self._require_checks_resolve(model, schema)
        return model

    def _require_checks_resolve(self, model: SqlModel, schema: dialect.Schema) -> None:
        audited = audit_schema(model, schema)

        def require(checks: tuple[Check, ...], what: str) -> None:
            counted = exp.select(*(exp.alias_(check.failing(), check.label) for check in checks)).from_(STAGED)
            _require_portable(counted, dialect.resolve(counted, audited, what, ModelError), audited, what)

        if self.header.checks:
            try:
                require(self.header.checks, self.name)  # all at once, which takes a fraction of the time
            except ModelError:
                for check in self.header.checks:
                    require((check,), f"{self.name}: check {check.label}")
                raise

    def _columns(self, resolved: exp.Query, origins: _Origins) -> tuple[Column, ...]:
        declared = self.header.columns
        types = dialect.output_types(resolved)
        if len(types) != len(resolved.selects):
            raise ModelError(f"{self.name}: two columns have the same name")
        for name in declared:
            if name not in types:
                raise ModelError(f"{self.name}: header declares {name}, which the SELECT does not return")
        scope = build_scope(resolved)
        columns = []
        for name, inferred in types.items():
            header = declared.get(name)
            if header is None:
                origin = _pass_through(scope, name, origins) if scope else None
                if origin is None:
                    raise ModelError(f"{self.name}: column {name} is new here: declare its type and description")
                columns.append(Column(name, origin.type, origin.description, origin.unit))
                continue
            if not is_declarable(header.type):
                raise ModelError(f"{self.name}: column {name} has type {header.type}; use {DECLARABLE}")
            if inferred != "UNKNOWN" and inferred.partition("(")[0] != header.type.partition("(")[0]:
                raise ModelError(
                    f"{self.name}: column {name} is declared {header.type} but the SELECT gives {inferred}"
                )
            columns.append(Column(name, header.type, header.description, header.unit))
        return tuple(columns)

    def _require_one_bronze(self, references: tuple[str, ...], contracts: Mapping[str, Contract]) -> None:
        bronze = [reference for reference in references if reference.startswith("bronze.")]
        if bronze and len(references) > 1:
            raise ModelError(
                f"{self.name}: {bronze[0]} is one landed file: a model that reads it reads nothing else; "
                "join in a model of its own"
            )
        if bronze and contracts[bronze[0].partition(".")[2]].dataset.is_partitioned != (
            self.header.partition is not None
        ):
            monthly = self.header.partition is None
            raise ModelError(
                f"{self.name}: {bronze[0]} comes {'a month at a time' if monthly else 'whole'}: a model that reads it "
                f"has {'a' if monthly else 'no'} partition"
            )
        if self.header.table == LEDGER:
            raise ModelError(f"{self.name}: the table name {LEDGER} is taken by the row ledger")

    def _require_known(self, table: TableSpec, grain: tuple[str, ...]) -> None:
        names = {column.name for column in table.columns}
        partition = () if table.partition is None else (table.partition,)
        for role, wanted in (("grain", grain), ("cluster", table.cluster), ("partition", partition)):
            for column in wanted:
                if column not in names:
                    raise ModelError(f"{self.name}: {role} column {column} is not one of the SELECT's")
        if table.partition is not None and table.column(table.partition).type not in ("DATE", "DATETIME"):
            raise ModelError(f"{self.name}: partition column {table.partition} must be DATE or DATETIME")

    def _require_identity(self, table: TableSpec, grain: tuple[str, ...]) -> None:
        if grain and self.header.identity:
            raise ModelError(f"{self.name}: identity is for records: rows with a grain are known by it")
        for column in self.header.identity:
            if column not in {known.name for known in table.columns}:
                raise ModelError(f"{self.name}: identity column {column} is not one of the SELECT's")
            if table.column(column).type == "FLOAT64":
                raise ModelError(f"{self.name}: identity column {column} is FLOAT64, which nothing is known by")

    def _identity(self, table: TableSpec) -> tuple[str, ...]:
        """Where the header does not say: what is a time, and what the table is clustered by."""
        times = ("DATE", "DATETIME", "TIMESTAMP")
        told = (c.name for c in table.columns if c.type in times or (c.name in table.cluster and c.type != "FLOAT64"))
        return self.header.identity or tuple(told)

    def _require_month(self, table: TableSpec, resolved: exp.Query) -> None:
        bounds = f"@{PARTITION_START} and @{PARTITION_END}"
        used = dialect.parameters(resolved)
        if unknown := used - {PARTITION_START, PARTITION_END}:
            raise ModelError(f"{self.name}: unknown parameter @{min(unknown)}; there are {bounds}")
        if table.partition is not None and used != {PARTITION_START, PARTITION_END}:
            raise ModelError(f"{self.name}: a partitioned model selects its month with {bounds}")
        if table.partition is None and used:
            raise ModelError(f"{self.name}: {bounds} need a partition column in the header")

    def _require_sound_checks(self, table: TableSpec) -> None:
        names = {column.name for column in table.columns}
        labels = [*IMPLICIT_CHECKS, *(check.label for check in self.header.checks)]
        for check in self.header.checks:
            if labels.count(check.label) > 1:
                raise ModelError(f"{self.name}: two checks are named {check.label}; give one another name")
            for column in check.columns():
                if column not in names:
                    raise ModelError(f"{self.name}: check {check.label}: {column} is not one of the SELECT's columns")
            for column, value in check.literals():
                if isinstance(value, str) != (table.column(column).type == "STRING") or isinstance(value, bool):
                    raise ModelError(
                        f"{self.name}: check {check.label}: {value!r} is no {table.column(column).type} for {column}; "
                        "put text in quotes"
                    )


def _require_portable(query: exp.Expr, resolved: exp.Expr, schema: dialect.Schema, name: str) -> None:
    for finding in (
        *portability.differing(query, resolved, schema),
        *portability.unrepeatable(query, resolved, schema),
    ):
        raise ModelError(f"{name}: {portability.NOT_PORTABLE}: {finding}")


def _pass_through(scope: Scope, name: str, origins: _Origins) -> Column | None:
    """The origin of a column that is selected as it is, through any number of CTEs; None for a new one."""
    selects = scope.expression.selects if isinstance(scope.expression, exp.Query) else []
    projection = next((p for p in selects if p.alias_or_name == name), None)
    column = projection.unalias() if projection is not None else None
    if not isinstance(column, exp.Column):
        return None
    source = scope.sources.get(column.table)
    if isinstance(source, Scope):
        return _pass_through(source, column.name, origins)
    if isinstance(source, exp.Table):
        return origins.get(f"{source.db}.{source.name}", {}).get(column.name)
    return None
