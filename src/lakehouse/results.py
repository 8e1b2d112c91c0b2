"""What comes of what a warehouse does: checks, the ledger, what was published, what was prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from lakehouse.partition import WHOLE, Partition

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check on one month; ``failing`` counts rows (or columns, for drift).

    ``sample`` are a few of the rows that fail, the columns at fault first; None of a check that passed, and of one
    that no row fails by itself. ``reads_others`` says that it looks at other tables than the one that is checked.
    """

    name: str
    passed: bool
    failing: int
    severity: Literal["error", "warn"]
    blocking: bool
    description: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    sample: pa.Table | None = None
    reads_others: bool = False


@dataclass(frozen=True)
class Ledger:
    """Every landed row of a month accounted for; each term is counted by itself."""

    bronze_rows: int
    silver_rows: int
    duplicate_copies: int
    rejected: Mapping[str, int]
    unreadable_columns: str | None
    """The columns that records were rejected for as their values cannot be read, between commas."""

    @property
    def is_balanced(self) -> bool:
        accounted = self.silver_rows + self.duplicate_copies + sum(self.rejected.values())
        return self.bronze_rows == accounted


@dataclass(frozen=True)
class Difference:
    """What tells the new rows of a table, or of a month of it, from the old ones, as multisets of records.

    ``before`` and ``after`` count records, copies included. ``changed`` of those that are ``added`` are counterparts of
    one that is ``removed``, each of one: ``by_column`` says how many of them differ in a column. ``copied`` of those
    that are added, and have no counterpart, are further copies of a record that was there. ``sums`` are by how much the
    sum of a column differs, where it does. Where so much has changed that not all of it was paired, ``changed`` and
    ``by_column`` are of one in ``one_in`` of what records are of, and ``copied`` of all that are added.
    """

    table: str
    partition: Partition
    before: int
    after: int
    added: int
    removed: int
    changed: int
    copied: int
    by_column: Mapping[str, int]
    sums: Mapping[str, int | Decimal]
    one_in: int = 1

    @property
    def kept(self) -> int:
        """Records that are as they were."""
        return self.before - self.removed

    @property
    def is_empty(self) -> bool:
        """Whether the records are the same."""
        return not self.added and not self.removed


@dataclass(frozen=True)
class Consequence:
    """What other rows of a table change in a table that is made of them; ``rows`` are the first that do, if any.

    Where its ``difference`` could not be told, ``fault`` says why.
    """

    asset: str
    partition: Partition
    difference: Difference | None
    rows: pa.Table | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Restatement:
    """What replacing a table, or a month of it, changes in it and in what is made of it.

    Where its ``difference`` could not be told, ``fault`` says why. ``left_out`` is how many months were not looked at,
    by asset.
    """

    difference: Difference | None
    consequences: tuple[Consequence, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    fault: str | None = None


class Effect(StrEnum):
    """What replacing a month did."""

    PUBLISHED = "published"
    """Its rows are new."""
    CONFIRMED = "confirmed"
    """It was computed, and its rows are those that were published: nothing was written but that they are."""
    UNCHANGED = "unchanged"
    """It was made of the same by the same, so nothing was computed."""


@dataclass(frozen=True)
class EngineJob:
    """Something that an engine did by itself and keeps an account of; ``url`` shows it.

    ``slot_ms`` are milliseconds of its processors, each counted.
    """

    id: str
    kind: str
    url: str
    bytes_billed: int
    bytes_processed: int
    slot_ms: int


@dataclass(frozen=True)
class ReplaceResult:
    """What became of one month of one model.

    ``content`` identifies what the month now holds: equal content, equal rows. ``version`` is the snapshot
    or job that holds it, None while the table has never been written. ``preview`` are the month's first rows.
    ``datasets`` are those that a model which puts several together was made of. ``restatement`` is what other rows
    replaced, None where there were none before, or the same.
    """

    rows: int
    content: str
    effect: Effect
    reason: str | None
    """Why it was computed; None of a month that was left as it is."""
    version: str | None
    seconds: float
    bytes_written: int
    checks: tuple[CheckResult, ...]
    preview: pa.Table
    ledger: Ledger | None
    datasets: tuple[str, ...]
    accepted: str | None
    """Who let it be published though a guard would have held it back, and why; None where none would."""
    restatement: Restatement | None
    jobs: tuple[EngineJob, ...] = ()
    """What the engine did for it, of one that keeps an account of that."""

    @property
    def skipped(self) -> bool:
        """Whether nothing was computed."""
        return self.effect is Effect.UNCHANGED


@dataclass(frozen=True)
class Remark:
    """What a reader of a month of a table, or of all of it, should know; ``text`` says it of the table."""

    table: str
    partition: Partition
    text: str

    def __str__(self) -> str:
        return f"{self.table}: {self.text}"

    def concerns(self, partition: Partition) -> bool:
        """Whether it is of a month; what is of the whole table is."""
        return self.partition in (WHOLE, partition)


@dataclass(frozen=True)
class Publication:
    """What a table holds of a month, or whole.

    ``version`` is the snapshot or job that published it, at ``published_at``. ``is_current`` says that running the
    month again would change nothing: it was computed by the model, and from the inputs, that there are now.
    """

    rows: int
    bytes: int
    version: str | None
    published_at: datetime | None
    is_current: bool


@dataclass(frozen=True)
class Holdings:
    """What a model's table holds, partition by partition; of one that cannot be read, what is the ``damage``."""

    partitions: Mapping[Partition, Publication]
    remarks: tuple[Remark, ...] = ()
    damage: str | None = None


@dataclass(frozen=True)
class Preparation:
    """What a preparation did: names of the tables that it created, and of those that it changed.

    ``damage`` tells of tables that it could not look at.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    damage: tuple[str, ...] = ()
