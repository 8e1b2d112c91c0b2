"""That a person lets a landing through which a guard would hold back: which one, who says so, and why."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass

FEWEST_DIGITS = 12
"""As many digits of a SHA-256 tell a landing from any other there will be."""

_LANDING = re.compile(rf"[0-9a-f]{{{FEWEST_DIGITS},64}}")


@dataclass(frozen=True)
class Acceptance:
    """``landing`` is the SHA-256 of the landed file that is meant, or how it begins: no other one is accepted.

    Raises:
        ValueError: it names no landing, nobody, or no reason.
    """

    landing: str
    by: str
    because: str

    def __post_init__(self) -> None:
        if not _LANDING.fullmatch(self.landing):
            raise ValueError(
                f"landing '{self.landing}' is no SHA-256: give {FEWEST_DIGITS} of its digits or more, as the check "
                "that holds it back shows them"
            )
        for name in ("by", "because"):
            if not getattr(self, name).strip():
                raise ValueError(f"'{name}' is empty: say {'who accepts it' if name == 'by' else 'why it is right'}")

    def __str__(self) -> str:
        return f"landing {self.landing}, by {self.by}: {self.because}"

    def covers(self, sha256: str) -> bool:
        """Whether it is this landing that is accepted."""
        return sha256.startswith(self.landing)


def this_user() -> str:
    """The name of whoever runs this process, as the system knows it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run as a user without an entry
        return f"user {os.geteuid()}"
