"""What a check of a statement finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

_QUOTED = re.compile(r"`([A-Za-z_]\w*)`")


@dataclass(frozen=True)
class Finding:
    """A construct that a statement must not have, and what to write instead."""

    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.construct}: {self.instead}"


Rule = Callable[[exp.Expr], Finding | None]
"""What is wrong with a node, if something is."""


def as_written(node: exp.Expr) -> str:
    """SQL as an author writes it, names without quotes that need none."""
    return _QUOTED.sub(r"\1", node.sql("bigquery"))
