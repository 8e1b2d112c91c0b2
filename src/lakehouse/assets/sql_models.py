"""Silver and gold assets: one for each SQL model, made from its file."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from lakehouse.assets.freshness import freshness
from lakehouse.assets.partitions import monthly, one_month_a_run
from lakehouse.assets.reporting import asset_tags, failures_in_words, markdown_table, noted, table_schema
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.source import Source
from lakehouse.bronze.sources import contracts_of
from lakehouse.exceptions import CheckFailed
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS
from lakehouse.models.lineage import column_lineage
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import partition_of
from lakehouse.results import CheckResult, ReplaceResult
from lakehouse.schema import BRONZE_COLUMNS, rejected_count
from lakehouse.settings import Settings
from lakehouse.warehouse.protocol import Warehouse


def sql_model_asset(
    settings: Settings, models: Models, model: SqlModel, sources: tuple[Source, ...]
) -> dg.AssetsDefinition:
    """The asset that computes, checks and publishes one model, a month at a time if it is partitioned."""
    partitions = monthly(settings) if model.is_partitioned else None
    sql = dialect.render(model.query, dialect.BIGQUERY)
    columns = table_schema(model.table.columns)
    contracts = contracts_of(sources)
    landed_by = models.landed_by(model)
    made_of = [source for source in sources if source.asset in landed_by]

    @dg.asset(
        name=model.key,
        deps=list(models.upstream_keys(model)),
        description=noted(settings, f"{model.table.description}\n\n```sql\n{model.sql}\n```"),
        group_name=f"{model.layer}_layer",
        kinds={model.table.format},
        owners=[model.owner],
        tags=asset_tags(settings, model.layer, [source.dataset.name for source in made_of], model.tags),
        freshness_policy=freshness(made_of, is_partitioned=model.is_partitioned),
        partitions_def=partitions,
        backfill_policy=one_month_a_run() if partitions else None,
        check_specs=_check_specs(models, model, partitions),
        code_version=_code_version(sql, contracts.get(model.bronze_asset or "")),
        metadata={
            "dagster/table_name": model.table.name,
            "dagster/storage_kind": model.table.format,
            "dagster/column_schema": columns,
        },
    )
    def build(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[Any]]:
        partition = partition_of(context.partition_key if model.is_partitioned else None)
        with failures_in_words(partition.of(model.key)):
            try:
                result = warehouse.replace(model, partition, context.run.run_id)
            except CheckFailed as failure:
                yield from _check_results(settings, failure.checks)
                raise
        # Results that come with the materialization are linked to it, not to the one before.
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(result.content),
            check_results=list(_check_results(settings, result.checks)),
            metadata={
                **_facts(model, result),
                "dagster/column_schema": columns,
                "dagster/column_lineage": _lineage(models, model, contracts),
                "preview": markdown_table(result.preview, noted(settings, "")),
            },
        )

    return build


def _code_version(sql: str, contract: Contract | None) -> str:
    """Changes with what changes the rows: the SQL, and the contract of the file it reads."""
    columns = (
        [(c.column.name, c.column.type, c.sources, c.required, c.padded) for c in contract.canonical]
        if contract
        else []
    )
    return hashlib.sha256(f"{sql} {columns}".encode()).hexdigest()[:12]


def _check_specs(
    models: Models, model: SqlModel, partitions: dg.PartitionsDefinition[str] | None
) -> list[dg.AssetCheckSpec]:
    declared = [(check.label, check.blocks, check.description or check.meaning()) for check in model.checks]
    if model.grain:
        declared.append(("grain", True, f"{IMPLICIT_CHECKS['grain']}: {', '.join(model.grain)}"))
    if model.bronze_asset is not None:
        declared.append(("contract_drift", False, IMPLICIT_CHECKS["contract_drift"]))
    if model.rejected is not None:
        declared.append(("row_ledger", True, IMPLICIT_CHECKS["row_ledger"]))
    if models.union_inputs(model):
        declared.append(("datasets_present", False, IMPLICIT_CHECKS["datasets_present"]))
    return [
        dg.AssetCheckSpec(name, asset=model.key, blocking=blocking, description=description, partitions_def=partitions)
        for name, blocking, description in declared
    ]


def _check_results(settings: Settings, checks: tuple[CheckResult, ...]) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        sample = {} if check.sample is None else {"sample": markdown_table(check.sample, noted(settings, ""))}
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.WARN if check.severity == "warn" else dg.AssetCheckSeverity.ERROR,
            description=check.description,
            metadata={"failing": check.failing, **check.facts, **sample},
        )


def _facts(model: SqlModel, result: ReplaceResult) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "dagster/row_count": result.rows,
        "effect": result.effect.value,
        "seconds": result.seconds,
        "bytes_written": result.bytes_written,
        "snapshot": result.version or "",
        "content": result.content,
    }
    if result.reason is not None:
        facts["reason"] = result.reason
    if model.is_partitioned:
        facts["dagster/partition_row_count"] = result.rows
    if result.datasets:
        facts["datasets_present"] = ", ".join(result.datasets)
    if result.ledger is not None:
        facts["bronze_rows"] = result.ledger.bronze_rows
        facts["duplicate_copies"] = result.ledger.duplicate_copies
        facts["rejected_rows"] = sum(result.ledger.rejected.values())
        facts |= {rejected_count(reason): rows for reason, rows in result.ledger.rejected.items()}
    return facts


def _lineage(models: Models, model: SqlModel, contracts: Mapping[str, Contract]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(
                    asset_key=models.asset_key(table), column_name=_published_name(contracts, table, name)
                )
                for table, name in sorted(origins)
                if not (table.startswith("bronze.") and name in _GENERATED)
            ]
            for column, origins in column_lineage(model).items()
        }
    )


_GENERATED = frozenset(column.name for column in BRONZE_COLUMNS)
"""Columns of bronze relations that no landed file has."""


def _published_name(contracts: Mapping[str, Contract], table: str, column: str) -> str:
    """A bronze asset shows its file's own column names, which the contract knows."""
    contract = contracts.get(table.removeprefix("bronze."))
    if contract is None:
        return column
    return next((c.sources[0] for c in contract.canonical if c.column.name == column), column)
