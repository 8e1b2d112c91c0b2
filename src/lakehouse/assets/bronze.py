"""Bronze assets: a month's file fetched, verified and landed by dlt, byte for byte."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from dlt_sources.tlc import (
    LANDED_AS_PARQUET,
    Download,
    HttpPolicy,
    TlcDataset,
    Validators,
    fetch_month,
    month_url,
    tlc_source,
    without_secrets,
)
from lakehouse.assets.partitions import monthly, one_month_a_run
from lakehouse.assets.reporting import failures_in_words
from lakehouse.bronze import BronzeStore, Landing, landed_path
from lakehouse.exceptions import CorruptFile
from lakehouse.month import Month
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


class _Translator(DagsterDltTranslator):
    """Names a dataset's resource as its bronze asset."""

    def __init__(self, key: str) -> None:
        self._key = key

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(
            key=dg.AssetKey(self._key),
            deps=["infrastructure"],
            group_name="bronze_layer",
            kinds={"dlt", "parquet"},
        )


def tlc_bronze_asset(settings: Settings, dataset: TlcDataset, key: str) -> dg.AssetsDefinition:
    """The month-partitioned bronze asset of one TLC dataset."""
    with TemporaryDirectory() as skeleton:
        definition_pipeline = _pipeline(dataset, Path(skeleton), "{table_name}/{file_id}.{ext}")

    @dlt_assets(
        dlt_source=tlc_source(dataset),
        dlt_pipeline=definition_pipeline,
        name=key,
        dagster_dlt_translator=_Translator(key),
        partitions_def=monthly(settings.first_month),
        backfill_policy=one_month_a_run(),
    )
    def bronze(
        context: dg.AssetExecutionContext,
        dlt: DagsterDltResource,
        bronze_store: dg.ResourceParam[BronzeStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        month = Month.parse(context.partition_key)
        if month < dataset.began:
            yield _not_begun(key, dataset)
            return
        with failures_in_words(f"{dataset.name} {month}"), bronze_store.workspace() as folder:
            bronze_store.sweep(dataset.name, month)
            current = bronze_store.current(dataset.name, month)
            if current is not None and not bronze_store.is_intact(current):
                context.log.warning(f"{dataset.name} {month}: the landed file is gone or damaged; landing it again")
                current = None
            url = without_secrets(month_url(settings.tlc_url, dataset, month))
            known = None  # another source's validators say nothing of this one
            if current is not None and current.url == url:
                known = Validators(current.etag)
            download = fetch_month(settings.tlc_url, dataset, month, folder, known, _policy(settings))
            if download is None:
                if current is None:
                    raise CorruptFile(
                        f"{dataset.name} {month}: the source answered 'unchanged' to an unconditional request"
                    )
                yield _materialized(key, bronze_store, current, {"unchanged_at_source": True})
                return
            landing = _landing(dataset, month, download)
            facts: dict[str, Any] = {"unchanged_at_source": landing.is_same_version(current)}
            if not bronze_store.is_intact(landing):
                facts |= _land(context, dlt, dataset, key, download, folder)
                bronze_store.adopt(landing, folder / "bronze" / landed_path(dataset.name, month, download.sha256))
            if not landing.is_same_version(current):
                bronze_store.record(landing)
            yield _materialized(key, bronze_store, landing, facts)

    return bronze


def _pipeline(dataset: TlcDataset, folder: Path, layout: str) -> "Pipeline":
    """A pipeline and destination of its own for each run.

    With a shared pipeline folder one run would drop another's packages. And dlt writes local files in place,
    where a second run of the month could meet a half of one: so it lands in the run's folder, and the whole
    file is moved to its place afterwards.
    """
    import dlt

    destination = dlt.destinations.filesystem(
        bucket_url=str(folder),
        layout=layout,
        extra_placeholders=dict(LANDED_AS_PARQUET),
        warn_unsafe_layout_separators=False,
    )
    return dlt.pipeline(
        f"tlc_{dataset.name}",
        destination=destination,
        dataset_name="bronze",
        pipelines_dir=str(folder / "dlt"),
    )


def _land(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    dataset: TlcDataset,
    key: str,
    download: Download,
    folder: Path,
) -> Mapping[str, Any]:
    path = landed_path(dataset.name, Month.parse(context.partition_key), download.sha256)
    layout = path.replace(f"{dataset.name}/", "{table_name}/", 1).replace(".parquet", ".{ext}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # dagster-dlt 0.29 calls what dlt 1.30 renamed
        results = list(
            dlt.run(
                context=context,
                dlt_source=tlc_source(dataset, download),
                dlt_pipeline=_pipeline(dataset, folder, layout),
                dagster_dlt_translator=_Translator(key),
            )
        )
    return results[0].metadata or {}


def _landing(dataset: TlcDataset, month: Month, download: Download) -> Landing:
    return Landing(
        dataset=dataset.name,
        month=str(month),
        url=download.url,
        etag=download.etag,
        last_modified=download.last_modified,
        bytes=download.bytes,
        rows=download.rows,
        sha256=download.sha256,
        observed_at=datetime.now(UTC),
    )


def _materialized(
    key: str, store: BronzeStore, landing: Landing, facts: Mapping[str, Any]
) -> dg.MaterializeResult[Any]:
    import pyarrow.parquet as pq

    file = store.file(landing.dataset, Month.parse(landing.month), landing.sha256)
    columns = [dg.TableColumn(name=field.name, type=str(field.type)) for field in pq.read_schema(file)]
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion(landing.sha256),
        metadata={
            **facts,
            "dagster/row_count": landing.rows,
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "dagster/uri": dg.MetadataValue.path(str(file)),
            "url": dg.MetadataValue.url(landing.url),
            "bytes": landing.bytes,
            "sha256": landing.sha256,
            "etag": landing.etag or "",
            "last_modified": landing.last_modified or "",
            "landed_at": dg.MetadataValue.timestamp(landing.observed_at),
        },
    )


def _not_begun(key: str, dataset: TlcDataset) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion("not begun"),
        metadata={
            "dagster/row_count": 0,
            "note": f"{dataset.name} began in {dataset.began}; nothing was fetched",
        },
    )


def _policy(settings: Settings) -> HttpPolicy:
    return HttpPolicy(attempts=settings.http_attempts, timeout_seconds=settings.http_timeout)
