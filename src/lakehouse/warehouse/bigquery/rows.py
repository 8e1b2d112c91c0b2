"""What a query found, which is fetched page by page when it is asked for: that may fail as the query itself may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.warehouse.bigquery.answers import told_as_ours

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import Row
    from google.cloud.bigquery.table import RowIterator


@dataclass(frozen=True)
class Rows:
    """Those of a query that is done; ``doing`` is what it is called in messages."""

    found: RowIterator
    doing: str

    def __iter__(self) -> Iterator[Row]:
        with told_as_ours(self.doing):
            rows = list(self.found)
        return iter(rows)

    def to_arrow(self, *, create_bqstorage_client: bool) -> pa.Table:
        """All of them; see Google's client."""
        with told_as_ours(self.doing):
            return self.found.to_arrow(create_bqstorage_client=create_bqstorage_client)
