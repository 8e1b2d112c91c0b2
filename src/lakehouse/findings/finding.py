"""One thing that was looked at: what it is, how it is, what was found, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lakehouse.exceptions import LakehouseError, MachineFault


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and not as it should."""
    FAULT = "fault"
    UNSEEN = "unseen"
    """It cannot be looked at because of another."""


@dataclass(frozen=True)
class Finding:
    """What was ``found`` of ``what``; ``mend`` is what to do about a warning or a fault, None of all others."""

    what: str
    state: State
    found: str
    mend: str | None = None


def ok(what: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(what, State.OK, found)


def warning(what: str, found: str, mend: str) -> Finding:
    """It works, and not as it should."""
    return Finding(what, State.WARNING, found, mend)


def fault(what: str, found: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(what, State.FAULT, found, mend)


def unseen(what: str, because: str) -> Finding:
    """It could not be looked at."""
    return Finding(what, State.UNSEEN, f"not looked at: {because}")


def told(what: str, error: LakehouseError, named: str = "") -> Finding:
    """A fault, as an error tells it, without the name that its line begins with."""
    found, mend = (error.fact, error.advice) if isinstance(error, MachineFault) else parted(str(error))
    return fault(what, found.removeprefix(f"{named or what}: "), mend)


def lines_told(what: str, error: LakehouseError) -> Iterator[Finding]:
    """A fault for each line of an error that has several."""
    for line in str(error).splitlines():
        yield fault(what, *parted(line))


def parted(line: str) -> tuple[str, str]:
    """What is wrong, and what to do about it, of an error's line: the last colon or semicolon is between them.

    But for those in brackets, where others are quoted. They are counted from the end, as what was quoted may be cut.
    """
    depth = 0
    for place in range(len(line) - 1, 0, -1):
        depth += (line[place] == ")") - (line[place] == "(")
        if depth == 0 and line[place : place + 2] in {": ", "; "}:
            return line[:place], line[place + 2 :]
    return line, "correct it"
