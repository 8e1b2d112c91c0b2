"""What a table that was made anew, empty, lacks until it is run: a reader would take it for all there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.store import BronzeStore
from lakehouse.models.model import Models
from lakehouse.partition import Partition
from lakehouse.results import Remark
from lakehouse.schema import TableSpec
from lakehouse.warehouse.store import Records


def lacking(
    spec: TableSpec, records: Records, models: Models, contracts: Mapping[str, Contract], bronze: BronzeStore
) -> Iterator[Remark]:
    """A remark for each month, or the whole, that its model has inputs of and that a table lacks since then.

    A table of rejected records may have none of a month: what it lacks shows in the ledger.
    """
    at, model = records.made_anew_at(spec), models.by_table(spec.name)
    if at is None or model is None or spec != model.table:
        return
    if model.bronze_asset is not None:
        dataset = contracts[model.bronze_asset].dataset.name
        wanted: set[Partition] = {each.partition for each, _ in bronze.landings() if each.dataset == dataset}
    else:
        read = (found for table in model.references if (found := models.spec(table)) is not None)
        wanted = {month for each in read if each.partition for month in records.partitions(each)}
    for month in sorted(wanted - records.partitions(spec).keys(), key=str):
        yield Remark(spec.name, month, f"made anew, empty, on {at:%Y-%m-%d}, and not run since")
