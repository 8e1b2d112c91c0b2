"""Landing records as a table that can be queried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.bronze.store import BronzeStore
from lakehouse.column_types import arrow_type
from lakehouse.partition import Period
from lakehouse.schema import Column

if TYPE_CHECKING:
    import pyarrow as pa

LANDINGS = "bronze.landings"
"""Name under which landing records can be queried."""

LANDING_COLUMNS = (
    Column("dataset", "STRING", "Dataset the file belongs to"),
    Column("month", "DATE", "First day of the month the file is for, NULL of a dataset that comes whole"),
    Column("url", "STRING", "Where it was fetched from"),
    Column("etag", "STRING", "Version the source gave it"),
    Column("last_modified", "STRING", "When the source says it last changed"),
    Column("bytes", "INT64", "Size of the file", "bytes"),
    Column("rows", "INT64", "Records in the file", "records"),
    Column("sha256", "STRING", "SHA-256 of the file"),
    Column("answer_sha256", "STRING", "SHA-256 of the source's answer, where the file was made from it"),
    Column("observed_at", "STRING", "When it was landed, UTC, ISO 8601"),
    Column("is_current", "BOOL", "Whether it is the month's newest landing"),
)


def landing_table(store: BronzeStore) -> pa.Table:
    """Every landing as a row of :data:`LANDING_COLUMNS`."""
    import pyarrow as pa

    schema = pa.schema([(column.name, arrow_type(column.type)) for column in LANDING_COLUMNS])
    rows = [
        {
            **landing.model_dump(mode="json", exclude={"suffix"}),
            "month": landing.partition.first_day if isinstance(landing.partition, Period) else None,
            "is_current": is_current,
        }
        for landing, is_current in store.landings()
    ]
    return pa.Table.from_pylist(rows, schema=schema)
