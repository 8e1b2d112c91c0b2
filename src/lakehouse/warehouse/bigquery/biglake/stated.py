"""What a table's own metadata state of its months: which snapshot holds each, and what it was made of.

It is in the summary of the snapshot, and in a property of the table, which is set in the same commit: summaries go with
their snapshots. So a reader of the metadata knows all of it, and a record that was never written can be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.exceptions import CorruptFile
from lakehouse.partition import Partition, partition_named
from lakehouse.warehouse.bigquery.publications import Publication

if TYPE_CHECKING:
    from pyiceberg.table import Table

_PREFIX = "lakehouse.month."
SUMMARY_PREFIX = "lakehouse."
MONTH = "month"


@dataclass(frozen=True)
class Statement:
    """What is published of a month: ``publication`` is the same in all tables that were published together."""

    publication: str
    snapshot: str
    fingerprint: str
    content: str
    rows: int
    bytes: int
    published_at: str
    landing: str | None = None
    landed_records: int | None = None
    copies: int | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)

    def publication_of(self, recorded: Publication | None) -> Publication:
        """As a record would tell it; ``recorded`` is the newest that there is, of another snapshot or of none."""
        known = recorded.fingerprints if recorded is not None and recorded.content == self.content else frozenset()
        return Publication(
            sequence=0 if recorded is None else recorded.sequence,
            fingerprint=self.fingerprint,
            fingerprints=frozenset({self.fingerprint, *known}),
            content=self.content,
            rows=self.rows,
            bytes=self.bytes,
            version=self.snapshot,
            published_at=datetime.fromisoformat(self.published_at),
        )

    def property(self, partition: Partition) -> dict[str, str]:
        """The property of the table that keeps it."""
        return {property_name(partition): json.dumps(asdict(self), separators=(",", ":"))}

    def summary(self, partition: Partition, note: str | None) -> dict[str, str]:
        """What the summary of its snapshot says, whose own number it is not told."""
        told = {MONTH: str(partition), **asdict(self), "note": note}
        told |= {"rejected": json.dumps(dict(self.rejected)) if self.rejected else None, "snapshot": None}
        return {f"{SUMMARY_PREFIX}{name}": str(value) for name, value in told.items() if value is not None}


def property_name(partition: Partition) -> str:
    """Name of the table property that states what is published of a month."""
    return f"{_PREFIX}{partition}"


def now() -> str:
    """The moment, as statements tell it."""
    return datetime.now(UTC).isoformat()


def statements(table: Table | None, name: str) -> Mapping[Partition, Statement]:
    """What a table states of each month; nothing of one that is not there.

    Raises:
        CorruptFile: somebody else has written it.
    """
    if table is None:
        return {}
    found = {key: value for key, value in table.properties.items() if key.startswith(_PREFIX)}
    try:
        return {
            partition_named(key.removeprefix(_PREFIX)): Statement(**json.loads(text)) for key, text in found.items()
        }
    except (ValueError, TypeError) as error:
        raise CorruptFile(
            f"{name}: a property {_PREFIX}* cannot be read ({error}), which another tool must have written; make the "
            f"table anew: lakehouse set-aside {name}, then run its months"
        ) from None
