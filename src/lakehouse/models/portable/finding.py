"""What a check of a statement finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A construct that a statement must not have, and what to write instead."""

    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.construct}: {self.instead}"
