"""Since when there is anything of a table: since the first of the datasets that it is made of began."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.bronze.contract import Contract
from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import WHOLE, Partition


def has_begun(model: SqlModel, models: Models, contracts: Mapping[str, Contract], partition: Partition) -> bool:
    """Whether any dataset that a model is made of had begun by then; what comes whole always has."""
    if model.bronze_asset is not None:
        return contracts[model.bronze_asset].dataset.has_begun(partition)
    makers = [maker for maker in map(models.by_table, model.references) if maker is not None]
    monthly = [maker for maker in makers if maker.is_partitioned]
    return partition is WHOLE or not monthly or any(has_begun(maker, models, contracts, partition) for maker in monthly)
