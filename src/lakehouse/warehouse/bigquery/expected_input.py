"""A landing that there is not yet, for whoever asks what it would cost: as large as its dataset says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.store import BronzeStore, Landing
from lakehouse.partition import Partition
from lakehouse.warehouse.landed_input import LandedInput

_KINDS = {
    **{"INT64": ("integer", "int64"), "NUMERIC": ("float", "double"), "FLOAT64": ("float", "double")},
    **{"BOOL": ("bool", "bool"), "DATE": ("date", "date32[day]"), "STRING": ("string", "string")},
    **{"DATETIME": ("datetime", "timestamp[us]"), "TIMESTAMP": ("timestamp", "timestamp[us, tz=UTC]")},
}
"""What a file usually has for each of BigQuery's types: kind and type."""

_NO_FILE = "0" * 64


class ExpectedInput(LandedInput):
    """Has the columns of its contract, each under its first name, and no file."""

    @cached_property
    def footer(self) -> tuple[SourceColumn, ...]:
        return tuple(SourceColumn(each.sources[0], *_KINDS[each.column.base_type]) for each in self.contract.canonical)


def expected_input(
    asset: str,
    contract: Contract,
    partition: Partition,
    store: BronzeStore,
    rejects: bool,
    sha256_digits: int,
) -> ExpectedInput | None:
    """What a partition will be about as large as; None of a dataset that does not say."""
    dataset = contract.dataset
    if dataset.usual_records is None:
        return None
    landing = Landing(
        dataset=dataset.name,
        month=partition.key if dataset.is_partitioned else None,
        url="",
        etag=None,
        last_modified=None,
        bytes=0,
        rows=dataset.usual_records,
        sha256=_NO_FILE,
        observed_at=datetime.now(UTC),
        suffix=dataset.suffix,
    )
    return ExpectedInput(asset, contract, landing, store, rejects, sha256_digits)
