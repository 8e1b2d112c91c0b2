"""Bronze assets: what a source serves, fetched, verified and landed by dlt."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from dlt_sources.dataset import Dataset, Download, landed_as
from dlt_sources.remote_file import Validators, without_secrets
from lakehouse.annotations import DEFAULT_OWNER
from lakehouse.assets.freshness import freshness
from lakehouse.assets.partitions import monthly, one_month_a_run
from lakehouse.assets.reporting import asset_tags, failures_in_words, noted
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import read_footer
from lakehouse.bronze.sources import Source, source_of
from lakehouse.bronze.store import BronzeStore, Landing, hash_file
from lakehouse.exceptions import ConfigurationError, CorruptFile, NotPublished
from lakehouse.home import ensure_home_kind
from lakehouse.month import Month
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


def bronze_assets(settings: Settings, contracts: Mapping[str, Contract]) -> list[dg.AssetsDefinition]:
    """The bronze asset of each contract's dataset, under the contract's key."""
    with TemporaryDirectory() as skeleton:  # one for all, as making it takes time and only runs land anything
        pipeline = _pipeline(Dataset(name="any", description=""), Path(skeleton))
    return [_bronze_asset(settings, key, contract, pipeline) for key, contract in contracts.items()]


def _bronze_asset(
    settings: Settings, key: str, contract: Contract, definition_pipeline: "Pipeline"
) -> dg.AssetsDefinition:
    """The bronze asset of a dataset, month-partitioned if that comes a month at a time."""
    source = source_of(settings, contract.dataset)
    translator = _Translator(settings, key, contract, {"dlt"} if source.normalizes else {"dlt", source.dataset.suffix})
    partitions = monthly(settings) if contract.is_monthly else None

    @dlt_assets(
        dlt_source=source.resource(None),
        dlt_pipeline=definition_pipeline,
        name=key,
        dagster_dlt_translator=translator,
        partitions_def=partitions,
        backfill_policy=one_month_a_run() if partitions else None,
    )
    def bronze(
        context: dg.AssetExecutionContext,
        dlt: DagsterDltResource,
        bronze_store: dg.ResourceParam[BronzeStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        started = time.perf_counter()
        dataset = source.dataset
        month = Month.parse(context.partition_key) if contract.is_monthly else None
        if not contract.has_begun(month):
            yield _not_begun(key, contract)
            return
        what = f"{dataset.name} {month or ''}".strip()
        with failures_in_words(what), bronze_store.workspace() as folder:
            ensure_home_kind(settings.home, of_samples=settings.sample)
            bronze_store.sweep(dataset.name, month)
            current = bronze_store.current(dataset.name, month)
            damaged = current is not None and not bronze_store.is_intact(current)
            if damaged:
                context.log.warning(f"{what}: the landed file is gone or damaged; landing it again")
                current = None
            known = None  # another source's validators say nothing of this one
            if current is not None and current.url == without_secrets(source.url(month)):
                known = Validators(current.etag)
            try:
                download = source.fetch(month, folder, known)
            except NotPublished as gone:
                if damaged:
                    raise CorruptFile(f"{what}: the landed file is gone or damaged, and {gone}") from None
                raise
            if download is None:
                if current is None:
                    raise CorruptFile(f"{what}: the source answered 'unchanged' to an unconditional request")
                seconds = time.perf_counter() - started
                yield _materialized(
                    key, contract, bronze_store, current, {"unchanged_at_source": True, "seconds": seconds}
                )
                return
            _require_kind(download, what, settings.sample)
            landing = _landing(source, month, download, current)
            facts: dict[str, Any] = {}
            if landing is None or not bronze_store.is_intact(landing):
                landed, facts = _land(context, dlt, source, translator, download, folder)
                landing = landing or _landing_of(source, month, download, landed)
                bronze_store.adopt(landing, landed)
            if current is None or not landing.is_same_version(current) or landing.url != current.url:
                bronze_store.record(landing)
            facts["unchanged_at_source"] = landing.is_same_version(current)
            facts["seconds"] = time.perf_counter() - started
            yield _materialized(key, contract, bronze_store, landing, facts)

    return bronze


def _require_kind(download: Download, what: str, sample: bool) -> None:
    """A home holds real records or samples, never both."""
    if download.is_sample and not sample:
        raise ConfigurationError(
            f"{what}: {download.url} serves generated sample data, and this home is for real data; nothing was kept: "
            "set the source's address to the real one, or LAKEHOUSE_SAMPLE=true for a home of samples"
        )
    if sample and not download.is_sample:
        raise ConfigurationError(
            f"{what}: {download.url} does not serve sample data, and LAKEHOUSE_SAMPLE=true; nothing was kept: unset it "
            "to load real data, or end what else listens there"
        )


class _Translator(DagsterDltTranslator):
    """Names a dataset's resource as its bronze asset."""

    def __init__(self, settings: Settings, key: str, contract: Contract, kinds: set[str]) -> None:
        self._settings = settings
        self._key = key
        self._contract = contract
        self._kinds = kinds

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        spec = super().get_asset_spec(data)
        dataset = self._contract.dataset.name
        columns = [
            dg.TableColumn(name=c.sources[0], type=c.column.type, description=c.column.description)
            for c in self._contract.canonical
        ]
        return spec.replace_attributes(
            key=dg.AssetKey(self._key),
            deps=["infrastructure"],
            group_name="bronze_layer",
            kinds=self._kinds,
            description=noted(self._settings, spec.description or ""),
            owners=[DEFAULT_OWNER],
            tags=asset_tags(self._settings, "bronze", [dataset]),
            freshness_policy=freshness([dataset], is_monthly=self._contract.is_monthly),
            metadata={**spec.metadata, "dagster/column_schema": dg.TableSchema(columns=columns)},
        )


def _pipeline(dataset: Dataset, folder: Path) -> "Pipeline":
    """A pipeline and destination of its own for each run.

    With a shared pipeline folder one run would drop another's packages. And dlt writes local files in place,
    where a second run of the month could meet a half of one: so it lands in the run's folder, and the whole
    file is moved to its place afterwards.
    """
    import dlt

    destination = dlt.destinations.filesystem(
        bucket_url=str(folder),
        layout="{table_name}/{file_id}.{ext}",
        extra_placeholders=dict(landed_as(dataset)),
        warn_unsafe_layout_separators=False,
    )
    return dlt.pipeline(
        f"{dataset.name}_to_bronze",
        destination=destination,
        dataset_name="bronze",
        pipelines_dir=str(folder / "dlt"),
    )


def _land(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    source: Source,
    translator: _Translator,
    download: Download,
    folder: Path,
) -> tuple[Path, dict[str, Any]]:
    """Let dlt land a download in the run's own folder; the landed file, and what dlt says of it."""
    form = {"loader_file_format": "parquet"} if source.normalizes else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # dagster-dlt 0.29 calls what dlt 1.30 renamed
        results = list(
            dlt.run(
                context=context,
                dlt_source=source.resource(download),
                dlt_pipeline=_pipeline(source.dataset, folder),
                dagster_dlt_translator=translator,
                **form,
            )
        )
    landed = list((folder / "bronze" / source.dataset.name).iterdir())
    if len(landed) != 1:
        raise CorruptFile(f"{source.dataset.name}: dlt landed {len(landed)} files instead of one; nothing was kept")
    return landed[0], dict(results[0].metadata or {})


def _landing(source: Source, month: Month | None, download: Download, current: Landing | None) -> Landing | None:
    """The landing that a download is, None if only dlt can tell what will be landed."""
    if not source.normalizes:
        return _record(source, month, download, download.sha256, download.bytes)
    if current is not None and current.served_sha256 == download.sha256:
        return _record(source, month, download, current.sha256, current.bytes)
    return None


def _landing_of(source: Source, month: Month | None, download: Download, landed: Path) -> Landing:
    return _record(source, month, download, hash_file(landed), landed.stat().st_size)


def _record(source: Source, month: Month | None, download: Download, sha256: str, size: int) -> Landing:
    return Landing(
        dataset=source.dataset.name,
        month=str(month) if month else None,
        url=download.url,
        etag=download.etag,
        last_modified=download.last_modified,
        bytes=size,
        rows=download.rows,
        sha256=sha256,
        observed_at=datetime.now(UTC),
        suffix=source.dataset.suffix,
        answer_sha256=download.sha256 if source.normalizes else None,
    )


def _materialized(
    key: str, contract: Contract, store: BronzeStore, landing: Landing, facts: Mapping[str, Any]
) -> dg.MaterializeResult[Any]:
    file = store.file(landing)
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion(landing.served_sha256),
        metadata={
            **facts,
            **_row_count(landing.rows, contract),
            "dagster/column_schema": _schema(file, contract),
            "dagster/uri": dg.MetadataValue.path(str(file)),
            "url": dg.MetadataValue.url(landing.url),
            "bytes": landing.bytes,
            "sha256": landing.sha256,
            "etag": landing.etag or "",
            "last_modified": landing.last_modified or "",
            "landed_at": dg.MetadataValue.timestamp(landing.observed_at),
        },
    )


def _row_count(rows: int, contract: Contract) -> dict[str, int]:
    month = {"dagster/partition_row_count": rows} if contract.is_monthly else {}
    return {"dagster/row_count": rows, **month}


def _schema(file: Path, contract: Contract) -> dg.TableSchema:
    """The columns of a landed file, under its own names and types, with what the contract says of them."""
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        types = {field.name: str(field.type) for field in pq.read_schema(file)}
    else:
        types = {column.name: "text" for column in read_footer(file)}
    meaning = {name.lower(): c.column.description for c in contract.canonical for name in c.sources}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=name, type=type_, description=meaning.get(name.lower()))
            for name, type_ in types.items()
        ]
    )


def _not_begun(key: str, contract: Contract) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion("not begun"),
        metadata={
            **_row_count(0, contract),
            "note": f"{contract.dataset.name} began in {contract.began}; nothing was fetched",
        },
    )
