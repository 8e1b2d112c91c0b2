"""What an engine that bills for its work has billed, for commands that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

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


class Costs(Protocol):
    """What an engine bills for."""

    def spent(self, by: By, days: int) -> Sequence[Spent]:
        """What this house's jobs of the last days billed, those that billed most first.

        Raises:
            ConfigurationError: it may not be asked.
        """
        ...
