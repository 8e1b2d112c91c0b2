"""What a query found, which is fetched page by page when it is asked for: that may fail as the query itself may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from lakehouse.exceptions import StatementFailed, StatementFault
from lakehouse.warehouse.bigquery.answers import told_as_ours

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import Row
    from google.cloud.bigquery.table import RowIterator


@dataclass(frozen=True)
class Rows:
    """Those of a query that is done; ``doing`` is what it is called in messages.

    They have to be here when the clock says ``ends``, if anything; some millions take minutes.
    """

    found: RowIterator
    doing: str
    ends: float | None = None

    def __iter__(self) -> Iterator[Row]:
        with told_as_ours(self.doing):
            rows = list(self.found)
        return iter(rows)

    def to_arrow(self) -> pa.Table:
        """All of them.

        Raises:
            StatementFailed: it takes longer than it may.
        """
        import pyarrow as pa

        pages = []
        with told_as_ours(self.doing):
            for page in self.found.to_arrow_iterable():
                if self.ends is not None and monotonic() > self.ends:
                    raise StatementFailed("its rows are not here after the time that it may take", StatementFault.TIME)
                pages.append(page)
        return pa.Table.from_batches(pages)
