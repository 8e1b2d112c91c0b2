"""What must exist before data can flow: folders, catalog and tables of this machine, or bucket, datasets and tables."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import dagster as dg

from lakehouse.annotations import DEFAULT_OWNER
from lakehouse.assets.reporting import asset_tags, failures_in_words, noted
from lakehouse.gcp.console import dataset_link, objects_link
from lakehouse.gcp.place import LAYERS, place_of
from lakehouse.models.model import Models
from lakehouse.settings import Settings
from lakehouse.warehouse.protocol import Warehouse

_KINDS = {"local": {"local"}, "gcp": {"gcp", "bigquery", "gcs"}}

_DESCRIPTIONS = {
    "local": "Folders, Iceberg catalog and tables of the local warehouse, brought to the models' schemas.",
    "gcp": (
        "Bucket of Cloud Storage, datasets of BigQuery and who may read them, and tables, brought to the models' "
        "schemas. Nothing is deleted."
    ),
}


def infrastructure_asset(settings: Settings, models: Models) -> dg.AssetsDefinition:
    """The asset that all bronze depends on; running it again changes nothing that is in order."""

    @dg.asset(
        group_name="infrastructure",
        kinds=_KINDS[settings.profile],
        owners=[DEFAULT_OWNER],
        tags=asset_tags(settings, "infrastructure"),
        description=noted(settings, _DESCRIPTIONS[settings.profile]),
    )
    def infrastructure(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[None]:
        with failures_in_words("infrastructure", settings):
            prepared = warehouse.prepare()
        for damage in prepared.damage:  # what reads or fills such a table fails; others need not
            context.log.warning(damage)
        return dg.MaterializeResult(
            metadata={
                "profile": settings.profile,
                **_where(settings),
                "tables": dg.MetadataValue.md("\n".join(f"- `{spec.name}`" for spec in models.specs())),
                "created": ", ".join((*prepared.groundwork.created, *prepared.created)),
                "changed": ", ".join((*prepared.groundwork.changed, *prepared.changed)),
                "damaged": "\n".join(prepared.damage),
            }
        )

    return infrastructure


def _where(settings: Settings) -> dict[str, dg.MetadataValue | str]:
    """Where tables and landed files are, to be looked at."""
    if settings.profile == "local":
        return {"home": dg.MetadataValue.path(str(settings.home))}
    place = place_of(settings)
    datasets = (f"- [{place.dataset(layer)}]({dataset_link(place, layer)})" for layer in LAYERS)
    return {
        "project": place.project,
        "location": place.location,
        "bucket": f"gs://{place.bucket}/{place.objects_prefix}",
        "objects": dg.MetadataValue.url(objects_link(place)),
        "datasets": dg.MetadataValue.md("\n".join(datasets)),
        "catalog": "none: all tables are native" if place.catalog is None else f"gs://{place.catalog}",
        "readers": ", ".join(place.readers),
    }
