"""Bronze assets: what a source serves, fetched, verified and landed by dlt."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, build_dlt_asset_specs
from dagster_dlt.translator import DltResourceTranslatorData

from dlt_sources.dataset import Dataset, landed_as
from dlt_sources.fetch import Download
from lakehouse.annotations import DEFAULT_OWNER
from lakehouse.assets.check_results import published_spec
from lakehouse.assets.freshness import freshness_spec
from lakehouse.assets.landing_folder import LandingFolder
from lakehouse.assets.partitions import monthly, one_month_a_run
from lakehouse.assets.private_dagster import with_optional_checks
from lakehouse.assets.reporting import asset_tags, failures_in_words, noted
from lakehouse.assets.step import NOT_BEGUN, UNPUBLISHED, AssetStep
from lakehouse.bronze.connection import connect
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.landing import Landed, Lander
from lakehouse.bronze.observations import has_passed
from lakehouse.bronze.source import Scheduled, Source
from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import CorruptFile, NotPublished, first_line
from lakehouse.partition import WHOLE, Partition
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline

REFETCH = "lakehouse/refetch"
"""Tag of a run, of whatever value, whose sources are to send what they have, whatever they say of its version."""


def bronze_assets(settings: Settings, sources: Iterable[Source]) -> list[dg.AssetsDefinition]:
    """The bronze asset of each source."""
    with TemporaryDirectory() as skeleton:  # one for all, as making it takes time and only runs land anything
        pipeline = _pipeline(Dataset(name="any", description=""), Path(skeleton))
    return [_bronze_asset(settings, source, pipeline) for source in sources]


def _bronze_asset(settings: Settings, source: Source, definition_pipeline: "Pipeline") -> dg.AssetsDefinition:
    """The bronze asset of a source, month-partitioned if its dataset comes a month at a time."""
    translator = _Translator(settings, source)
    partitions = monthly(settings) if source.dataset.is_partitioned else None
    specs = build_dlt_asset_specs(source.resource(None), definition_pipeline, translator)
    checks = [freshness_spec(source.asset, source.freshness)] if source.freshness is not None else []
    if source.dataset.is_partitioned:
        checks.append(published_spec(source.asset, of=[source.dataset.name]))

    @dg.multi_asset(
        name=source.asset,
        specs=specs,
        check_specs=checks,
        partitions_def=partitions,
        backfill_policy=one_month_a_run() if partitions else None,
    )
    def bronze(
        context: dg.AssetExecutionContext,
        dlt: DagsterDltResource,
        bronze_store: dg.ResourceParam[BronzeStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        started = time.perf_counter()
        partition = source.dataset.partition(context.partition_key if partitions else None)
        step = AssetStep(context, dg.AssetKey(source.asset), partition, checks, source.freshness)
        if not source.dataset.has_begun(partition):
            began = f"it began in {source.dataset.began}; nothing was fetched"
            yield step.empty(NOT_BEGUN, f"{source.dataset.name} {NOT_BEGUN} in {partition}: {began}", {})
            return
        said_by_dlt: dict[str, Any] = {}

        def load(download: Download, folder: Path) -> Path:
            landed, said = _load(context, dlt, source, translator, download, folder)
            said_by_dlt.update(said)
            return landed

        what = partition.of(source.dataset.name)
        with failures_in_words(what, settings):
            asks_anew = REFETCH in context.run.tags or _is_due(settings, source, bronze_store, partition)
            lander = Lander(bronze_store, connect(settings, source), of_samples=settings.sample, asks_anew=asks_anew)
            withdrawn = None
            try:
                landed = lander.land(partition, load, context.log.warning)
            except NotPublished as gone:
                if partition is WHOLE:  # all of a dataset is never late
                    raise
                current = bronze_store.current(source.dataset.name, partition)
                if current is None:
                    context.log.warning(str(gone))
                    told = {"note": str(gone), "datasets_missing": source.dataset.name}
                    yield step.empty(UNPUBLISHED, _fact(gone, what), told)
                    return
                context.log.warning(f"{gone}. What was landed of it stands")
                withdrawn = f"{_fact(gone, what)}. What was landed of it stands"
                landed = Landed(current, is_unchanged=True)
            facts = {
                **said_by_dlt,
                "unchanged_at_source": landed.is_unchanged,
                "seconds": time.perf_counter() - started,
            }
            metadata = _metadata(source, bronze_store, landed, facts)
            yield step.made(landed.landing.served_sha256, metadata, withdrawn=withdrawn)

    return with_optional_checks(bronze)


def _is_due(settings: Settings, source: Source, store: BronzeStore, partition: Partition) -> bool:
    """Whether what a schedule fetches was fetched so long ago that its ETag is not to vouch for it any more.

    Of what the release sensor asks for, that sees to it.
    """
    if not settings.refetch_days or not isinstance(source.cadence, Scheduled):
        return False
    current = store.current(source.dataset.name, partition)
    every = timedelta(days=settings.refetch_days)
    return current is not None and has_passed(current.observed_at, every, datetime.now(UTC))


class _Translator(DagsterDltTranslator):
    """Names a dataset's resource as its bronze asset."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self._settings = settings
        self._source = source

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        spec = super().get_asset_spec(data)
        source = self._source
        columns = [
            dg.TableColumn(name=c.sources[0], type=c.column.type, description=c.column.description)
            for c in source.contract.canonical
        ]
        return spec.replace_attributes(
            key=dg.AssetKey(source.asset),
            deps=["infrastructure"],
            group_name="bronze_layer",
            kinds={"dlt"} if source.normalizes else {"dlt", source.dataset.suffix},
            description=noted(self._settings, spec.description or ""),
            owners=[DEFAULT_OWNER],
            tags=asset_tags(self._settings, "bronze", [source.dataset.name]),
            metadata={**spec.metadata, "dagster/column_schema": dg.TableSchema(columns=columns)},
        )


def _pipeline(dataset: Dataset, folder: Path) -> "Pipeline":
    """A pipeline and destination of its own for each run.

    With a shared pipeline folder one run would drop another's packages. And dlt writes local files in place,
    where a second run of the month could meet a half of one: so it lands in the run's folder, and the whole
    file is moved to its place afterwards.
    """
    import dlt

    destination = LandingFolder(
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


def _load(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    source: Source,
    translator: _Translator,
    download: Download,
    folder: Path,
) -> tuple[Path, dict[str, Any]]:
    """Let dlt land a download in the run's own folder; the landed file, and what dlt says of it."""
    form = {"loader_file_format": "parquet"} if source.normalizes else {}
    resource = source.resource(download)
    with warnings.catch_warnings(), _faults_named(source.dataset, download):
        warnings.simplefilter("ignore", DeprecationWarning)  # dagster-dlt 0.29 calls what dlt 1.30 renamed
        results = list(
            dlt.run(
                context=context,
                dlt_source=resource,
                dlt_pipeline=_pipeline(source.dataset, folder),
                dagster_dlt_translator=translator,
                **form,
            )
        )
    landed = list((folder / "bronze" / source.dataset.name).iterdir())
    if len(landed) != 1:
        raise CorruptFile(f"{source.dataset.name}: dlt landed {len(landed)} files instead of one; nothing was kept")
    return landed[0], dict(results[0].metadata or {})


@contextmanager
def _faults_named(dataset: Dataset, download: Download) -> Iterator[None]:
    """What dlt cannot land, by its first cause.

    Raises:
        CorruptFile: the download cannot be landed.
        OSError: the disk is full, or cannot be written.
    """
    from dlt.pipeline.exceptions import PipelineStepFailed

    try:
        yield
    except PipelineStepFailed as failure:
        cause: Exception = failure
        while isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        if isinstance(cause, OSError):
            raise cause from failure
        raise CorruptFile(
            f"{dataset.name}: what {download.url} serves cannot be landed ({first_line(cause)}); nothing was kept"
        ) from failure


def _metadata(source: Source, store: BronzeStore, landed: Landed, facts: Mapping[str, Any]) -> dict[str, Any]:
    landing = landed.landing
    return {
        **facts,
        **_row_count(landing.rows, source.dataset),
        "dagster/column_schema": _schema(store.footer(landing), source.contract),
        "dagster/uri": store.uri(landing),
        "url": dg.MetadataValue.url(landing.url),
        "bytes": landing.bytes,
        "sha256": landing.sha256,
        "etag": landing.etag or "",
        "last_modified": landing.last_modified or "",
        "landed_at": dg.MetadataValue.timestamp(landing.observed_at),
    }


def _fact(gone: NotPublished, what: str) -> str:
    """What is said of it, apart from what it is said of: a check's result names its month by itself."""
    return str(gone).removeprefix(f"{what}: ")


def _row_count(rows: int, dataset: Dataset) -> dict[str, int]:
    partition = {"dagster/partition_row_count": rows} if dataset.is_partitioned else {}
    return {"dagster/row_count": rows, **partition}


def _schema(footer: Iterable[SourceColumn], contract: Contract) -> dg.TableSchema:
    """The columns of a landed file, under its own names and types, with what the contract says of them."""
    meaning = {name.lower(): c.column.description for c in contract.canonical for name in c.sources}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=column.name, type=column.type, description=meaning.get(column.name.lower()))
            for column in footer
        ]
    )
