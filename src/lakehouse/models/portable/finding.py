"""What a check of a statement finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True)
class Finding:
    """A construct that a statement must not have, and what to write instead."""

    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.construct}: {self.instead}"


Rule = Callable[[exp.Expr], Finding | None]
"""What is wrong with a node, if something is."""


_OWN_NAME = re.compile(r"_\d+")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def as_written(node: exp.Expr) -> str:
    """SQL as an author writes it: without the names that a resolved statement has for what has none."""
    shown = node.copy()
    for column in shown.find_all(exp.Column):
        if _OWN_NAME.fullmatch(column.table):
            column.set("table", None)
    for name in shown.find_all(exp.Identifier):
        if _PLAIN.fullmatch(name.name):
            name.set("quoted", False)
    return shown.sql("bigquery")
