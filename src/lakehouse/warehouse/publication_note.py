"""What is written down with a publication beside its rows, and is no part of what it is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.results import CheckResult
from lakehouse.warehouse.acceptance import Acceptance
from lakehouse.warehouse.statistics import Statistics

_VERSION = 1


@dataclass(frozen=True)
class PublicationNote:
    """Of a month that was made of a landed file: which one, what it holds, what guards said, who accepted what.

    ``also`` are the first digits of other landings that made the same rows, the newest first.
    """

    landing: str
    statistics: Statistics
    results: tuple[CheckResult, ...]
    accepted: Acceptance | None
    also: tuple[str, ...] = ()

    def is_of(self, landing: str) -> bool:
        """Whether this landing made the rows."""
        return landing == self.landing or landing.startswith(self.also)

    @property
    def text(self) -> str:
        """As a store keeps it."""
        results = [_plain(result) for result in self.results]
        accepted: dict[str, Any] = {} if self.accepted is None else {"accepted": asdict(self.accepted)}
        also = {"also": self.also} if self.also else {}
        plain = {"version": _VERSION, "landing": self.landing, **self.statistics.plain(), "results": results}
        return json.dumps({**plain, **accepted, **also}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> PublicationNote | None:
        """What :attr:`text` gave; None where nothing was written down, or by a later version."""
        plain = {} if text is None else json.loads(text)
        if plain.get("version") != _VERSION:
            return None
        accepted = plain.get("accepted")
        return cls(
            plain["landing"],
            Statistics.of_plain(plain),
            tuple(CheckResult(**each) for each in plain["results"]),
            None if accepted is None else Acceptance(**accepted),
            tuple(plain.get("also", ())),
        )


def _plain(result: CheckResult) -> Mapping[str, Any]:
    return {
        "name": result.name,
        "passed": result.passed,
        "failing": result.failing,
        "severity": result.severity,
        "blocking": result.blocking,
        "description": result.description,
        "facts": dict(result.facts),
    }
