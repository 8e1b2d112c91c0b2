"""That a person lets a landing through which a guard would hold back: which one, who says so, and why."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_DIGITS = 12
"""As many digits of a SHA-256 tell a landing from any other there will be."""


@dataclass(frozen=True)
class Acceptance:
    """``landing`` is the SHA-256 of the landed file that is meant, or how it begins: no other one is accepted."""

    landing: str
    by: str
    because: str

    def covers(self, sha256: str) -> bool:
        """Whether it is this landing that is accepted."""
        return len(self.landing) >= FEWEST_DIGITS and sha256.startswith(self.landing)
