"""Silver and gold assets: one for each SQL model, made from its file."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from lakehouse.assets.accepting import accepted_in, accepting_schema
from lakehouse.assets.check_results import check_results, published_spec
from lakehouse.assets.engine_jobs import job_facts
from lakehouse.assets.freshness import freshness_spec, made_of, strictest
from lakehouse.assets.partitions import monthly, one_month_a_run
from lakehouse.assets.private_dagster import with_optional_checks
from lakehouse.assets.reporting import asset_tags, failures_in_words, markdown_table, noted, table_schema
from lakehouse.assets.step import NOT_BEGUN, UNPUBLISHED, AssetStep, why_empty
from lakehouse.assets.storage import storage_facts, storage_kind, table_name
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.source import Freshness, Source
from lakehouse.bronze.sources import contracts_of
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import CheckFailed
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import (
    DATASETS_PRESENT,
    IMPLICIT_CHECKS,
    RESTATEMENT,
    USUAL_COST,
    USUAL_VOLUME,
    VOLUME,
)
from lakehouse.models.lineage import column_lineage
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import Partition, Period, partition_of
from lakehouse.results import ReplaceResult
from lakehouse.schema import BRONZE_COLUMNS, rejected_count
from lakehouse.settings import Settings
from lakehouse.warehouse.begun import has_begun
from lakehouse.warehouse.protocol import Warehouse
from lakehouse.warehouse.restatement import restatement_facts


def sql_model_asset(
    settings: Settings, models: Models, model: SqlModel, sources: tuple[Source, ...]
) -> dg.AssetsDefinition:
    """The asset that computes, checks and publishes one model, a month at a time if it is partitioned."""
    partitions = monthly(settings) if model.is_partitioned else None
    sql = dialect.render(model.query, dialect.BIGQUERY)
    columns = table_schema(model.table.columns)
    contracts = contracts_of(sources)
    origins = made_of(model, models, sources)
    limits = strictest(origins, is_partitioned=model.is_partitioned)
    checks = _check_specs(settings, models, model, origins, limits)

    @dg.asset(
        name=model.key,
        deps=list(models.upstream_keys(model)),
        description=noted(settings, f"{model.table.description}\n\n```sql\n{model.sql}\n```"),
        group_name=f"{model.layer}_layer",
        kinds={storage_kind(settings, model.table)},
        owners=[model.owner],
        tags=asset_tags(settings, model.layer, [source.dataset.name for source in origins], model.tags),
        partitions_def=partitions,
        backfill_policy=one_month_a_run() if partitions else None,
        check_specs=checks,
        config_schema=accepting_schema() if model.bronze_asset is not None else None,
        code_version=_code_version(sql, contracts.get(model.bronze_asset or "")),
        metadata={
            "dagster/table_name": table_name(settings, model.table),
            "dagster/storage_kind": storage_kind(settings, model.table),
            **storage_facts(settings, model.table),
            "dagster/column_schema": columns,
        },
    )
    def build(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        bronze_store: dg.ResourceParam[BronzeStore],
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[Any]]:
        partition = partition_of(context.partition_key if model.is_partitioned else None)
        step = AssetStep(context, dg.AssetKey(model.key), partition, checks, limits)
        if not has_begun(model, models, contracts, partition):
            names = ", ".join(_monthly(origins))
            yield step.empty(NOT_BEGUN, f"{names} {NOT_BEGUN} in {partition}; nothing was computed", {})
            return
        with failures_in_words(partition.of(model.key), settings):
            missing = _unpublished(context.instance, bronze_store, origins, partition)
            if missing:
                words = f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not published"
                yield step.empty(UNPUBLISHED, words, {"datasets_missing": ", ".join(missing)})
                return
            try:
                result = warehouse.replace(model, partition, context.run.run_id, accepted_in(context))
            except CheckFailed as failure:
                yield from step.failed(check_results(settings, failure.checks, partition))
                raise
        metadata = {
            **_facts(settings, model, result),
            **_effects(settings, result),
            "dagster/column_schema": columns,
            "dagster/column_lineage": _lineage(models, model, contracts),
            "preview": markdown_table(result.preview, noted(settings, "")),
        }
        yield step.made(result.content, metadata, check_results(settings, result.checks, partition))

    return with_optional_checks(build)


def _code_version(sql: str, contract: Contract | None) -> str:
    """Changes with what changes the rows: the SQL, and the contract of the file it reads."""
    columns = (
        [(c.column.name, c.column.type, c.sources, c.required, c.padded) for c in contract.canonical]
        if contract
        else []
    )
    return hashlib.sha256(f"{sql} {columns}".encode()).hexdigest()[:12]


def _check_specs(
    settings: Settings, models: Models, model: SqlModel, origins: Sequence[Source], limits: Freshness | None
) -> list[dg.AssetCheckSpec]:
    declared = [(check.label, check.blocks, check.description or check.meaning()) for check in model.checks]
    if model.grain:
        declared.append(("grain", True, f"{IMPLICIT_CHECKS['grain']}: {', '.join(model.grain)}"))
    if model.bronze_asset is not None:
        declared.append(("contract_drift", False, IMPLICIT_CHECKS["contract_drift"]))
        declared.append((RESTATEMENT, False, IMPLICIT_CHECKS[RESTATEMENT]))
        declared.append((VOLUME, True, IMPLICIT_CHECKS[VOLUME]))
    if model.bronze_asset is not None and model.is_partitioned:
        declared.append((USUAL_VOLUME, False, IMPLICIT_CHECKS[USUAL_VOLUME]))
    if model.rejected is not None:
        declared.append(("row_ledger", True, IMPLICIT_CHECKS["row_ledger"]))
    if models.union_inputs(model):
        declared.append((DATASETS_PRESENT, False, IMPLICIT_CHECKS[DATASETS_PRESENT]))
    if settings.profile == "gcp":
        declared.append((USUAL_COST, False, IMPLICIT_CHECKS[USUAL_COST]))
    specs = [
        dg.AssetCheckSpec(name, asset=model.key, blocking=blocking, description=description)
        for name, blocking, description in declared
    ]
    if model.is_partitioned:
        specs.append(published_spec(model.key, of=_monthly(origins)))
    return specs if limits is None else [*specs, freshness_spec(model.key, limits)]


def _monthly(origins: Sequence[Source]) -> list[str]:
    """Datasets that come a month at a time."""
    return [source.dataset.name for source in origins if source.dataset.is_partitioned]


def _unpublished(
    instance: dg.DagsterInstance, store: BronzeStore, origins: Sequence[Source], partition: Partition
) -> tuple[str, ...]:
    """Datasets without which there is nothing to make: all of them were asked for, and their sources had none."""
    expected = [s for s in origins if s.dataset.is_partitioned and s.dataset.has_begun(partition)]
    for source in expected:
        is_landed = isinstance(partition, Period) and store.current(source.dataset.name, partition) is not None
        if is_landed or why_empty(instance, dg.AssetKey(source.asset), partition) != UNPUBLISHED:
            return ()
    return tuple(source.dataset.name for source in expected)


def _facts(settings: Settings, model: SqlModel, result: ReplaceResult) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "dagster/row_count": result.rows,
        "effect": result.effect.value,
        "seconds": result.seconds,
        "bytes_written": result.bytes_written,
        ("job" if result.jobs else "snapshot"): result.version or "",
        "content": result.content,
    }
    if result.reason is not None:
        facts["reason"] = result.reason
    if model.is_partitioned:
        facts["dagster/partition_row_count"] = result.rows
    if result.datasets:
        facts["datasets_present"] = ", ".join(result.datasets)
    if result.accepted is not None:
        facts["accepted"] = result.accepted
    if result.restatement is not None:
        facts |= restatement_facts(result.restatement)
    if result.jobs:
        facts |= job_facts(result.jobs, settings.price_per_tib)
    if result.ledger is not None:
        facts["bronze_rows"] = result.ledger.bronze_rows
        facts["duplicate_copies"] = result.ledger.duplicate_copies
        facts["rejected_rows"] = sum(result.ledger.rejected.values())
        facts |= {rejected_count(reason): rows for reason, rows in result.ledger.rejected.items()}
    return facts


def _effects(settings: Settings, result: ReplaceResult) -> dict[str, Any]:
    """Rows of other tables that a restatement changes, old values beside new ones."""
    told = result.restatement.consequences if result.restatement is not None else ()
    return {
        each.partition.of(f"rows of {each.asset}"): markdown_table(each.rows, noted(settings, ""))
        for each in told
        if each.rows is not None
    }


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
