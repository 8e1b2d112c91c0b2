"""What an engine that bills for its work has billed, and would bill, for commands that show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import Partition

By: TypeAlias = Literal["asset", "month", "run"]
"""What jobs are told apart by."""


@dataclass(frozen=True)
class Spent:
    """What jobs of an asset, a month of data or a run billed; ``of`` is empty for those of none.

    ``slot_ms`` are milliseconds of the engine's slots, each counted.
    """

    of: str
    jobs: int
    bytes_billed: int
    slot_ms: int


@dataclass(frozen=True)
class Estimate:
    """What a run of a month of an asset would bill: so many bytes, by so many statements.

    ``known_by`` says how that is known, empty where it is not; ``note`` what a reader should know of it.
    """

    asset: str
    partition: Partition
    statements: int
    bytes_billed: int
    known_by: str
    note: str


class Estimates(Protocol):
    """Tells what an engine would bill, before it does anything."""

    @property
    def models(self) -> Models: ...

    def of(self, wanted: Iterable[tuple[SqlModel, Partition]]) -> Iterator[Estimate]:
        """What months of models would bill that are run in this order. Nothing is written, loaded or staged.

        Raises:
            ConfigurationError: it may not be asked, or a statement would bill more than one may.
        """
        ...


class Costs(Protocol):
    """What an engine bills for."""

    def spent(self, by: By, days: int) -> Sequence[Spent]:
        """What this house's jobs of the last days billed, those that billed most first.

        Raises:
            ConfigurationError: it may not be asked.
        """
        ...
