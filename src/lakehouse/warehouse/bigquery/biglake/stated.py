"""What a table's own metadata state of its months: which snapshot holds each, and what it was made of.

It is in the summary of the snapshot, and in a property of the table, which is set in the same commit: summaries go with
their snapshots. So a reader of the metadata knows all of it, and a record that was never written can be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.exceptions import CorruptFile
from lakehouse.models import dialect
from lakehouse.partition import Partition, Period, partition_named
from lakehouse.schema import Column
from lakehouse.warehouse.bigquery.literals import text_literal
from lakehouse.warehouse.bigquery.publications import SHA256_DIGITS, Publication

if TYPE_CHECKING:
    from pyiceberg.table import Table

_PREFIX = "lakehouse.month."
SUMMARY_PREFIX = "lakehouse."
MONTH = "month"


@dataclass(frozen=True)
class StatedMonth:
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


def _statement(text: str) -> StatedMonth:
    """What a property states.

    Raises:
        ValueError, TypeError: it states something else.
    """
    stated = StatedMonth(**json.loads(text))
    datetime.fromisoformat(stated.published_at)
    if not all(type(count) is int for count in (stated.rows, stated.bytes, *stated.rejected.values())):
        raise ValueError("a count is no number")
    return stated


def with_stated(
    accounts: exp.Query,
    columns: Sequence[Column],
    reasons: Sequence[str],
    stated: Mapping[tuple[str, Partition], StatedMonth],
) -> exp.Query:
    """What was put down of each month's ledger, with what tables state of months that was not."""
    names = [f"`{column.name}`" for column in columns]
    months = [f"(table_name = {text_literal(name)} AND month = {_date(month)})" for name, month in stated]
    put_down = exp.select(*map(_read, names)).from_(accounts.subquery("held"))
    query: exp.Query = put_down.where(_read(f"NOT ({' OR '.join(months)})"))
    for (name, month), each in stated.items():
        rejected = [str(int(each.rejected.get(reason, 0))) for reason in reasons]
        landing = text_literal((each.landing or "")[:SHA256_DIGITS])
        values = [text_literal(name), _date(month), landing, str(each.rows), str(each.copies or 0), *rejected]
        told = (f"{value} AS {column}" for value, column in zip(values, names, strict=True))
        query = query.union(exp.select(*map(_read, told)), distinct=False)
    return query


def _read(sql: str) -> exp.Expr:
    return exp.maybe_parse(sql, dialect=dialect.BIGQUERY)


def _date(partition: Partition) -> str:
    return f"DATE '{partition.first_day.isoformat()}'" if isinstance(partition, Period) else "CAST(NULL AS DATE)"


def property_name(partition: Partition) -> str:
    """Name of the table property that states what is published of a month."""
    return f"{_PREFIX}{partition}"


def now() -> str:
    """The moment, as statements tell it."""
    return datetime.now(UTC).isoformat()


def statements(table: Table | None, name: str) -> Mapping[Partition, StatedMonth]:
    """What a table states of each month; nothing of one that is not there.

    Raises:
        CorruptFile: somebody else has written it.
    """
    if table is None:
        return {}
    found = {key: value for key, value in table.properties.items() if key.startswith(_PREFIX)}
    try:
        return {partition_named(key.removeprefix(_PREFIX)): _statement(text) for key, text in found.items()}
    except (ValueError, TypeError) as error:
        raise CorruptFile(
            f"{name}: a property {_PREFIX}* cannot be read ({error}), which another tool must have written; make the "
            f"table anew: lakehouse set-aside {name}, then run its months"
        ) from None
