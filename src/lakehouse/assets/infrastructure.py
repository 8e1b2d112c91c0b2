"""What must exist before data can flow: locally the folders, the catalog and the tables."""

# Dagster reads the annotations of an asset's function, so they are not postponed here.
import dagster as dg

from lakehouse.annotations import DEFAULT_OWNER
from lakehouse.assets.reporting import asset_tags, failures_in_words, noted
from lakehouse.models.model import Models
from lakehouse.settings import Settings
from lakehouse.warehouse.protocol import Warehouse


def infrastructure_asset(settings: Settings, models: Models) -> dg.AssetsDefinition:
    """The asset that all bronze depends on; running it again changes nothing that is in order."""

    @dg.asset(
        group_name="infrastructure",
        kinds={settings.profile},
        owners=[DEFAULT_OWNER],
        tags=asset_tags(settings, "infrastructure"),
        description=noted(
            settings, "Folders, Iceberg catalog and tables of the local warehouse, brought to the models' schemas."
        ),
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
                "home": dg.MetadataValue.path(str(settings.home)),
                "tables": dg.MetadataValue.md("\n".join(f"- `{spec.name}`" for spec in models.specs())),
                "created": ", ".join(prepared.created),
                "changed": ", ".join(prepared.changed),
                "damaged": "\n".join(prepared.damage),
            }
        )

    return infrastructure
