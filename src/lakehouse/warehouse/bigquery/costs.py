"""What BigQuery says that jobs of a place have billed.

``JOBS_BY_USER`` has the jobs of whoever asks, for 180 days; it takes no more than listing one's own jobs
(https://cloud.google.com/bigquery/docs/information-schema-jobs-by-user). The row of a script has the sums of its
statements, which have rows of their own: these would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.gcp.place import Place
from lakehouse.warehouse.bigquery.job_labels import MANAGED, labels_of
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.costs import By, Spent

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


class BigQueryCosts:
    """Implements :class:`lakehouse.warehouse.costs.Costs` of a place."""

    def __init__(self, client: Client, place: Place) -> None:
        self._place = place
        self._jobs = Jobs(client, "costs", labels_of(place), place.bytes_cap)

    def spent(self, by: By, days: int) -> Sequence[Spent]:
        """See the protocol."""
        (managed,) = MANAGED.values()
        bound: dict[str, object] = {"by": by, "days": days, "managed_by": managed, "prefix": self._place.prefix}
        rows = self._jobs.rows(spent_text(self._place.location), bound)
        return [Spent(row["of_label"], int(row["jobs"]), int(row["bytes_billed"]), int(row["slot_ms"])) for row in rows]


def spent_text(location: str) -> str:
    """The statement that adds up jobs by a label; the same for all labels, places and days."""
    return _SPENT.format(region=f"region-{location.lower()}")


_SPENT = """
SELECT
  COALESCE((SELECT l.value FROM UNNEST(labels) AS l WHERE l.key = @by), '') AS of_label,
  COUNT(*) AS jobs,
  COALESCE(SUM(total_bytes_billed), 0) AS bytes_billed,
  COALESCE(SUM(total_slot_ms), 0) AS slot_ms
FROM `{region}`.INFORMATION_SCHEMA.JOBS_BY_USER
WHERE creation_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL @days DAY)
  AND parent_job_id IS NULL
  AND EXISTS (SELECT 1 FROM UNNEST(labels) AS l WHERE l.key = 'managed-by' AND l.value = @managed_by)
  AND COALESCE((SELECT l.value FROM UNNEST(labels) AS l WHERE l.key = 'prefix'), '') = @prefix
GROUP BY of_label
ORDER BY bytes_billed DESC, of_label"""
